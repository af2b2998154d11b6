// Command pulumi-language-go is the demo's stand-in for Pulumi's Go language host. The
// Pulumi CLI starts it, found on PATH, with the engine's address as its last argument.
package main

import (
	"log"

	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/language"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/plugin"
)

func main() {
	err := plugin.Serve(func(srv *grpc.Server, engine string) error {
		pulumirpc.RegisterLanguageRuntimeServer(srv, language.NewHost(engine))
		return nil
	})
	if err != nil {
		log.Fatalf("pulumi-language-go: %v", err)
	}
}
