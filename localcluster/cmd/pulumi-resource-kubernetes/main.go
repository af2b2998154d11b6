// Command pulumi-resource-kubernetes is the demo's stand-in for Pulumi's Kubernetes
// provider. The Pulumi CLI starts it from $PULUMI_HOME/plugins with the engine's address
// as its last argument.
package main

import (
	"log"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/plugin"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/provider"
)

func main() {
	err := plugin.Serve(func(srv *grpc.Server, engine string) error {
		conn, err := grpc.NewClient(engine, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		p := provider.New(provider.Log{Engine: pulumirpc.NewEngineClient(conn)})
		pulumirpc.RegisterResourceProviderServer(srv, provider.NewServer(p))
		return nil
	})
	if err != nil {
		log.Fatalf("pulumi-resource-kubernetes: %v", err)
	}
}
