// Command pulumi-language-go is the demo's stand-in for Pulumi's Go language host. The Pulumi
// CLI finds it on PATH and starts it with the engine's address as its last argument.
package main

import (
	"log"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/language"
)

func main() {
	if err := language.Serve(); err != nil {
		log.Fatalf("pulumi-language-go: %v", err)
	}
}
