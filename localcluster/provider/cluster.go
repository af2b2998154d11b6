package provider

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
)

// fieldManager owns the fields that the stand-in applies.
const fieldManager = "pulumi-kubernetes-standin"

// connectTimeout bounds the question whether the cluster answers at all.
const connectTimeout = 5 * time.Second

// Client-side rate limits, as in the official provider.
const (
	clientQPS   = 50
	clientBurst = 120
)

// cluster talks to one API server.
type cluster struct {
	dynamic dynamic.Interface
	mapper  meta.ResettableRESTMapper
	rest    rest.Interface // for what is no object: container logs; nil in tests

	poll time.Duration // at most this between two looks at an object that is waited for
}

// connect returns the cluster that the settings select, or why it cannot be reached.
func connect(s settings, log Log) (*cluster, error) {
	clientConfig, err := s.clientConfig()
	if err != nil {
		return nil, err
	}
	config, err := clientConfig.ClientConfig()
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = clientQPS, clientBurst
	config.UserAgent = fieldManager
	config.WarningHandler = rest.NewWarningWriter(log, rest.WarningWriterOptions{Deduplicate: true})
	if s.quiet {
		config.WarningHandler = rest.NoWarnings{}
	}

	probe := rest.CopyConfig(config)
	probe.Timeout = connectTimeout
	probeClient, err := discovery.NewDiscoveryClientForConfig(probe)
	if err != nil {
		return nil, err
	}
	if _, err := probeClient.ServerVersion(); err != nil {
		return nil, fmt.Errorf("%s: %w", config.Host, err)
	}

	discoveryClient, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	dynamicClient, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &cluster{
		dynamic: dynamicClient,
		mapper:  restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discoveryClient)),
		rest:    discoveryClient.RESTClient(),
		poll:    time.Second,
	}, nil
}

// mapping finds the API resource of a kind, asking the server again for one that is
// unknown: its definition may have been created a moment ago.
func (c *cluster) mapping(gvk schema.GroupVersionKind) (*meta.RESTMapping, error) {
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		c.mapper.Reset()
		mapping, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	return mapping, err
}

// client returns the endpoint of an object's kind, in its namespace if the kind has one.
func (c *cluster) client(obj *unstructured.Unstructured) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapping(obj.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	client := c.dynamic.Resource(mapping.Resource)
	if mapping.Scope.Name() == meta.RESTScopeNameRoot {
		return client, nil
	}
	ns := obj.GetNamespace()
	if ns == "" {
		ns = metav1.NamespaceDefault
	}
	return client.Namespace(ns), nil
}

func (c *cluster) get(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	client, err := c.client(obj)
	if err != nil {
		return nil, err
	}
	return client.Get(ctx, obj.GetName(), metav1.GetOptions{})
}

// A realRun changes the cluster, a dryRun asks the API server what it would do.
var (
	realRun []string
	dryRun  = []string{metav1.DryRunAll}
)

// apply sends the object by server-side apply. Unknown fields are refused: the official
// provider catches them earlier, by its schema.
func (c *cluster) apply(ctx context.Context, obj *unstructured.Unstructured, run []string) (*unstructured.Unstructured, error) {
	client, err := c.client(obj)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(obj)
	if err != nil {
		return nil, err
	}
	force := annotated(obj, patchForceAnnotation)
	live, err := client.Patch(ctx, obj.GetName(), types.ApplyPatchType, body, metav1.PatchOptions{
		FieldManager: fieldManager, Force: &force, DryRun: run, FieldValidation: metav1.FieldValidationStrict,
	})
	return live, explainConflict(err)
}

// tryCreate asks the API server whether it would accept the object as a new one.
func (c *cluster) tryCreate(ctx context.Context, obj *unstructured.Unstructured) error {
	client, err := c.client(obj)
	if err != nil {
		return err
	}
	_, err = client.Create(ctx, obj, metav1.CreateOptions{
		FieldManager: fieldManager, DryRun: dryRun, FieldValidation: metav1.FieldValidationStrict,
	})
	return err
}

// conflictError says which fields another manager owns. It still is the API's conflict.
type conflictError struct {
	fields []string
	cause  error
}

func (e *conflictError) Error() string {
	return fmt.Sprintf("field conflict: %s. Remove the fields from the program, or take them over with the annotation %s: \"true\"",
		strings.Join(e.fields, "; "), patchForceAnnotation)
}

func (e *conflictError) Unwrap() error { return e.cause }

