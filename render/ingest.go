package render

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	prometheus "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/labels"
	relabeling "github.com/prometheus/prometheus/model/relabel"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

// Ingest is what Prometheus stores of one job of this program.
type Ingest struct {
	// Whole is why every metric is stored; empty if only those of Names are.
	Whole string
	// Names holds names of samples and regular expressions of such names, sorted.
	Names []string

	keep relabeling.Regexp // matches what Names stand for
}

// Stores reports whether samples of a name are stored.
func (i Ingest) Stores(name string) bool {
	return i.Whole != "" || len(i.Names) > 0 && i.keep.MatchString(name)
}

// source returns a regular expression of the names that are stored.
func (i Ingest) source() string {
	alternatives := slices.Clone(i.Names)
	for n, name := range alternatives {
		if strings.Contains(name, "(?") { // flags end with their group
			alternatives[n] = "(?:" + name + ")"
		}
	}
	return strings.Join(alternatives, "|")
}

// rule returns the last rule of the job's metric relabelling, which drops what is not stored.
func (i Ingest) rule() relabel {
	if len(i.Names) == 0 {
		return dropMetrics(".+")
	}
	return keep(i.source(), model.MetricNameLabel)
}

// Relabelling returns the metric relabelling of a scrape config, as loaded, without the rule that
// drops what the stack does not use.
func (s *Stack) Relabelling(scrape *prometheus.ScrapeConfig) []*relabeling.Config {
	rules := scrape.MetricRelabelConfigs
	if i, known := s.Ingest[config.Job(scrape.JobName)]; known && i.Whole == "" {
		return rules[:len(rules)-1]
	}
	return rules
}

// selection is a selector of an expression, by what it says about names and jobs.
type selection struct {
	query    *Query
	selector *parser.VectorSelector
	name     string         // the only name; empty if it selects by pattern
	pattern  *regexp.Regexp // of names; nil if it selects by name
	any      bool           // it may select whatever a job exposes

	namePattern string // the source of pattern
	prefix      string // of every name that pattern matches
}

// byPattern returns a selection by a regular expression of whole names. It panics if the expression
// is not valid.
func byPattern(q *Query, selector *parser.VectorSelector, pattern string) selection {
	s := selection{query: q, selector: selector, namePattern: pattern, pattern: anchored(pattern)}
	s.prefix, _ = regexp.MustCompile(pattern).LiteralPrefix()
	s.any = s.pattern.MatchString(unlikelyName)
	return s
}

// String returns where the selection stands, and its selector.
func (s selection) String() string { return fmt.Sprintf("%s selects %s", s.query.Path, s.selector) }

// selects reports whether it may select samples of a name.
func (s selection) selects(name string) bool {
	return s.any || s.name == name || s.pattern != nil && s.pattern.MatchString(name)
}

// mayStartWith reports whether it may select a name with a prefix.
func (s selection) mayStartWith(prefix string) bool {
	if s.pattern == nil {
		return s.any || strings.HasPrefix(s.name, prefix)
	}
	return strings.HasPrefix(s.prefix, prefix) || strings.HasPrefix(prefix, s.prefix)
}

// namesJobs reports whether it selects by job.
func (s selection) namesJobs() bool {
	return slices.ContainsFunc(s.selector.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == model.JobLabel })
}

// from reports whether it may select series of a job.
func (s selection) from(job config.Job) bool {
	for _, m := range s.selector.LabelMatchers {
		if m.Name == model.JobLabel && !m.Matches(string(job)) {
			return false
		}
	}
	return true
}

// selections returns the selectors of every expression, and what templates of rules query.
func (s *Stack) selections() []selection {
	var all []selection
	for i := range s.Queries {
		q := &s.Queries[i]
		parser.Inspect(q.Expr, func(node parser.Node, _ []parser.Node) error {
			if selector, ok := node.(*parser.VectorSelector); ok {
				all = append(all, q.selection(selector))
			}
			return nil
		})
		all = append(all, s.templateSelections(q)...)
	}
	for i := range s.unparsed {
		all = append(all, s.wordSelections(&Query{Path: "dashboards/custom", Panel: true}, s.unparsed[i])...)
	}
	return all
}

// classicSuffixes end the names of the series of a classic histogram.
var classicSuffixes = []string{"_bucket", "_sum", "_count"}

// unlikelyName is the name of no metric. A pattern that matches it matches every name.
const unlikelyName = "no_exporter_has_a_metric_of_this_name"

