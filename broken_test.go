package main

import (
	"os"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests/broken"
)

// A broken stack registers nothing at all.
func TestBrokenStacks(t *testing.T) {
	cases, err := broken.Cases()
	require.NoError(t, err)
	for _, c := range cases {
		t.Run(c.String(), func(t *testing.T) {
			text, err := c.StackFile(os.ReadFile)
			require.NoError(t, err)
			values, secretKeys, err := broken.Raw(text)
			if err != nil || c.InFile || c.Dashboards != nil {
				t.Skip("not what this program gets from Pulumi")
			}
			recorder, err := tests.Run(func(ctx *pulumi.Context) error {
				return program(ctx, pulumi.RunInfo{Config: values, ConfigSecretKeys: secretKeys})
			})
			require.Error(t, err)
			assert.Empty(t, recorder.Snapshot(t))
		})
	}
}
