// Package tests runs the program and its components under Pulumi's mocks and examines what they
// register: unit tests of each component, and invariants that hold for every stack. Its folder e2e
// contains the tests on a real node.
package tests

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
)

// Recorder implements Pulumi's mocks. It accepts every resource unchanged and records what a run of
// a program registers and logs.
type Recorder struct {
	mu         sync.Mutex
	registered []*pulumirpc.RegisterResourceRequest
	hooks      map[string]*pulumi.ResourceHook
	warnings   []string
	failures   []error // what fails the run, whether or not the program returns it

	resources []offline.Resource // the registered resources, set when the run ends
}

// Run runs a program under a Recorder. The error is the program's, or describes what the program
// did that an engine rejects or that is not mocked.
func Run(program pulumi.RunFunc) (*Recorder, error) {
	r := &Recorder{hooks: map[string]*pulumi.ResourceHook{}}
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		ctx.Log = log{ctx.Log, r} // the mocks drop what is logged
		if err := ctx.RegisterStackTransformation(r.recordHooks); err != nil {
			return err
		}
		return program(ctx)
	}, pulumi.WithMocks(config.Project, "test", r))
	resources, twice := offline.Resources(r.registered)
	r.resources = resources
	return r, errors.Join(append(r.failures, err, twice)...)
}

// NewResource records a resource and returns its inputs as its outputs. It fails the run if the
// program reads a resource.
func (r *Recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	if args.RegisterRPC == nil {
		return "", nil, r.fail("%s %s is read, which is not mocked", args.TypeToken, args.Name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.registered = append(r.registered, args.RegisterRPC)
	return args.Name + "-id", args.Inputs, nil
}

// Call fails the run, because functions of providers are not mocked.
func (r *Recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return nil, r.fail("%s is called, which is not mocked", args.Token)
}

// Snapshot returns what the program registered. The test fails if a Kubernetes
// object has fields that its type does not have.
func (r *Recorder) Snapshot(t testing.TB) Snapshot {
	t.Helper()
	return snapshot(t, r.resources)
}

// Warnings returns what the program logged as warnings.
func (r *Recorder) Warnings() []string { return r.warnings }

// Hook returns the hook called name of any resource; nil if there is none.
func (r *Recorder) Hook(name string) *pulumi.ResourceHook { return r.hooks[name] }

// recordHooks records the hooks of a resource, of which the mocks get only the names, and leaves
// the resource unchanged. Like the engine, it rejects a second hook with the same name.
func (r *Recorder) recordHooks(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
	options, err := pulumi.NewResourceOptions(args.Opts...)
	if err != nil {
		_ = r.fail("%s: %w", args.Name, err)
		return nil
	}
	if options.Hooks == nil {
		return nil
	}
	for _, hook := range options.Hooks.BeforeUpdate {
		r.mu.Lock()
		other := r.hooks[hook.Name]
		r.hooks[hook.Name] = hook
		r.mu.Unlock()
		if other != nil && other != hook {
			_ = r.fail("%s: another hook is also called %s", args.Name, hook.Name)
		}
	}
	return nil
}

// fail makes the run fail, even if the program ignores the error that it returns.
func (r *Recorder) fail(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, err)
	return err
}

// log is a program's log that records warnings.
type log struct {
	pulumi.Log
	recorder *Recorder
}

// Warn records a warning and passes it on.
func (l log) Warn(message string, args *pulumi.LogArgs) error {
	l.recorder.mu.Lock()
	l.recorder.warnings = append(l.recorder.warnings, message)
	l.recorder.mu.Unlock()
	return l.Log.Warn(message, args)
}
