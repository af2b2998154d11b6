package provider

import (
	"context"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// Log writes to the engine's event stream. Without an engine it discards. A message that
// cannot be delivered is dropped: it must not fail an operation.
type Log struct {
	Engine pulumirpc.EngineClient
}

// Info and Warn show a message for good, at the resource if there is one.
func (l Log) Info(ctx context.Context, urn resource.URN, msg string) {
	l.send(ctx, &pulumirpc.LogRequest{Severity: pulumirpc.LogSeverity_INFO, Urn: string(urn), Message: msg})
}

func (l Log) Warn(ctx context.Context, urn resource.URN, msg string) {
	l.send(ctx, &pulumirpc.LogRequest{Severity: pulumirpc.LogSeverity_WARNING, Urn: string(urn), Message: msg})
}

// Status shows what a resource waits for, until the next message or the end of the wait.
func (l Log) Status(ctx context.Context, urn resource.URN, msg string) {
	l.send(ctx, &pulumirpc.LogRequest{Severity: pulumirpc.LogSeverity_INFO, Urn: string(urn), Message: msg, Ephemeral: true})
}

// Write makes warnings of what client-go writes: the API server's own warnings.
func (l Log) Write(msg []byte) (int, error) {
	l.Warn(context.Background(), "", string(msg))
	return len(msg), nil
}

func (l Log) send(ctx context.Context, req *pulumirpc.LogRequest) {
	if l.Engine != nil {
		_, _ = l.Engine.Log(ctx, req)
	}
}
