// Package provider is the stand-in for pulumi-resource-kubernetes: a Pulumi resource
// provider for Kubernetes objects on client-go. It exists for machines that cannot
// download the official plugin, serves nothing but the demo, and behaves like the official
// one wherever the program could notice: diffs and replacements, server-side apply,
// waiting for readiness, secrets.
//
// It knows plain API objects only: no Helm, Kustomize or YAML resources, no Patch and List
// kinds, no client-side apply, no rendering of YAML.
package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/blang/semver"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Version is the release of the official provider that this one stands in for.
const Version = "4.24.1"

const notice = "pulumi-resource-kubernetes is the stand-in of `make demo`, not the official provider: not for production."

// defaultTimeout bounds the wait for an object that sets none, as in the official provider.
const defaultTimeout = 10 * time.Minute

// Provider serves Kubernetes objects of one cluster.
type Provider struct {
	plugin.UnimplementedProvider

	log      Log
	settings settings
	cluster  *cluster // nil while the cluster is unknown or does not answer; unreachable says why

	unreachable error

	cancelled context.Context
	cancel    context.CancelFunc
}

// New returns a provider that reports to the given log.
func New(log Log) *Provider {
	p := &Provider{log: log, unreachable: errors.New("the provider is not configured")}
	p.cancelled, p.cancel = context.WithCancel(context.Background())
	return p
}

func (p *Provider) Pkg() tokens.Package { return "kubernetes" }

func (p *Provider) Close() error { return nil }

func (p *Provider) Handshake(
	context.Context, plugin.ProviderHandshakeRequest,
) (*plugin.ProviderHandshakeResponse, error) {
	return &plugin.ProviderHandshakeResponse{AcceptSecrets: true}, nil
}

func (p *Provider) GetPluginInfo(context.Context) (plugin.PluginInfo, error) {
	v := semver.MustParse(Version)
	return plugin.PluginInfo{Version: &v}, nil
}

// GetSchema names the package and nothing in it: inputs are checked by the API server.
func (p *Provider) GetSchema(context.Context, plugin.GetSchemaRequest) (plugin.GetSchemaResponse, error) {
	return plugin.GetSchemaResponse{Schema: []byte(`{"name":"kubernetes","version":"` + Version + `"}`)}, nil
}

// SignalCancellation ends every wait; objects already applied stay recorded.
func (p *Provider) SignalCancellation(context.Context) error {
	p.cancel()
	return nil
}

func (p *Provider) Invoke(_ context.Context, req plugin.InvokeRequest) (plugin.InvokeResponse, error) {
	return plugin.InvokeResponse{}, status.Errorf(codes.Unimplemented,
		"%s: the demo's stand-in for the kubernetes provider has no functions; use the official plugin", req.Tok)
}

// Check completes a resource's inputs: name, namespace, secrets.
func (p *Provider) Check(_ context.Context, req plugin.CheckRequest) (plugin.CheckResponse, error) {
	inputs := req.News.Copy()
	if !inputs.HasValue("metadata") {
		inputs["metadata"] = resource.NewProperty(resource.PropertyMap{})
	}
	if failures := checkPlainObject(req.Type, inputs); len(failures) > 0 {
		return plugin.CheckResponse{Properties: inputs, Failures: failures}, nil
	}
	if err := setName(inputs, req); err != nil {
		return plugin.CheckResponse{}, err
	}
	p.setNamespace(inputs)
	markSecretData(inputs)
	return plugin.CheckResponse{Properties: inputs}, nil
}

// Diff compares the old inputs with the new ones. After a refresh the old inputs carry what
// the cluster has, so drift shows as a change.
func (p *Provider) Diff(_ context.Context, req plugin.DiffRequest) (plugin.DiffResponse, error) {
	return diff(req.OldInputs, req.NewInputs, p.settings), nil
}

