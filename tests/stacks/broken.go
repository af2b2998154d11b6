package stacks

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests/broken"
)

// A broken stack registers nothing at all.
func Broken(t *testing.T, program Preview) {
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
			recorder, err := program.with(values, secretKeys)
			require.Error(t, err)
			assert.Empty(t, recorder.Snapshot(t))
		})
	}
}