// selection returns what a selector of the query says about names.
func (q *Query) selection(selector *parser.VectorSelector) selection {
	s := selection{query: q, selector: selector, name: selector.Name}
	if s.name == "" {
		for _, m := range selector.LabelMatchers {
			switch {
			case m.Name != model.MetricNameLabel:
			case m.Type == labels.MatchEqual:
				s.name = m.Value
			case m.Type == labels.MatchRegexp && !m.Matches(unlikelyName):
				s = byPattern(q, selector, m.Value)
			}
		}
	}
	s.any = s.name == "" && s.pattern == nil
	// A variable's value is unknown here, and so is what it makes of a name.
	if source := cmp.Or(s.name, s.namePattern); strings.Contains(source, dashboards.Unknown) {
		if s.name != "" {
			source = regexp.QuoteMeta(source)
		}
		return byPattern(q, selector, strings.ReplaceAll(source, dashboards.Unknown, ".*"))
	}
	return s
}

// anchored compiles a regular expression that must match a whole name, as Prometheus does. It
// panics if the expression is not valid.
func anchored(pattern string) *regexp.Regexp { return regexp.MustCompile("^(?s:" + pattern + ")$") }

// word matches what may be the name of a metric in a template.
var word = regexp.MustCompile(`[a-zA-Z_:][a-zA-Z0-9_:]*`)

// templateSelections returns the metrics that a rule's templates query. They are those that an
// exporter of the stack exposes among the words of a template that calls the function query.
// https://prometheus.io/docs/prometheus/latest/configuration/template_reference/#queries
func (s *Stack) templateSelections(q *Query) []selection {
	var all []selection
	if q.Rule == nil {
		return nil
	}
	for _, texts := range []map[string]string{q.Rule.Annotations, q.Rule.Labels} {
		for _, text := range texts {
			if strings.Contains(text, "query") {
				all = append(all, s.wordSelections(q, text)...)
			}
		}
	}
	return all
}

// wordSelections returns the metrics among the words of a text: those that an exporter of the stack
// exposes by that name, as a sample of a native histogram, or with a part of it in place of a
// pattern or verb, as in node_xfs_%s.
func (s *Stack) wordSelections(q *Query, text string) []selection {
	var all []selection
	for _, at := range word.FindAllStringIndex(text, -1) {
		name, rest := text[at[0]:at[1]], text[at[1]:]
		names := []string{name}
		for _, suffix := range classicSuffixes {
			if histogram, ok := strings.CutSuffix(name, suffix); ok {
				names = append(names, histogram)
			}
		}
		for _, name := range names {
			if u := (selection{query: q, selector: &parser.VectorSelector{Name: name}, name: name}); s.known(u) {
				all = append(all, u)
			}
		}
		if strings.Contains(name, "_") && rest != "" && strings.ContainsAny(rest[:1], "%.[(*$+?|") {
			if u := byPattern(q, &parser.VectorSelector{}, name+".*"); s.known(u) {
				all = append(all, u)
			}
		}
	}
	return all
}

// known reports whether an enabled job of this program is known to expose what is selected.
func (s *Stack) known(u selection) bool {
	for job := range s.Exposed {
		if s.exposes(job, u) {
			return true
		}
	}
	return false
}

// serverSeries holds the names of series that the server itself writes, which metric relabelling
// does not see: https://prometheus.io/docs/concepts/jobs_instances/
var serverSeries = map[string]bool{
	"ALERTS": true, "ALERTS_FOR_STATE": true, "up": true, "scrape_duration_seconds": true, "scrape_samples_scraped": true,
	"scrape_samples_post_metric_relabeling": true, "scrape_series_added": true, "scrape_timeout_seconds": true,
	"scrape_sample_limit": true, "scrape_body_size_bytes": true,
}

// resolveIngest sets what is stored of each enabled job of this program.
func (s *Stack) resolveIngest() {
	s.samples = map[config.Job]map[string]bool{}
	for job, exposed := range s.Exposed {
		s.samples[job] = map[string]bool{}
		for _, metric := range exposed {
			for _, name := range metric.SampleNames() {
				s.samples[job][name] = true
			}
		}
	}
	recorded := map[string]bool{}
	for _, q := range s.Queries {
		if q.Rule != nil && q.Rule.Record != "" {
			recorded[q.Rule.Record] = true
		}
	}
	s.selected = slices.DeleteFunc(s.selections(), func(u selection) bool {
		return recorded[u.name] && !s.known(u) || serverSeries[u.name]
	})
	s.Ingest = map[config.Job]Ingest{}
	for job := range s.Exposed {
		s.Ingest[job] = s.ingestOf(job)
	}
}

