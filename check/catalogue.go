package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check/metrics"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// series are those of one name that one job brings, or rules record.
type series struct {
	name   string
	job    *job // nil if recorded
	labels labelSet
	own    labelSet // the labels that do not come from the target
	bounds []float64
	bucket bool
}

// catalogue is every series that the stack's server can have, by name.
type catalogue struct {
	stack    *Analysis
	byName   map[string][]*series
	prefixed []*series           // that stand for every name with their name's beginning
	dropped  map[string][]string // name to the jobs whose relabelling drops it
	recorded map[string][]*query // name to the rules that record it
	names    []string            // sorted

	inferred  map[string][]*series // of recorded names
	inferring map[string]bool      // recorded names whose labels are being worked out
}

// scraped are the series that every scrape adds, and extraScraped those of the
// feature extra-scrape-metrics:
// https://prometheus.io/docs/concepts/jobs_instances/#automatically-generated-labels-and-time-series
var (
	scraped      = []string{"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added"}
	extraScraped = []string{"scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes"}
)

func newCatalogue(s *Analysis) *catalogue {
	c := &catalogue{
		stack:     s,
		byName:    map[string][]*series{},
		dropped:   map[string][]string{},
		recorded:  map[string][]*query{},
		inferred:  map[string][]*series{},
		inferring: map[string]bool{},
	}
	for i := range s.queries {
		if rule := s.queries[i].rule; rule != nil && rule.Record != "" {
			c.recorded[rule.Record] = append(c.recorded[rule.Record], &s.queries[i])
		}
	}
	for _, j := range s.jobs {
		c.addJob(j)
	}
	for _, name := range []string{"ALERTS", "ALERTS_FOR_STATE"} { // of the server itself
		alerts := labelSet{map[string]bool{model.AlertNameLabel: true}, map[string]bool{model.AlertNameLabel: true}, true}
		c.add(&series{name: name, labels: alerts})
	}
	c.names = slices.Sorted(maps.Keys(c.byName))
	for name := range c.recorded {
		c.names = append(c.names, name)
	}
	slices.Sort(c.names)
	c.names = slices.Compact(c.names)
	return c
}

func (c *catalogue) add(s *series) { c.byName[s.name] = append(c.byName[s.name], s) }

func (c *catalogue) addJob(j *job) {
	synthetic := scraped
	if slices.Contains(c.stack.Config.Prometheus.FeatureFlags, config.FeatureFlag("extra-scrape-metrics")) {
		synthetic = slices.Concat(scraped, extraScraped)
	}
	for _, name := range synthetic {
		c.add(&series{name: name, job: j, labels: j.labels, own: noLabels()})
	}
	for _, m := range j.metrics {
		if prefix, ok := m.Prefix(); ok {
			set := j.labels.clone()
			for _, label := range m.Labels {
				set.add(label, false)
			}
			set.open = true
			c.prefixed = append(c.prefixed, &series{name: prefix, job: j, labels: set, own: labelSet{open: true}})
			continue
		}
		for _, name := range sampleNames(m) {
			c.addSample(j, m, name)
		}
	}
}

// sampleNames are the names under which a metric's samples are stored.
func sampleNames(m metrics.Metric) []string {
	switch m.Type {
	case model.MetricTypeHistogram:
		return []string{m.Name + "_bucket", m.Name + "_sum", m.Name + "_count"}
	case model.MetricTypeSummary:
		return []string{m.Name, m.Name + "_sum", m.Name + "_count"}
	}
	return []string{m.Name}
}

func (c *catalogue) addSample(j *job, m metrics.Metric, name string) {
	if m.Type == model.MetricTypeSummary && name == m.Name {
		m.Labels = append(slices.Clone(m.Labels), model.QuantileLabel)
	}
	own := noLabels()
	for _, label := range m.Labels {
		own.add(label, false)
	}
	own.open = m.Open
	if m.Type != model.MetricTypeHistogram || !strings.HasSuffix(name, "_bucket") {
		kept, set, ok := j.kept(m, name, "")
		if !ok {
			c.dropped[name] = append(c.dropped[name], j.name)
			return
		}
		c.add(&series{name: kept, job: j, labels: set, own: own})
		return
	}
	bucket := &series{job: j, own: own, bucket: true}
	for _, bound := range m.Bounds {
		kept, set, ok := j.kept(m, name, metrics.FormatBound(bound))
		if ok {
			bucket.name, bucket.labels = kept, set
			bucket.bounds = append(bucket.bounds, bound)
		}
	}
	if len(bucket.bounds) == 0 {
		c.dropped[name] = append(c.dropped[name], j.name)
		return
	}
	c.add(bucket)
}

