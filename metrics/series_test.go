package metrics

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSeries(t *testing.T) {
	sizes, err := Series()
	require.NoError(t, err)
	for exporter, named := range sizes {
		exposed, err := Of(exporter, "")
		require.NoError(t, err)
		assert.NotNil(t, exposed, exporter)
		for name, size := range named {
			assert.Positive(t, size.In(1, 1, 1), "%s %s", exporter, name)
		}
	}
	text := sizes.String()
	again, err := ParseSizes(text)
	require.NoError(t, err)
	assert.Equal(t, sizes, again)
}

func TestSizesRejected(t *testing.T) {
	for text, want := range map[string]string{
		"etcd up":          `line 1: "etcd up"; want: exporter name numbers`,
		"etcd up target=x": `line 1: "target=x": strconv.ParseFloat`,
		"etcd up disk=1":   `line 1: "disk=1"; allowed: target, node, pod, quantiles`,
	} {
		_, err := ParseSizes(text)
		assert.ErrorContains(t, err, want)
	}
}
