package provider

import (
	"context"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// server is the SDK's protocol layer with its diffs completed: it leaves out the flag that
// makes the engine look at the field-by-field diff, and turns the removal of an immutable
// field into a plain removal.
type server struct {
	pulumirpc.ResourceProviderServer
}

// NewServer makes a provider ready to be registered with a gRPC server.
func NewServer(p *Provider) pulumirpc.ResourceProviderServer {
	return server{plugin.NewProviderServer(p)}
}

func (s server) Diff(ctx context.Context, req *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	resp, err := s.ResourceProviderServer.Diff(ctx, req)
	if err != nil {
		return nil, err
	}
	resp.HasDetailedDiff = true
	slices.Sort(resp.Diffs)
	slices.Sort(resp.Replaces)
	for _, path := range resp.Replaces {
		if d := resp.DetailedDiff[path]; d.GetKind() == pulumirpc.PropertyDiff_DELETE {
			d.Kind = pulumirpc.PropertyDiff_DELETE_REPLACE
		}
	}
	return resp, nil
}
