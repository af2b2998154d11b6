package offline

import (
	"errors"
	"fmt"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Register runs a part of a program in this process, and returns the resources that it registers. It may neither
// read resources nor call functions of providers.
func Register(stack string, program pulumi.RunFunc) ([]Resource, error) {
	m := &Mocks{}
	err := pulumi.RunErr(program, pulumi.WithMocks(config.Project, stack, m))
	return m.Resources(err)
}

// Mocks implements Pulumi's mocks. It accepts every resource unchanged and records it.
type Mocks struct {
	mu       sync.Mutex
	requests []*pulumirpc.RegisterResourceRequest
	failures []error
}

// NewResource records a resource and returns its inputs as its outputs. It fails the run if the program reads a
// resource.
func (m *Mocks) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	if args.RegisterRPC == nil {
		return "", nil, m.Fail("%s %s is read, which is not mocked", args.TypeToken, args.Name)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests = append(m.requests, args.RegisterRPC)
	return args.Name + "-id", args.Inputs, nil
}

// Call fails the run, because functions of providers are not mocked.
func (m *Mocks) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return nil, m.Fail("%s is called, which is not mocked", args.Token)
}

// Fail makes the run fail, even if the program ignores the error that it returns.
func (m *Mocks) Fail(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failures = append(m.failures, err)
	return err
}

// Resources returns the registered resources after a run that ended with an error, or nil. Its own error has that one
// and whatever else the run did wrong.
func (m *Mocks) Resources(run error) ([]Resource, error) {
	resources, twice := Resources(m.requests)
	return resources, errors.Join(append(m.failures, run, twice)...)
}
