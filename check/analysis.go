package check

import (
	"slices"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Analysis is a rendered stack with what the checks derive from it.
type Analysis struct {
	*render.Stack

	Queries []query // of the stack, without those of custom dashboards that only another stack shows

	jobs   []*job     // in the order of prometheus.yml; then, without a Prometheus, the one of loadElsewhere
	series *catalogue // every series that the server can have

	estimate Estimate // zero if the size of the cluster is not known
	least    Estimate // of one node without pods
}

// query is one PromQL expression of a rule or a dashboard.
type query = render.Query

// Analyse derives which series a stack's server can have.
func Analyse(s *render.Stack) *Analysis {
	a := &Analysis{Stack: s, Queries: s.Queries}
	if !s.Config.Grafana.Shows() { // the stack that shows them may have more series
		a.Queries = slices.DeleteFunc(slices.Clone(s.Queries), func(q query) bool { return q.Panel && q.Own })
	}
	a.loadJobs()
	a.series = newCatalogue(a)
	a.setEstimates()
	return a
}
