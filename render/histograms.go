package render

import (
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// storedHistogram returns the enabled jobs of this program that store a histogram as a native one and
// as a classic one, among those whose series the selector selects. Other metrics that it selects
// count as classic: their series stay too. Of jobs whose metrics are
// unknown, it returns those that store it as a native one for certain: no other job can have
// what the selector selects, and only histograms have buckets.
func (s *Stack) storedHistogram(histogram string, selector *parser.VectorSelector) (native, classic []string) {
	name := histograms.MetricName(selector)
	unknown := strings.HasSuffix(name, "_bucket")
	for _, extra := range s.Config.Discovery.ExtraScrapeConfigs {
		job, _ := extra["job_name"].(string)
		unknown = unknown && !selectsJob(selector, job)
	}
	var open []string
	for _, job := range config.Jobs {
		exposed, enabled := s.Exposed[job]
		if !enabled || !selectsJob(selector, string(job)) {
			continue
		}
		switch m := exposed[histogram]; {
		case exposed == nil:
			open = append(open, string(job))
			unknown = unknown && s.Config.Native(job)
		case m.Native:
			native = append(native, string(job))
		case m.Type == model.MetricTypeHistogram, name != histogram && hasSample(exposed, histogram, name):
			classic = append(classic, string(job))
		}
	}
	if len(native)+len(classic) == 0 && unknown {
		return open, nil
	}
	return native, classic
}

// hasSample reports whether an exposition has samples of a name that has the suffix of a series of a
// classic histogram: of a metric of this name, or of a summary with the name of the histogram.
func hasSample(exposed metrics.Exposition, histogram, name string) bool {
	_, exact := exposed[name]
	m, ok := exposed[histogram]
	return exact || ok && slices.Contains(m.SampleNames(), name)
}

// selectsJob reports whether a selector's matchers of the label job accept a job.
func selectsJob(selector *parser.VectorSelector, job string) bool {
	return !slices.ContainsFunc(selector.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == model.JobLabel && !m.Matches(job) })
}