// Create applies a new object and waits until it is ready.
//
// Like the official provider under server-side apply it adopts an object of that name that
// already exists: a claim kept from an earlier deployment is found again, and fields that
// someone else owns are reported as conflicts.
func (p *Provider) Create(ctx context.Context, req plugin.CreateRequest) (plugin.CreateResponse, error) {
	if req.Preview {
		return plugin.CreateResponse{Properties: req.Properties}, p.tryCreate(ctx, req.Properties)
	}
	id, outputs, err := p.apply(ctx, req.URN, req.Properties, req.Timeout)
	return plugin.CreateResponse{ID: id, Properties: outputs}, err
}

// Update applies changed inputs and waits until the object is ready again.
func (p *Provider) Update(ctx context.Context, req plugin.UpdateRequest) (plugin.UpdateResponse, error) {
	if req.Preview {
		outputs, err := p.tryUpdate(ctx, req.NewInputs)
		return plugin.UpdateResponse{Properties: outputs}, err
	}
	_, outputs, err := p.apply(ctx, req.URN, req.NewInputs, req.Timeout)
	return plugin.UpdateResponse{Properties: outputs}, err
}

// apply brings the object to its inputs. An object that was applied and did not become
// ready is returned inside the error, so that the engine records it.
func (p *Provider) apply(
	ctx context.Context, urn resource.URN, inputs resource.PropertyMap, timeoutSeconds float64,
) (resource.ID, resource.PropertyMap, error) {
	if p.cluster == nil {
		return "", nil, p.errUnreachable()
	}
	obj, err := toObject(inputs)
	if err != nil {
		return "", nil, err
	}
	timeout := timeoutFor(obj, timeoutSeconds)
	ctx, stop := p.operation(ctx, timeout)
	defer stop()

	if err := p.cluster.awaitLeaving(ctx, obj); err != nil {
		return "", nil, fmt.Errorf("%s: waiting for its predecessor to leave: %w", describe(obj), err)
	}
	live, err := p.cluster.apply(ctx, obj, realRun)
	if err != nil {
		return "", nil, redact(fmt.Errorf("%s: %w", describe(obj), err), inputs)
	}
	id := idOf(live)
	ready, err := p.cluster.await(ctx, live, p.progress(urn))
	if err != nil {
		err = explainEnd(ctx, err, fmt.Sprintf("not ready within %s", timeout))
		return "", nil, initFailed(id, toOutputs(live, inputs), nil, redact(fmt.Errorf("%s: %w", describe(live), err), inputs))
	}
	if ready.GetKind() == "CustomResourceDefinition" {
		p.cluster.mapper.Reset()
	}
	return id, toOutputs(ready, inputs), nil
}

// tryCreate has the API server validate a new object without storing it. What the same
// update may still bring about (its namespace, its kind's definition, the removal of a
// predecessor) is no reason to fail the preview.
func (p *Provider) tryCreate(ctx context.Context, inputs resource.PropertyMap) error {
	if p.cluster == nil || inputs.ContainsUnknowns() {
		return nil
	}
	obj, err := toObject(inputs)
	if err != nil {
		return err
	}
	if err = p.cluster.tryCreate(ctx, obj); failsPreview(err) {
		return redact(fmt.Errorf("%s: %w", describe(obj), err), inputs)
	}
	return nil
}

// failsPreview tells whether the API server has judged the object itself, in contrast to
// what it lacks or may not do right now.
func failsPreview(err error) bool {
	var judged apierrors.APIStatus
	return errors.As(err, &judged) && !apierrors.IsNotFound(err) && !apierrors.IsAlreadyExists(err) &&
		!apierrors.IsForbidden(err) && !apierrors.IsServiceUnavailable(err) && !apierrors.IsTooManyRequests(err) &&
		!apierrors.IsTimeout(err) && !apierrors.IsServerTimeout(err)
}

