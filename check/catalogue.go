package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// series describes all series of one name that one job exposes or that rules record.
type series struct {
	name   string
	metric string // of the exporter, whose samples they are; empty if recorded, or of the server itself
	job    *job   // nil if recorded
	labels labelSet
	own    labelSet  // the labels that the exporter sets, without those of the target
	bounds []float64 // the upper bounds that relabelling keeps, if these are buckets
	bucket bool      // whether these are the buckets of a histogram
	native bool      // whether their samples are native histograms

	meaning meaning // of the values
}

// catalogue holds every series that the stack's server can have.
type catalogue struct {
	analysis *Analysis
	byName   map[string][]*series
	prefixed []*series           // series that match a name prefix
	dropped  map[string][]string // name to the jobs whose relabelling drops it
	recorded map[string][]*query // name to the rules that record it
	names    []string            // the names of byName and recorded, sorted

	inferred  map[inference][]*series // the results of recordedSeries
	inferring map[string]bool         // names that recordedSeries is working on, to stop recursion

	meanings map[parser.Expr]meaning // the results of meaning

	generous     bool            // labelsOf counts what applications may add, see reachable
	certainNames map[string]bool // the results of certainlyRecorded, by name
}

// inference is a question that recordedSeries answers.
type inference struct {
	name     string
	generous bool // as in catalogue
}

// scrapeMetrics names the series that Prometheus adds to every scrape, extraScrapeMetrics the ones
// that the feature flag extra-scrape-metrics adds:
// https://prometheus.io/docs/concepts/jobs_instances/#automatically-generated-labels-and-time-series
var (
	scrapeMetrics      = []string{"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added"}
	extraScrapeMetrics = []string{"scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes"}
)

// newCatalogue collects the series of an analysis's jobs and rules, and of the server itself.
func newCatalogue(a *Analysis) *catalogue {
	c := &catalogue{
		analysis:  a,
		byName:    map[string][]*series{},
		dropped:   map[string][]string{},
		recorded:  map[string][]*query{},
		inferred:  map[inference][]*series{},
		inferring: map[string]bool{},
		meanings:  map[parser.Expr]meaning{},

		certainNames: map[string]bool{},
	}
	for i := range a.Queries {
		if rule := a.Queries[i].Rule; rule != nil && rule.Record != "" {
			c.recorded[rule.Record] = append(c.recorded[rule.Record], &a.Queries[i])
		}
	}
	for _, j := range a.jobs {
		c.addJob(j)
	}
	for _, name := range []string{"ALERTS", "ALERTS_FOR_STATE"} { // the server's own
		alerts := labelSet{map[string]bool{model.AlertNameLabel: true}, map[string]bool{model.AlertNameLabel: true}, true}
		c.add(&series{name: name, labels: alerts, meaning: meaningOf(metrics.Metric{Name: name, Type: model.MetricTypeGauge}, name)})
	}
	c.names = slices.Sorted(maps.Keys(c.byName))
	for name := range c.recorded {
		c.names = append(c.names, name)
	}
	slices.Sort(c.names)
	c.names = slices.Compact(c.names)
	return c
}

// add adds series under their name.
func (c *catalogue) add(s *series) { c.byName[s.name] = append(c.byName[s.name], s) }

// addJob adds the series of a job's metrics and of its scrapes.
func (c *catalogue) addJob(j *job) {
	synthetic := scrapeMetrics
	if slices.Contains(c.analysis.Config.Prometheus.FeatureFlags, config.FeatureFlag("extra-scrape-metrics")) {
		synthetic = slices.Concat(scrapeMetrics, extraScrapeMetrics)
	}
	for _, name := range synthetic {
		c.add(&series{name: name, job: j, labels: j.labels, own: noLabels(), meaning: meaningOf(metrics.Metric{Name: name, Type: model.MetricTypeGauge}, name)})
	}
	for _, m := range j.metrics {
		if prefix, ok := m.Prefix(); ok {
			set := j.labels.clone()
			for _, label := range m.Labels {
				set.add(label, false)
			}
			set.open = true
			c.prefixed = append(c.prefixed, &series{name: prefix, job: j, labels: set, own: labelSet{open: true}, meaning: unknown()})
			continue
		}
		for _, name := range m.SampleNames() {
			c.addSample(j, m, name)
		}
	}
}

