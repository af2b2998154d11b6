package main

import (
	"os"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests/stacks"
)

// TestMain runs the Pulumi program instead of the tests if a Pulumi engine has started this
// binary, which TestProgram arranges.
func TestMain(m *testing.M) {
	if os.Getenv(pulumi.EnvMonitor) == "" {
		os.Exit(m.Run())
	}
	main()
}

func TestProgram(t *testing.T) {
	binary, err := os.Executable()
	require.NoError(t, err)
	stacks.Binary(t, binary)
}

func TestOutputs(t *testing.T) {
	binary, err := os.Executable()
	require.NoError(t, err)
	stacks.Outputs(t, binary)
}

func TestPreviewStops(t *testing.T)           { stacks.PreviewStops(t, program) }
func TestBrokenStacks(t *testing.T)           { stacks.Broken(t, program) }
func TestStacks(t *testing.T)                 { stacks.Committed(t, deploy) }
func TestVariants(t *testing.T)               { stacks.Variants(t, deploy) }
func TestParts(t *testing.T)                  { stacks.Parts(t, deploy) }
func TestCentral(t *testing.T)                { stacks.Central(t, deploy) }
func TestInvariantsFail(t *testing.T)         { stacks.InvariantsFail(t, deploy) }
func TestTransforms(t *testing.T)             { stacks.Transforms(t, deploy) }
func TestTransformsStop(t *testing.T)         { stacks.TransformsStop(t, program) }
func TestPlatforms(t *testing.T)              { stacks.Platforms(t, deploy) }
func TestAutopilot(t *testing.T)              { stacks.Autopilot(t, deploy) }
func TestOpenShift(t *testing.T)              { stacks.OpenShift(t, deploy) }
func TestManifests(t *testing.T)              { stacks.Manifests(t, deploy) }
func TestConnectionsAreAdmitted(t *testing.T) { stacks.ConnectionsAreAdmitted(t, deploy) }
func TestOtherConnectionsAreRefused(t *testing.T) {
	stacks.OtherConnectionsAreRefused(t, deploy)
}
