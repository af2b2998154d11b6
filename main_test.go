package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests"
)

// The committed stacks keep every invariant of tests/.
func TestStacks(t *testing.T) {
	for _, stack := range []string{"dev", "prod"} {
		t.Run(stack, func(t *testing.T) {
			cfg, err := config.FromFile("Pulumi." + stack + ".yaml")
			require.NoError(t, err)
			tests.CheckStack(t, tests.Stack(t, deploy, cfg), cfg)
		})
	}
}
