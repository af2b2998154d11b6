package offline

import (
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
	r := &registrations{}
	if err := pulumi.RunErr(program, pulumi.WithMocks(config.Project, stack, r)); err != nil {
		return nil, err
	}
	return Resources(r.requests)
}

// registrations implements Pulumi's mocks. It accepts every resource unchanged.
type registrations struct {
	mu       sync.Mutex
	requests []*pulumirpc.RegisterResourceRequest
}

// NewResource records a resource and returns its inputs as its outputs.
func (r *registrations) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	if args.RegisterRPC == nil {
		return "", nil, fmt.Errorf("%s %s cannot be read without an engine", args.TypeToken, args.Name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, args.RegisterRPC)
	return args.Name + "-id", args.Inputs, nil
}

// Call fails, because no provider runs.
func (r *registrations) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return nil, fmt.Errorf("%s cannot be called without an engine", args.Token)
}
