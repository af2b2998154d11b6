// Package offline runs a Pulumi program without an engine, a provider or a
// cluster, and returns what it registers: for tests, and to show what a stack
// is made of.
package offline

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Engine accepts every resource as it is, and remembers it. It is a server
// because the SDK's own mocks (pulumi.WithMocks) panic when a program registers
// a resource hook, and because a program may be another process. An Engine
// serves one run of one program.
type Engine struct {
	// AtShutdown is called when the program has registered everything and still
	// runs, so that its hooks can be called.
	AtShutdown func()

	pulumirpc.UnimplementedResourceMonitorServer

	mu         sync.Mutex
	registered []*pulumirpc.RegisterResourceRequest
	hooks      map[string]*pulumirpc.RegisterResourceHookRequest
	warnings   []string
	errors     []string
}

// Run runs a program in this process.
func (e *Engine) Run(program pulumi.RunFunc) error {
	address, stop, err := e.serve()
	if err != nil {
		return err
	}
	defer stop()
	return pulumi.RunErr(program, func(info *pulumi.RunInfo) {
		info.Project, info.Stack, info.MonitorAddr, info.EngineAddr = config.Project, "test", address, address
	})
}

// Warnings returns what the program logged as warnings.
func (e *Engine) Warnings() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.warnings
}

// Hook returns a hook that the program registered, nil if there is none.
func (e *Engine) Hook(name string) *pulumirpc.RegisterResourceHookRequest {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.hooks[name]
}

// CallHook calls a hook as the engine does, which works from AtShutdown, and
// returns why the hook refuses, if it does.
func (e *Engine) CallHook(ctx context.Context, name string, request *pulumirpc.ResourceHookRequest) (refusal string, err error) {
	callback := e.Hook(name).GetCallback()
	if callback == nil {
		return "", fmt.Errorf("no hook %s is registered", name)
	}
	connection, err := grpc.NewClient(callback.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", err
	}
	defer connection.Close()
	body, err := proto.Marshal(request)
	if err != nil {
		return "", err
	}
	reply, err := pulumirpc.NewCallbacksClient(connection).Invoke(ctx, &pulumirpc.CallbackInvokeRequest{Token: callback.Token, Request: body})
	if err != nil {
		return "", err
	}
	var answer pulumirpc.ResourceHookResponse
	if err := proto.Unmarshal(reply.Response, &answer); err != nil {
		return "", err
	}
	return answer.Error, nil
}

// serve listens on loopback until stop is called.
func (e *Engine) serve() (address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	// A registration carries a whole ConfigMap of dashboards.
	server := grpc.NewServer(grpc.MaxRecvMsgSize(64 << 20))
	pulumirpc.RegisterResourceMonitorServer(server, e)
	pulumirpc.RegisterEngineServer(server, &log{engine: e})
	go func() { _ = server.Serve(listener) }()
	return listener.Addr().String(), server.Stop, nil
}

const stackType = "pulumi:pulumi:Stack"

// RegisterResource remembers a resource and returns its inputs as its outputs.
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

// qualified is a resource's type below the types of its parents, as in URNs.
func qualified(in *pulumirpc.RegisterResourceRequest) string {
	parts := strings.Split(in.Parent, "::")
	if len(parts) < 4 || parts[2] == stackType {
		return in.Type
	}
	return parts[2] + "$" + in.Type
}

// SupportsFeature tells the SDK what it may send.
func (e *Engine) SupportsFeature(_ context.Context, in *pulumirpc.SupportsFeatureRequest) (*pulumirpc.SupportsFeatureResponse, error) {
	features := map[string]bool{"secrets": true, "resourceReferences": true, "resourceHooks": true}
	return &pulumirpc.SupportsFeatureResponse{HasSupport: features[in.Id]}, nil
}

// RegisterResourceOutputs accepts a component's outputs.
func (e *Engine) RegisterResourceOutputs(context.Context, *pulumirpc.RegisterResourceOutputsRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// RegisterResourceHook remembers a hook for CallHook.
func (e *Engine) RegisterResourceHook(_ context.Context, in *pulumirpc.RegisterResourceHookRequest) (*emptypb.Empty, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.hooks == nil {
		e.hooks = map[string]*pulumirpc.RegisterResourceHookRequest{}
	}
	e.hooks[in.Name] = in
	return &emptypb.Empty{}, nil
}

// SignalAndWaitForShutdown is the program's last call.
func (e *Engine) SignalAndWaitForShutdown(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	if e.AtShutdown != nil {
		e.AtShutdown()
	}
	return &emptypb.Empty{}, nil
}

// log is the half of the engine that programs log to.
type log struct {
	pulumirpc.UnimplementedEngineServer
	engine *Engine
	root   string
}

func (l *log) Log(_ context.Context, in *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	l.engine.mu.Lock()
	defer l.engine.mu.Unlock()
	switch in.Severity {
	case pulumirpc.LogSeverity_WARNING:
		l.engine.warnings = append(l.engine.warnings, in.Message)
	case pulumirpc.LogSeverity_ERROR:
		l.engine.errors = append(l.engine.errors, in.Message)
	}
	return &emptypb.Empty{}, nil
}

func (l *log) GetRootResource(context.Context, *pulumirpc.GetRootResourceRequest) (*pulumirpc.GetRootResourceResponse, error) {
	return &pulumirpc.GetRootResourceResponse{Urn: l.root}, nil
}

func (l *log) SetRootResource(_ context.Context, in *pulumirpc.SetRootResourceRequest) (*pulumirpc.SetRootResourceResponse, error) {
	l.root = in.Urn
	return &pulumirpc.SetRootResourceResponse{}, nil
}
