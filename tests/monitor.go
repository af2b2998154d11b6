package tests

import (
	"context"
	"fmt"
	"net"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

var keepSecrets = plugin.MarshalOptions{KeepSecrets: true, KeepResources: true, KeepUnknowns: true}

// recorder stands for the engine: it accepts every resource as it is, and
// remembers it. It is a server because the SDK's own mocks (pulumi.WithMocks)
// panic when a program registers a resource hook.
type recorder struct {
	pulumirpc.UnimplementedResourceMonitorServer

	mu         sync.Mutex
	registered []*pulumirpc.RegisterResourceRequest
	root       string
	warnings   []string
	hooks      map[string]*pulumirpc.RegisterResourceHookRequest
	atShutdown func() // what an engine does when the program has registered everything
}

func (r *recorder) run(t testing.TB, program pulumi.RunFunc) error {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := grpc.NewServer()
	pulumirpc.RegisterResourceMonitorServer(server, r)
	pulumirpc.RegisterEngineServer(server, engine{recorder: r})
	go func() { _ = server.Serve(listener) }()
	defer server.Stop()
	return pulumi.RunErr(program, func(info *pulumi.RunInfo) {
		address := listener.Addr().String()
		info.Project, info.Stack, info.MonitorAddr, info.EngineAddr = config.Project, "test", address, address
	})
}

func (r *recorder) RegisterResource(_ context.Context, in *pulumirpc.RegisterResourceRequest) (*pulumirpc.RegisterResourceResponse, error) {
	urn := fmt.Sprintf("urn:pulumi:test::%s::%s::%s", config.Project, in.Type, in.Name)
	if in.Type == "pulumi:pulumi:Stack" {
		return &pulumirpc.RegisterResourceResponse{Urn: urn}, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.registered = append(r.registered, in)
	return &pulumirpc.RegisterResourceResponse{Urn: urn, Id: in.Name + "-id", Object: in.Object}, nil
}

func (r *recorder) SupportsFeature(_ context.Context, in *pulumirpc.SupportsFeatureRequest) (*pulumirpc.SupportsFeatureResponse, error) {
	features := map[string]bool{"secrets": true, "resourceReferences": true, "resourceHooks": true}
	return &pulumirpc.SupportsFeatureResponse{HasSupport: features[in.Id]}, nil
}

func (r *recorder) RegisterResourceOutputs(context.Context, *pulumirpc.RegisterResourceOutputsRequest) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (r *recorder) RegisterResourceHook(_ context.Context, in *pulumirpc.RegisterResourceHookRequest) (*emptypb.Empty, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hooks == nil {
		r.hooks = map[string]*pulumirpc.RegisterResourceHookRequest{}
	}
	r.hooks[in.Name] = in
	return &emptypb.Empty{}, nil
}

func (r *recorder) SignalAndWaitForShutdown(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	if r.atShutdown != nil {
		r.atShutdown()
	}
	return &emptypb.Empty{}, nil
}

// callHook calls a hook of the program as the engine does, and returns the
// error that it answers with. It works while the program runs.
func (r *recorder) callHook(t testing.TB, name string, request *pulumirpc.ResourceHookRequest) string {
	t.Helper()
	callback := r.hooks[name].GetCallback()
	require.NotNil(t, callback, "hook %s", name)
	connection, err := grpc.NewClient(callback.Target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	defer func() { _ = connection.Close() }()
	body, err := proto.Marshal(request)
	require.NoError(t, err)
	reply, err := pulumirpc.NewCallbacksClient(connection).Invoke(t.Context(), &pulumirpc.CallbackInvokeRequest{Token: callback.Token, Request: body})
	require.NoError(t, err)
	var answer pulumirpc.ResourceHookResponse
	require.NoError(t, proto.Unmarshal(reply.Response, &answer))
	return answer.Error
}

// engine is the half of the engine that programs log to.
type engine struct {
	pulumirpc.UnimplementedEngineServer
	recorder *recorder
}

func (e engine) Log(_ context.Context, in *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	e.recorder.mu.Lock()
	defer e.recorder.mu.Unlock()
	e.recorder.warnings = append(e.recorder.warnings, in.Message)
	return &emptypb.Empty{}, nil
}

func (e engine) GetRootResource(context.Context, *pulumirpc.GetRootResourceRequest) (*pulumirpc.GetRootResourceResponse, error) {
	return &pulumirpc.GetRootResourceResponse{Urn: e.recorder.root}, nil
}

func (e engine) SetRootResource(_ context.Context, in *pulumirpc.SetRootResourceRequest) (*pulumirpc.SetRootResourceResponse, error) {
	e.recorder.root = in.Urn
	return &pulumirpc.SetRootResourceResponse{}, nil
}