// named are the series of the names that a selector selects, whatever its other
// matchers.
func (c *catalogue) named(selector *parser.VectorSelector) []*series {
	if name := selector.Name; name != "" {
		found := slices.Concat(c.byName[name], c.record(name))
		for _, s := range c.prefixed {
			if strings.HasPrefix(name, s.name) && s.keeps(name) && !slices.ContainsFunc(found, func(f *series) bool { return f.job == s.job }) {
				found = append(found, s)
			}
		}
		return found
	}
	var found []*series
	for _, name := range c.names {
		if matches(selector, model.MetricNameLabel, name) {
			found = append(found, c.byName[name]...)
			found = append(found, c.record(name)...)
		}
	}
	return found
}

// keeps tells whether relabelling keeps one of the names that a prefix stands for.
func (s *series) keeps(name string) bool {
	_, _, kept := s.job.kept(metrics.Metric{Name: name, Open: true}, name, "")
	return kept
}

// droppedBy are the jobs whose relabelling drops every sample of a name.
func (c *catalogue) droppedBy(name string) []string {
	jobs := slices.Clone(c.dropped[name])
	for _, s := range c.prefixed {
		if strings.HasPrefix(name, s.name) && !s.keeps(name) {
			jobs = append(jobs, s.job.name)
		}
	}
	slices.Sort(jobs)
	return slices.Compact(jobs)
}

// record is the series of a recording rule's name.
func (c *catalogue) record(name string) []*series {
	rules := c.recorded[name]
	if len(rules) == 0 {
		return nil
	}
	if found, ok := c.inferred[name]; ok {
		return found
	}
	if c.inferring[name] { // a rule that uses what it records
		return []*series{{name: name, labels: labelSet{map[string]bool{}, map[string]bool{}, true}}}
	}
	c.inferring[name] = true
	defer delete(c.inferring, name)
	var found []*series
	for _, rule := range rules {
		set := c.labelsOf(rule.expr).clone()
		for label := range rule.rule.Labels {
			set.add(label, true)
		}
		found = append(found, &series{name: name, labels: set})
	}
	c.inferred[name] = found
	return found
}

// find are the series that a selector can select.
func (c *catalogue) find(selector *parser.VectorSelector) []*series {
	return slices.DeleteFunc(slices.Clone(c.named(selector)), func(s *series) bool {
		return !s.inJob(selector) || s.refused(selector) != nil
	})
}

// openJobs are those a selector's series may come from whose metrics are not known.
func (c *catalogue) openJobs(selector *parser.VectorSelector) []*job {
	var open []*job
	for _, j := range c.stack.jobs {
		if j.open && (j.anyName || matches(selector, model.JobLabel, j.name)) {
			open = append(open, j)
		}
	}
	return open
}

// inJob tells whether a selector's matchers of `job` let the series in.
func (s *series) inJob(selector *parser.VectorSelector) bool {
	return s.job == nil || s.job.anyName || matches(selector, model.JobLabel, s.job.name)
}

// refused is a matcher that lets none of the series in, whichever values the
// cluster has; nil if there is none.
func (s *series) refused(selector *parser.VectorSelector) *labels.Matcher {
	for _, m := range selector.LabelMatchers {
		switch {
		case m.Name == model.MetricNameLabel || m.Name == model.JobLabel && s.job != nil:
		case m.Name == model.BucketLabel && s.bucket:
			if !slices.ContainsFunc(s.bounds, func(bound float64) bool { return m.Matches(metrics.FormatBound(bound)) }) {
				return m
			}
		case m.Matches(""):
		case !s.labels.has(m.Name):
			return m
		case s.job != nil && len(s.job.domains[m.Name]) > 0 && !(s.job.honors && s.own.has(m.Name)):
			if !slices.ContainsFunc(s.job.domains[m.Name], m.Matches) {
				return m
			}
		}
	}
	return nil
}

// matches tells whether every matcher of a label lets a value in.
func matches(selector *parser.VectorSelector, label, value string) bool {
	for _, m := range selector.LabelMatchers {
		if m.Name == label && !m.Matches(value) {
			return false
		}
	}
	return true
}

// Possible says why the stack's server can have no series with these labels, nil
// if it can: whatever a running server has, the checks have to think possible.
func (s *Analysis) Possible(metric model.Metric) error {
	selector := &parser.VectorSelector{Name: string(metric[model.MetricNameLabel])}
	for name, value := range metric {
		selector.LabelMatchers = append(selector.LabelMatchers, labels.MustNewMatcher(labels.MatchEqual, string(name), string(value)))
	}
	if len(s.series.openJobs(selector)) > 0 {
		return nil
	}
	why := fmt.Errorf("no series of this name in job %q", metric[model.JobLabel])
	for _, found := range s.series.named(selector) {
		if !found.inJob(selector) {
			continue
		}
		missing := slices.DeleteFunc(slices.Sorted(maps.Keys(found.labels.must)), func(label string) bool {
			_, has := metric[model.LabelName(label)]
			return has
		})
		switch refused := found.refused(selector); {
		case refused != nil:
			why = fmt.Errorf("no series has %s; %s", refused, found.describe(refused.Name))
		case len(missing) > 0:
			why = fmt.Errorf("every series has %s", strings.Join(missing, ", "))
		default:
			return nil
		}
	}
	return why
}
