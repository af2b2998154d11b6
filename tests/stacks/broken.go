package stacks

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests/broken"
)

// Broken asserts that a preview of a broken stack fails and registers no resource.
func Broken(t *testing.T, program Preview) {
	cases, err := broken.Cases()
	require.NoError(t, err)
	for _, c := range cases {
		t.Run(c.String(), func(t *testing.T) {
			text, err := c.StackFile(os.ReadFile)
			require.NoError(t, err)
			values, secretKeys, err := broken.Raw(text)
			if err != nil || c.InFile || c.Dashboards != nil {
				t.Skip("the program does not get this from Pulumi")
			}
			recorder, err := program.with(values, secretKeys)
			require.Error(t, err)
			assert.Empty(t, recorder.Snapshot(t))
		})
	}
}