// tryUpdate has the API server apply the change without storing it and returns what would
// result; without a cluster that is the inputs alone.
func (p *Provider) tryUpdate(ctx context.Context, inputs resource.PropertyMap) (resource.PropertyMap, error) {
	if p.cluster == nil || inputs.ContainsUnknowns() {
		return inputs, nil
	}
	obj, err := toObject(inputs)
	if err != nil {
		return nil, err
	}
	live, err := p.cluster.apply(ctx, obj, dryRun)
	switch {
	case failsPreview(err):
		return nil, redact(fmt.Errorf("%s: %w", describe(obj), err), inputs)
	case err != nil:
		return inputs, nil
	}
	unstructured.RemoveNestedField(live.Object, "metadata", "resourceVersion")
	unstructured.RemoveNestedField(live.Object, "metadata", "generation")
	unstructured.RemoveNestedField(live.Object, "status")
	return toOutputs(live, inputs), nil
}

// Read reports the object as it is, for refresh and import. An object that is gone yields
// an empty ID.
func (p *Provider) Read(ctx context.Context, req plugin.ReadRequest) (plugin.ReadResponse, error) {
	if p.cluster == nil {
		if p.settings.deleteUnreachable {
			p.log.Warn(ctx, req.URN, "the cluster is unreachable and deleteUnreachable is set: dropped from the state")
			return plugin.ReadResponse{}, nil
		}
		return plugin.ReadResponse{}, p.errUnreachable()
	}
	ref, err := reference(req.ID, req.Type, req.Inputs)
	if err != nil {
		return plugin.ReadResponse{}, err
	}
	ctx, stop := p.operation(ctx, defaultTimeout)
	defer stop()
	live, err := p.cluster.get(ctx, ref)
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return plugin.ReadResponse{}, nil
	} else if err != nil {
		return plugin.ReadResponse{}, fmt.Errorf("%s: %w", describe(ref), err)
	}

	inputs := importedInputs(live)
	if len(req.Inputs) > 0 {
		inputs = liveInputs(live, req.Inputs)
	}
	outputs := toOutputs(live, inputs)
	// A refresh must not report an object as healthy that an earlier update gave up on.
	if ready, why, err := p.cluster.ready(ctx, live); err != nil || !ready {
		if err != nil {
			why = err.Error()
		}
		return plugin.ReadResponse{}, initFailed(req.ID, outputs, inputs, fmt.Errorf("%s: %s", describe(live), why))
	}
	return plugin.ReadResponse{ReadResult: plugin.ReadResult{ID: req.ID, Inputs: inputs, Outputs: outputs}}, nil
}

// Delete removes the object and waits until it is gone.
func (p *Provider) Delete(ctx context.Context, req plugin.DeleteRequest) (plugin.DeleteResponse, error) {
	if p.cluster == nil {
		if p.settings.deleteUnreachable {
			return plugin.DeleteResponse{}, nil
		}
		return plugin.DeleteResponse{}, p.errUnreachable()
	}
	ref, err := reference(req.ID, req.Type, req.Inputs)
	if err != nil {
		return plugin.DeleteResponse{}, err
	}
	timeout := timeoutFor(ref, req.Timeout)
	ctx, stop := p.operation(ctx, timeout)
	defer stop()
	if err := p.cluster.delete(ctx, ref, p.progress(req.URN)); err != nil {
		err = explainEnd(ctx, err, fmt.Sprintf("not gone within %s", timeout))
		return plugin.DeleteResponse{}, fmt.Errorf("%s: %w", describe(ref), err)
	}
	return plugin.DeleteResponse{}, nil
}

// operation bounds a request by its timeout and by the engine's cancellation.
func (p *Provider) operation(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	ctx, stop := context.WithTimeout(ctx, timeout)
	detach := context.AfterFunc(p.cancelled, stop)
	return ctx, func() { detach(); stop() }
}

