// Package offline runs a built Pulumi program without an engine, a provider or a cluster,
// and returns the resources and outputs that it registers.
package offline

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Engine records the resources and outputs of one run of one program. Tests that run the program in
// their own process use the SDK's mocks instead.
type Engine struct {
	pulumirpc.UnimplementedResourceMonitorServer

	stacks map[string]map[string]any // outputs of other stacks, by the stack's full name

	mu         sync.Mutex
	registered []*pulumirpc.RegisterResourceRequest
	outputs    map[string]any
	errors     []string
}

// Resources returns the resources that the program registered; see the function Resources.
func (e *Engine) Resources() ([]Resource, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Resources(e.registered)
}

// Outputs returns the outputs of the stack, by name.
func (e *Engine) Outputs() map[string]any {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.outputs
}

// serve serves the engine on a free loopback port until stop is called.
func (e *Engine) serve() (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	// A request can contain a ConfigMap of dashboards, and the default is 4 MiB.
	server := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	pulumirpc.RegisterResourceMonitorServer(server, e)
	pulumirpc.RegisterEngineServer(server, &log{engine: e})
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), server.Stop, nil
}

const stackType = "pulumi:pulumi:Stack"

// RegisterResource records a resource and returns its inputs as its outputs.
func (e *Engine) RegisterResource(_ context.Context, in *pulumirpc.RegisterResourceRequest) (*pulumirpc.RegisterResourceResponse, error) {
	urn := fmt.Sprintf("urn:pulumi:test::%s::%s::%s", config.Project, qualified(in), in.Name)
	if in.Type == stackType {
		return &pulumirpc.RegisterResourceResponse{Urn: urn}, nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.registered = append(e.registered, in)
	return &pulumirpc.RegisterResourceResponse{Urn: urn, Id: in.Name + "-id", Object: in.Object}, nil
}

// ReadResource returns the outputs of another stack, and fails for any other resource.
func (e *Engine) ReadResource(_ context.Context, in *pulumirpc.ReadResourceRequest) (*pulumirpc.ReadResourceResponse, error) {
	if in.Type != "pulumi:pulumi:StackReference" {
		return nil, fmt.Errorf("%s %s: only outputs of stacks are read without an engine", in.Type, in.Name)
	}
	state, err := structpb.NewStruct(map[string]any{"name": in.Id, "outputs": e.stacks[in.Id]})
	return &pulumirpc.ReadResourceResponse{Urn: fmt.Sprintf("urn:pulumi:test::%s::%s::%s", config.Project, in.Type, in.Name), Properties: state}, err
}

// qualified returns a resource's type after the types of its parents, as in URNs.
func qualified(in *pulumirpc.RegisterResourceRequest) string {
	parts := strings.Split(in.Parent, "::")
	if len(parts) < 4 || parts[2] == stackType {
		return in.Type
	}
	return parts[2] + "$" + in.Type
}

// SupportsFeature reports whether the SDK may use a feature.
func (e *Engine) SupportsFeature(_ context.Context, in *pulumirpc.SupportsFeatureRequest) (*pulumirpc.SupportsFeatureResponse, error) {
	features := map[string]bool{"secrets": true, "resourceReferences": true, "resourceHooks": true}
	return &pulumirpc.SupportsFeatureResponse{HasSupport: features[in.Id]}, nil
}

// RegisterResourceOutputs records the outputs of the stack, and accepts those of a component.
func (e *Engine) RegisterResourceOutputs(_ context.Context, in *pulumirpc.RegisterResourceOutputsRequest) (*emptypb.Empty, error) {
	if strings.Contains(in.Urn, "::"+stackType+"::") {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.outputs = in.Outputs.AsMap()
	}
	return &emptypb.Empty{}, nil
}

// RegisterResourceHook accepts a hook, which is never called.
func (e *Engine) RegisterResourceHook(context.Context, *pulumirpc.RegisterResourceHookRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// SignalAndWaitForShutdown accepts the program's last request.
func (e *Engine) SignalAndWaitForShutdown(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// log is the part of the engine to which programs log.
type log struct {
	pulumirpc.UnimplementedEngineServer
	engine *Engine
}

func (l *log) Log(_ context.Context, in *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	if in.Severity == pulumirpc.LogSeverity_ERROR {
		l.engine.mu.Lock()
		defer l.engine.mu.Unlock()
		l.engine.errors = append(l.engine.errors, in.Message)
	}
	return &emptypb.Empty{}, nil
}