// addSample adds the series of one of a metric's sample names, or notes that relabelling drops it.
func (c *catalogue) addSample(j *job, m metrics.Metric, name string) {
	if m.Type == model.MetricTypeSummary && name == m.Name {
		m.Labels = append(slices.Clone(m.Labels), model.QuantileLabel)
	}
	own := noLabels()
	for _, label := range m.Labels {
		own.add(label, false)
	}
	own.open = m.Open
	if m.Type != model.MetricTypeHistogram || m.Native || !strings.HasSuffix(name, "_bucket") {
		kept, set, ok := j.kept(m, name, "")
		if !ok {
			c.dropped[name] = append(c.dropped[name], j.name)
			return
		}
		c.add(&series{name: kept, metric: m.Name, job: j, labels: set, own: own, native: m.Native, meaning: meaningOf(m, name)})
		return
	}
	bucket := &series{metric: m.Name, job: j, own: own, bucket: true, meaning: meaningOf(m, name)}
	bounds := m.Bounds
	if len(j.relabel) == 0 { // all are kept, with the same labels
		bucket.name, bucket.labels = name, j.scraped(m, model.BucketLabel)
		bucket.bounds, bounds = bounds, nil
	}
	for _, bound := range bounds {
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

// named returns the series whose name a selector selects, regardless of its other matchers.
func (c *catalogue) named(selector *parser.VectorSelector) []*series {
	if name := selector.Name; name != "" {
		found := slices.Concat(c.byName[name], c.recordedSeries(name))
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
			found = append(found, c.recordedSeries(name)...)
		}
	}
	return found
}

// keeps reports whether relabelling keeps a name that matches the prefix s.
func (s *series) keeps(name string) bool {
	_, _, kept := s.job.kept(metrics.Metric{Name: name, Open: true}, name, "")
	return kept
}

// droppedBy returns the jobs whose relabelling drops every sample of a name, sorted.
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

// recordedSeries returns the series that recording rules write under a name; nil if none does.
func (c *catalogue) recordedSeries(name string) []*series {
	rules := c.recorded[name]
	if len(rules) == 0 {
		return nil
	}
	question := inference{name, c.generous}
	if found, ok := c.inferred[question]; ok {
		return found
	}
	if c.inferring[name] { // a rule that selects what it records
		return []*series{{name: name, labels: labelSet{map[string]bool{}, map[string]bool{}, true}, meaning: unknown()}}
	}
	c.inferring[name] = true
	defer delete(c.inferring, name)
	var found []*series
	for _, rule := range rules {
		set := c.labelsOf(rule.Expr).clone()
		for label := range rule.Rule.Labels {
			set.add(label, true)
		}
		found = append(found, &series{name: name, labels: set, meaning: c.meaning(rule.Expr)})
	}
	c.inferred[question] = found
	return found
}

// find returns the series that a selector can select.
func (c *catalogue) find(selector *parser.VectorSelector) []*series {
	return slices.DeleteFunc(slices.Clone(c.named(selector)), func(s *series) bool {
		return !s.inJob(selector) || s.rejectedBy(selector) != nil
	})
}

// openJobs returns the jobs with unknown metrics that a selector's series may come from. With
// honor_labels, as in a federation, their series may name any job. Those of jobs of other clusters name
// none that this program ships.
func (c *catalogue) openJobs(selector *parser.VectorSelector) []*job {
	var open []*job
	for _, j := range c.analysis.jobs {
		switch {
		case j.foreign:
			if !slices.ContainsFunc(config.Jobs, func(job config.Job) bool { return matches(selector, model.JobLabel, string(job)) }) {
				open = append(open, j)
			}
		case j.open && (j.anyName || j.honors || matches(selector, model.JobLabel, j.name)):
			open = append(open, j)
		}
	}
	return open
}

// inJob reports whether a selector's matchers of the label job accept the series.
func (s *series) inJob(selector *parser.VectorSelector) bool {
	return s.job == nil || s.job.anyName || matches(selector, model.JobLabel, s.job.name)
}

// rejectedBy returns a matcher of the selector that rejects the series, whatever values their
// labels have on the cluster; nil if there is none.
func (s *series) rejectedBy(selector *parser.VectorSelector) *labels.Matcher {
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

// matches reports whether all matchers of a label accept a value.
func matches(selector *parser.VectorSelector, label, value string) bool {
	for _, m := range selector.LabelMatchers {
		if m.Name == label && !m.Matches(value) {
			return false
		}
	}
	return true
}

// Possible returns an error that explains why the stack's server cannot have a series with
// these labels, or nil. Tests hold the checks to the series of a running server with it.
func (a *Analysis) Possible(metric model.Metric) error {
	selector := &parser.VectorSelector{Name: string(metric[model.MetricNameLabel])}
	for name, value := range metric {
		selector.LabelMatchers = append(selector.LabelMatchers, labels.MustNewMatcher(labels.MatchEqual, string(name), string(value)))
	}
	if len(a.series.openJobs(selector)) > 0 {
		return nil
	}
	why := fmt.Errorf("no series of this name in job %q", metric[model.JobLabel])
	for _, found := range a.series.named(selector) {
		if !found.inJob(selector) {
			continue
		}
		missing := slices.DeleteFunc(slices.Sorted(maps.Keys(found.labels.must)), func(label string) bool {
			_, has := metric[model.LabelName(label)]
			return has
		})
		switch rejected := found.rejectedBy(selector); {
		case rejected != nil:
			why = fmt.Errorf("no series has %s; %s", rejected, found.describe(rejected.Name))
		case len(missing) > 0:
			why = fmt.Errorf("every series has %s", strings.Join(missing, ", "))
		default:
			return nil
		}
	}
	return why
}