// explainEnd says that an operation failed because its time was up or it was cancelled.
func explainEnd(ctx context.Context, err error, timedOut string) error {
	switch ctx.Err() {
	case nil:
		return err
	case context.DeadlineExceeded:
		return fmt.Errorf("%s: %w", timedOut, err)
	default:
		return fmt.Errorf("cancelled: %w", err)
	}
}

// progress reports what an operation waits for, each message once.
func (p *Provider) progress(urn resource.URN) func(string) {
	last := ""
	return func(msg string) {
		if msg != last {
			p.log.Status(p.cancelled, urn, msg)
			last = msg
		}
	}
}

func (p *Provider) errUnreachable() error {
	return fmt.Errorf("the Kubernetes cluster is unreachable: %w", p.unreachable)
}

// initFailed is the error that hands the engine an object which exists and is not ready.
func initFailed(id resource.ID, outputs, inputs resource.PropertyMap, err error) error {
	opts := plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, KeepResources: true}
	rpcOutputs, oerr := plugin.MarshalProperties(outputs, opts)
	rpcInputs, ierr := plugin.MarshalProperties(inputs, opts)
	if mErr := errors.Join(oerr, ierr); mErr != nil {
		return errors.Join(err, mErr)
	}
	return rpcerror.WithDetails(rpcerror.New(codes.Unknown, err.Error()), &pulumirpc.ErrorResourceInitFailed{
		Id: string(id), Properties: rpcOutputs, Inputs: rpcInputs, Reasons: []string{err.Error()},
	})
}

// checkPlainObject refuses what only the official provider can serve.
func checkPlainObject(typ tokens.Type, inputs resource.PropertyMap) []plugin.CheckFailure {
	kind := inputs["kind"]
	if !kind.IsString() || !inputs["apiVersion"].IsString() {
		return []plugin.CheckFailure{{Property: "kind", Reason: fmt.Sprintf(
			"%s: the demo's stand-in for the kubernetes provider serves plain API objects, which have apiVersion and kind; use the official plugin", typ)}}
	}
	if name := string(typ.Name()); name == kind.StringValue()+"Patch" || strings.HasSuffix(name, "List") {
		return []plugin.CheckFailure{{Property: "kind", Reason: fmt.Sprintf(
			"%s: the demo's stand-in for the kubernetes provider has no Patch and List kinds; use the official plugin", typ)}}
	}
	if m := inputs["metadata"]; m.IsObject() && m.ObjectValue().HasValue("generateName") {
		return []plugin.CheckFailure{{Property: "metadata.generateName", Reason: "server-side apply needs metadata.name"}}
	}
	return nil
}

// setName generates metadata.name where the program gives none, and keeps a generated one
// for as long as the object lives.
func setName(inputs resource.PropertyMap, req plugin.CheckRequest) error {
	metadata := object(inputs["metadata"])
	if metadata == nil || metadata.HasValue("name") {
		return nil
	}
	old := object(req.Olds["metadata"])
	name := old["name"]
	if !isAutonamed(old) || !name.IsString() {
		generated, err := resource.NewUniqueName(req.RandomSeed, req.Name+"-", 8, 0, nil)
		if err != nil {
			return err
		}
		name = resource.NewProperty(generated)
	}
	annotations := resource.PropertyMap{}
	maps.Copy(annotations, object(metadata["annotations"]))
	annotations[autonamedAnnotation] = resource.NewProperty("true")
	setMetadata(inputs, "name", name)
	setMetadata(inputs, "annotations", resource.NewProperty(annotations))
	return nil
}

// setNamespace writes the namespace that an object without one would land in.
func (p *Provider) setNamespace(inputs resource.PropertyMap) {
	metadata := object(inputs["metadata"])
	if metadata == nil || metadata.HasValue("namespace") || !p.namespaced(gvkOf(inputs)) {
		return
	}
	setMetadata(inputs, "namespace", resource.NewProperty(p.settings.defaultNamespace()))
}
