package check

import (
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	prometheus "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/kubernetes"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// job is one scrape job of the stack, as its rendered scrape config defines it.
type job struct {
	name     string
	interval time.Duration
	limit    uint // sample_limit; 0 for no limit
	open     bool // its metrics are unknown, so it may expose any
	anyName  bool // its relabelling sets the label job, so its series may have any value
	foreign  bool // it stands for all jobs of other clusters that this program does not ship
	many     bool // it certainly has several targets

	labels  labelSet            // of its targets
	domains map[string][]string // target label to the only values it can have
	honors  bool                // honor_labels
	relabel []*relabel.Config   // metric_relabel_configs

	metrics metrics.Exposition // before relabelling; nil if unknown
	ingest  render.Ingest      // what is stored of them, after relabelling
}

// loadJobs derives the jobs from the rendered scrape configs.
func (a *Analysis) loadJobs() {
	for _, scrape := range a.ScrapeConfigs {
		exposed := a.Exposed[config.Job(scrape.JobName)]
		j := &job{
			name:     scrape.JobName,
			interval: time.Duration(scrape.ScrapeInterval),
			limit:    scrape.SampleLimit,
			open:     exposed == nil,
			many:     several(a.Config, config.Job(scrape.JobName)),
			honors:   scrape.HonorLabels,
			relabel:  a.Relabelling(scrape),
			metrics:  exposed,
			ingest:   a.Ingest[config.Job(scrape.JobName)],
		}
		j.setTargetLabels(scrape)
		a.jobs = append(a.jobs, j)
	}
	if !a.Config.HasPrometheus() {
		a.loadElsewhere()
	}
}

// loadElsewhere prepares the jobs for series of other clusters: each may have any value of the label
// cluster, and there is one more for jobs that only those clusters know.
func (a *Analysis) loadElsewhere() {
	for _, j := range a.jobs {
		delete(j.domains, "cluster")
	}
	a.jobs = append(a.jobs, &job{
		name:     "of another cluster",
		interval: a.Config.Prometheus.ScrapeInterval.Duration,
		open:     true,
		foreign:  true,
		labels:   labelSet{may: map[string]bool{}, must: map[string]bool{}, open: true},
	})
}

// several reports whether a job certainly has more than one target.
func several(cfg *config.Config, name config.Job) bool {
	row, ok := name.Row()
	return ok && row.Targets != nil && !row.Approximate && row.Targets(cfg, cfg.Cluster.Nodes) > 1
}

// discoveredLabels names the labels that every target discovered by a role has:
// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config
var discoveredLabels = map[kubernetes.Role][]model.LabelName{
	kubernetes.RoleNode:          {"__meta_kubernetes_node_name"},
	kubernetes.RolePod:           {"__meta_kubernetes_namespace", "__meta_kubernetes_pod_name", "__meta_kubernetes_pod_node_name"},
	kubernetes.RoleService:       {"__meta_kubernetes_namespace", "__meta_kubernetes_service_name"},
	kubernetes.RoleEndpoint:      {"__meta_kubernetes_namespace"},
	kubernetes.RoleEndpointSlice: {"__meta_kubernetes_namespace"},
	kubernetes.RoleIngress:       {"__meta_kubernetes_namespace", "__meta_kubernetes_ingress_name"},
}

// setTargetLabels derives the labels of a job's targets from its discovery and relabelling.
func (j *job) setTargetLabels(scrape *prometheus.ScrapeConfig) {
	j.labels = labelSet{may: map[string]bool{}, must: map[string]bool{}}
	j.domains = map[string][]string{}
	j.labels.add("job", true)
	j.labels.add("instance", true)
	found, namespaces := discoveredTargets(scrape.ServiceDiscoveryConfigs)
	for name, values := range staticLabels(scrape.ServiceDiscoveryConfigs) {
		j.labels.add(name, false)
		if len(scrape.ServiceDiscoveryConfigs) == 1 {
			j.domains[name] = values
		}
	}
	for _, r := range scrape.RelabelConfigs {
		switch r.Action {
		case relabel.LabelMap:
			j.labels.open = true
		case relabel.LabelDrop, relabel.LabelKeep:
			j.labels.must = map[string]bool{}
		case relabel.Replace, relabel.Lowercase, relabel.Uppercase, relabel.HashMod:
			name := r.TargetLabel
			if strings.HasPrefix(name, model.ReservedLabelPrefix) {
				continue
			}
			if strings.Contains(name, "$") {
				j.labels.open = true
				continue
			}
			plain := r.Action == relabel.Replace && r.Regex.String() == relabel.DefaultRelabelConfig.Regex.String()
			constant := plain && len(r.SourceLabels) == 0 && !strings.Contains(r.Replacement, "$")
			copied := plain && len(r.SourceLabels) == 1 && r.Replacement == relabel.DefaultRelabelConfig.Replacement
			certain := constant && r.Replacement != "" || copied && slices.Contains(found, r.SourceLabels[0]) || r.Replacement != "" && fillsIn(r)
			delete(j.domains, name)
			switch {
			case constant:
				j.domains[name] = []string{r.Replacement}
			case copied && r.SourceLabels[0] == "__meta_kubernetes_namespace" && len(namespaces) > 0:
				j.domains[name] = namespaces
			}
			if !certain {
				delete(j.labels.must, name)
			}
			j.labels.add(name, certain)
			j.anyName = j.anyName || name == model.JobLabel
		}
	}
}

// fillsIn reports whether a rule sets a label only on targets without it.
func fillsIn(r *relabel.Config) bool {
	return len(r.SourceLabels) == 1 && string(r.SourceLabels[0]) == r.TargetLabel && r.Regex.MatchString("") && !strings.Contains(r.Replacement, "$")
}

// discoveredTargets returns the labels that every discovered target has, and the namespaces it
// can be in; nil if it can be in any.
func discoveredTargets(configs discovery.Configs) (names []model.LabelName, namespaces []string) {
	if len(configs) != 1 {
		return nil, nil
	}
	sd, ok := configs[0].(*kubernetes.SDConfig)
	if !ok {
		return nil, nil
	}
	if sd.NamespaceDiscovery.IncludeOwnNamespace {
		return discoveredLabels[sd.Role], nil
	}
	return discoveredLabels[sd.Role], sd.NamespaceDiscovery.Names
}

// staticLabels returns the labels of static targets, each with the values it has.
func staticLabels(configs discovery.Configs) map[string][]string {
	values := map[string][]string{}
	for _, c := range configs {
		groups, ok := c.(discovery.StaticConfig)
		if !ok {
			continue
		}
		for _, group := range []*targetgroup.Group(groups) {
			for name, value := range group.Labels {
				if !strings.HasPrefix(string(name), model.ReservedLabelPrefix) {
					values[string(name)] = append(values[string(name)], string(value))
				}
			}
		}
	}
	return values
}

// kept reports whether metric relabelling keeps the sample of a metric called name, with the
// bound le if it is a bucket, and returns the name and labels that it then has. It assumes that a
// rule keeps the sample if that depends on values known only on the cluster.
func (j *job) kept(m metrics.Metric, name, le string) (newName string, set labelSet, keep bool) {
	if len(j.relabel) == 0 { // most jobs, without the detour
		return name, j.scraped(m, le), true
	}
	const some = "?"
	b := labels.NewBuilder(labels.FromStrings(model.MetricNameLabel, name, model.JobLabel, j.name))
	for label := range j.labels.may {
		if label != model.JobLabel {
			b.Set(label, some)
		}
	}
	for _, label := range m.Labels {
		switch {
		case !j.labels.may[label] || j.honors:
			b.Set(label, some)
		default:
			b.Set(model.ExportedLabelPrefix+label, some)
		}
	}
	if le != "" {
		b.Set(model.BucketLabel, le)
	}
	open := m.Open || j.labels.open
	for _, rule := range j.relabel {
		known := !slices.ContainsFunc(rule.SourceLabels, func(l model.LabelName) bool {
			value := b.Get(string(l))
			return value == some || value == "" && open
		})
		switch rule.Action {
		case relabel.LabelDrop, relabel.LabelKeep, relabel.LabelMap:
			known = true
		case relabel.DropEqual, relabel.KeepEqual:
			known = known && b.Get(rule.TargetLabel) != some
		}
		if !known {
			if rule.Action == relabel.Replace && !strings.HasPrefix(rule.TargetLabel, model.ReservedLabelPrefix) {
				b.Set(rule.TargetLabel, some)
			}
			continue
		}
		if !relabel.ProcessBuilder(b, rule) {
			return "", labelSet{}, false
		}
	}
	set = labelSet{may: map[string]bool{}, must: map[string]bool{}, open: open}
	result := b.Labels()
	result.Range(func(l labels.Label) {
		if !strings.HasPrefix(l.Name, model.ReservedLabelPrefix) {
			set.add(l.Name, j.labels.must[l.Name] || l.Name == model.BucketLabel || alwaysHas(m, strings.TrimPrefix(l.Name, model.ExportedLabelPrefix)))
		}
	})
	return result.Get(model.MetricNameLabel), set, true
}

// scraped returns the labels of a sample as it is scraped.
func (j *job) scraped(m metrics.Metric, le string) labelSet {
	set := j.labels.clone()
	set.open = m.Open || j.labels.open
	for _, label := range m.Labels {
		certain := alwaysHas(m, label)
		if j.labels.may[label] && !j.honors {
			label = model.ExportedLabelPrefix + label
		}
		set.add(label, certain)
	}
	if le != "" {
		set.add(model.BucketLabel, true)
	}
	return set
}

// alwaysHas reports whether every series of a metric has a label of the metric's own with a value.
func alwaysHas(m metrics.Metric, label string) bool {
	return slices.Contains(m.Labels, label) && (label == model.QuantileLabel || isDimension(m.Name, label))
}
