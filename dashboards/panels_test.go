package dashboards

import (
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A ranking looks at the end of the time range, or at all of it, and draws the same expression.
func TestRankings(t *testing.T) {
	for got, want := range map[string]string{
		largest(3, `sum by (a) (b{c="d"}) / sum by (a) (e{})`):                          `sum by (a) (b{c="d"}) / sum by (a) (e{}) and topk(3, sum by (a) (b{c="d"} @ end()) / sum by (a) (e{} @ end()))`,
		largest(3, `rate(b{c="d"}[$__rate_interval])`):                                  `rate(b{c="d"}[$__rate_interval]) and topk(3, rate(b{c="d"}[$__rate_interval] @ end()))`,
		mostOf(3, `(rate(b{c="d"}[$__rate_interval]) or 0 * e{c="d"})`):                 `(rate(b{c="d"}[$__rate_interval]) or 0 * e{c="d"}) and topk(3, (rate(b{c="d"}[$__range] @ end()) or 0 * e{c="d"} @ end()))`,
		mostOf(3, `histogram_quantile(0.9, sum by (le) (rate(b{}[$__rate_interval])))`): `histogram_quantile(0.9, sum by (le) (rate(b{}[$__rate_interval]))) and topk(3, histogram_quantile(0.9, sum by (le) (rate(b{}[$__range] @ end()))))`,
	} {
		assert.Equal(t, want, got)
		replaced, _ := substitute(got, nil, nil, nil)
		_, err := parser.NewParser(parser.Options{}).ParseExpr(replaced)
		require.NoError(t, err)
	}
}
