// Package tests runs the program and its components under Pulumi's mocks and examines what they
// register: unit tests of each component, and invariants that hold for every stack. Its folder e2e
// contains the tests on a real node.
package tests

import (
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
)

// Recorder implements Pulumi's mocks. It accepts every resource unchanged and records what a run of
// a program registers and logs.
type Recorder struct {
	offline.Mocks

	mu       sync.Mutex
	hooks    map[string]*pulumi.ResourceHook
	warnings []string

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
	r.resources, err = r.Resources(err)
	return r, err
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
		_ = r.Fail("%s: %w", args.Name, err)
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
			_ = r.Fail("%s: another hook is also called %s", args.Name, hook.Name)
		}
	}
	return nil
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