// ingestOf returns what is stored of a job.
func (s *Stack) ingestOf(job config.Job) Ingest {
	row, _ := job.Row()
	switch {
	case s.Config.Discovery.Ingest == config.IngestAll:
		return Ingest{Whole: "discovery.ingest is all"}
	case row.Applications():
		return Ingest{Whole: "it scrapes applications"}
	}
	names := map[string]bool{}
	for _, u := range s.selected {
		switch {
		case !u.from(job):
		case u.any:
			return Ingest{Whole: u.String()}
		case u.pattern != nil:
			if s.mayExpose(job, u) {
				names[u.namePattern] = true
			}
		case s.mayExpose(job, u):
			names[u.name] = true
			for _, suffix := range classicSuffixes { // of a native histogram, for all that is known
				if histogram, ok := strings.CutSuffix(u.name, suffix); ok && s.Exposed[job] == nil && s.Config.Native(job) {
					names[histogram] = true
				}
			}
		}
	}
	for _, name := range s.askedFor(job) {
		names[name] = true
	}
	for _, kept := range s.Config.Kept(job) {
		u := byPattern(nil, nil, kept.Names)
		for name, metric := range s.Exposed[job] { // by a name of its classic form too
			if metric.Native && slices.ContainsFunc(classicSuffixes, func(suffix string) bool { return u.pattern.MatchString(name + suffix) }) {
				names[name] = true
			}
		}
		if s.Exposed[job] == nil || s.exposes(job, u) || slices.Contains(s.Config.Discovery.Jobs[job].KeepMetrics, kept.Names) {
			maps.DeleteFunc(names, func(name string, _ bool) bool { return u.pattern.MatchString(name) })
			names[kept.Names] = true
		}
	}
	i := Ingest{Names: slices.Sorted(maps.Keys(names))}
	i.keep = relabeling.MustNewRegexp(i.source())
	return i
}

// mayExpose reports whether a job may expose what is selected: what it is known to expose, or what
// no job is known to expose. Of a job whose metrics are unknown, it may be what others expose too
// if the selector names the job.
func (s *Stack) mayExpose(job config.Job, u selection) bool {
	if s.exposes(job, u) || s.Exposed[job] == nil && u.namesJobs() {
		return true
	}
	for other := range s.Exposed {
		if s.exposes(other, u) {
			return false
		}
	}
	return true
}

// exposes reports whether a job is known to expose a sample with a name that is selected.
func (s *Stack) exposes(job config.Job, u selection) bool {
	if u.name != "" && s.samples[job][u.name] {
		return true
	}
	for name := range s.samples[job] {
		if prefix, ok := strings.CutSuffix(name, "*"); ok && u.mayStartWith(prefix) || u.pattern != nil && u.pattern.MatchString(name) {
			return true
		}
	}
	return false
}

// askedFor returns the metrics that the job's exporter is configured to expose: of custom resources, and the
// labels and annotations of objects.
func (s *Stack) askedFor(job config.Job) []string {
	if job != config.KubeStateMetricsJob {
		return nil
	}
	names := customResourceNames(s.Config)
	settings := s.Config.Exporters.KubeStateMetrics
	for suffix, kinds := range map[string]map[config.Kind][]string{"_labels": settings.MetricLabelsAllowlist, "_annotations": settings.MetricAnnotationsAllowlist} {
		for name := range s.samples[job] {
			kind, ok := KindOf(name)
			if _, asked := kinds[kind]; ok && asked && strings.HasSuffix(name, suffix) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Families returns the metrics that a job of this program is known to expose, sorted by name, each
// with whether Prometheus stores samples of it.
func (s *Stack) Families(job config.Job) []Family {
	var all []Family
	for name, metric := range s.Exposed[job] {
		f := Family{Name: name}
		for _, sample := range metric.SampleNames() {
			f.Stored = f.Stored || s.Ingest[job].Stores(strings.TrimSuffix(sample, "*"))
		}
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b Family) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// Family is a metric of an exporter.
type Family struct {
	Name   string
	Stored bool
}

// Users returns why Prometheus stores samples of a job, by any of their names, sorted: what uses
// them, by Query.Path, who asks for them, and why they are kept nevertheless; nil if nothing does.
func (s *Stack) Users(job config.Job, samples ...string) []string {
	users := map[string]bool{}
	asked := s.askedFor(job)
	for _, name := range samples {
		for _, u := range s.selected {
			if u.from(job) && u.selects(name) {
				users["used by "+u.query.Path] = true
			}
		}
		if slices.Contains(asked, name) {
			users["asked for by exporters.kubeStateMetrics"] = true
		}
		for _, kept := range s.Config.Kept(job) {
			if anchored(kept.Names).MatchString(name) {
				users["kept to see: "+kept.Reason] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(users))
}

// Writers returns where the series of a name come from if no target exposes them: the server
// itself, or rules that record them, by Query.Path; nil if neither. users holds what uses them,
// by Query.Path, sorted.
func (s *Stack) Writers(name string) (writers, users []string) {
	if serverSeries[name] {
		writers = append(writers, "the server itself")
	}
	for _, q := range s.Queries {
		if q.Rule != nil && q.Rule.Record == name && !slices.Contains(writers, q.Path) {
			writers = append(writers, q.Path)
		}
	}
	if writers == nil {
		return nil, nil
	}
	for _, u := range s.selections() {
		if u.selects(name) && !slices.Contains(users, u.query.Path) {
			users = append(users, u.query.Path)
		}
	}
	slices.Sort(users)
	return writers, users
}