// explainConflict turns the API server's conflict into one line per field and manager.
func explainConflict(err error) error {
	var status apierrors.APIStatus
	if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return err
	}
	e := &conflictError{cause: err}
	for _, cause := range status.Status().Details.Causes {
		if cause.Type == metav1.CauseTypeFieldManagerConflict {
			// The message reads: conflict with "kubectl" using apps/v1
			manager := strings.TrimPrefix(cause.Message, "conflict with ")
			e.fields = append(e.fields, fmt.Sprintf("%s is owned by %s", cause.Field, manager))
		}
	}
	if len(e.fields) == 0 {
		return err
	}
	return e
}

// awaitLeaving waits while an object of that name is on its way out: applying to it would
// succeed and then vanish with it.
func (c *cluster) awaitLeaving(ctx context.Context, obj *unstructured.Unstructured) error {
	return c.until(ctx, func() (bool, error) {
		live, err := c.get(ctx, obj)
		switch {
		case apierrors.IsNotFound(err):
			return true, nil
		case err != nil:
			return false, err
		case live.GetDeletionTimestamp() == nil:
			return true, nil
		}
		return false, notYet(whyStaying(live))
	})
}

// delete removes the object, its dependents first, and waits until it is gone. One that
// does not exist, or whose kind no longer does, is gone already.
func (c *cluster) delete(ctx context.Context, ref *unstructured.Unstructured, report func(string)) error {
	client, err := c.client(ref)
	if meta.IsNoMatchError(err) {
		return nil
	} else if err != nil {
		return err
	}
	policy := metav1.DeletePropagationForeground
	if p := ref.GetAnnotations()[propagationAnnotation]; p != "" {
		policy = metav1.DeletionPropagation(strings.ToUpper(p[:1]) + p[1:])
	}
	err = client.Delete(ctx, ref.GetName(), metav1.DeleteOptions{PropagationPolicy: &policy})
	if apierrors.IsNotFound(err) {
		return nil
	} else if err != nil {
		return err
	}
	var uid types.UID
	return c.until(ctx, func() (bool, error) {
		live, err := client.Get(ctx, ref.GetName(), metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err), err == nil && uid != "" && live.GetUID() != uid: // gone, or already succeeded
			report("gone")
			return true, nil
		case err != nil:
			return false, err
		}
		uid = live.GetUID()
		why := whyStaying(live)
		report(why)
		return false, notYet(why)
	})
}

// whyStaying says what keeps a deleted object.
func whyStaying(live *unstructured.Unstructured) string {
	conditions, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	for _, c := range conditions {
		// A namespace lists what is left in it as conditions.
		if c, ok := c.(map[string]any); ok && live.GetKind() == "Namespace" && c["status"] == "True" {
			return fmt.Sprint("waiting for its deletion: ", c["message"])
		}
	}
	if claim, _, _ := unstructured.NestedString(live.Object, "spec", "claimRef", "name"); claim != "" && live.GetKind() == "PersistentVolume" {
		return fmt.Sprintf("waiting for its deletion: claim %s uses it", claim)
	}
	if f := live.GetFinalizers(); len(f) > 0 {
		return "waiting for its deletion: held by " + strings.Join(f, ", ")
	}
	return "waiting for its deletion"
}

// notYet is why a wait goes on; it becomes the error when time is up.
type notYet string

func (n notYet) Error() string { return string(n) }

// until polls done until it is true or fails; notYet and short failures of the API server
// keep it waiting. If the context ends first the error is the last reason to wait.
func (c *cluster) until(ctx context.Context, done func() (bool, error)) error {
	reason := error(notYet("no answer yet"))
	for pause := c.poll / 16; ; pause = min(2*pause, c.poll) {
		ok, err := done()
		var wait notYet
		switch {
		case ok:
			return nil
		case ctx.Err() != nil:
			return reason
		case err != nil && !errors.As(err, &wait) && !transient(err):
			return err
		case err != nil:
			reason = err
		}
		select {
		case <-ctx.Done():
			return reason
		case <-time.After(pause):
		}
	}
}

// transient tells errors that pass: an API server that is busy or just restarting.
func transient(err error) bool {
	return apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServiceUnavailable(err) || apierrors.IsInternalError(err) ||
		utilnet.IsConnectionRefused(err) || utilnet.IsConnectionReset(err) || utilnet.IsProbableEOF(err) || utilnet.IsTimeout(err)
}
