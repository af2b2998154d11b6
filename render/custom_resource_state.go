package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gobuffalo/flect"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/util/strutil"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// customResourcesFile is the file that says what kube-state-metrics reports of custom resources.
const customResourcesFile = "custom-resource-state.yaml"

// customResourcesPath is its config path.
const customResourcesPath = "exporters.kubeStateMetrics.customResourceState"

// customResources returns the custom resources that kube-state-metrics reports on; none if it is not deployed.
func customResources(cfg *config.Config) []config.CustomResource {
	if !cfg.Exporters.KubeStateMetrics.Enabled {
		return nil
	}
	return cfg.Exporters.KubeStateMetrics.CustomResourceState.Spec.Resources
}

// renderCustomResources sets what kube-state-metrics reads about custom resources, if there is anything. The
// error is config.Problems, with names that other metrics have.
// https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/extend/customresourcestate-metrics.md
func (s *Stack) renderCustomResources() error {
	if len(customResources(s.Config)) == 0 {
		return nil
	}
	state := s.Config.Exporters.KubeStateMetrics.CustomResourceState
	state.Kind = config.CustomResourceStateMetrics
	text, err := marshal(state)
	if err != nil {
		return err
	}
	s.CustomResources = ConfigMap{string(config.KubeStateMetricsJob), customResourcesPath, map[string]string{customResourcesFile: text}}
	return s.takenNames()
}

// takenNames returns an error about the metrics of custom resources whose names other metrics have: expressions
// and the lists of what is stored could not tell them apart.
func (s *Stack) takenNames() error {
	row, _ := config.KubeStateMetricsJob.Row()
	own, err := metrics.Of(row.Exporter, s.Config.Images.Version(row.Image))
	if err != nil {
		return err
	}
	var problems config.Problems
	for i, resource := range customResources(s.Config) {
		for j, metric := range resource.Metrics {
			name := resource.MetricName(metric)
			path := fmt.Sprintf("%s.spec.resources[%d].metrics[%d].name", customResourcesPath, i, j)
			if kind, ok := KindOf(name); ok {
				problems.Addf(path, "%s begins like the exporter's own metrics of %s; choose another name or metricNamePrefix", name, kind)
				continue
			}
			if _, ok := own[name]; ok {
				problems.Addf(path, "%s is a metric of the exporter itself; choose another name or metricNamePrefix", name)
				continue
			}
			for _, job := range config.Jobs {
				if job != config.KubeStateMetricsJob && s.exposes(job, selection{name: name}) {
					problems.Addf(path, "%s is a metric of job %s; choose another name or metricNamePrefix", name, job)
					break
				}
			}
		}
	}
	return problems.Err()
}

// customResourceNames returns the names of the metrics of custom resources, sorted.
func customResourceNames(cfg *config.Config) []string {
	var names []string
	for _, metric := range customResourceMetrics(cfg) {
		names = append(names, metric.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// customResourceMetrics returns the metrics of custom resources. Several resources may have one of the same name.
func customResourceMetrics(cfg *config.Config) []metrics.Metric {
	var all []metrics.Metric
	for _, resource := range customResources(cfg) {
		for _, m := range resource.Metrics {
			metric := metrics.Metric{
				Name: resource.MetricName(m), Type: model.MetricTypeGauge, // as the exporter says of all three types
				Labels: []string{"customresource_group", "customresource_kind", "customresource_version"},
			}
			add := func(names ...string) {
				for _, name := range names {
					switch {
					case strings.HasPrefix(name, "*") || strings.HasSuffix(name, "*"):
						metric.Open = true
					case name != "":
						metric.Labels = append(metric.Labels, strutil.SanitizeLabelName(name))
					}
				}
			}
			for _, labels := range []config.CustomResourceLabels{resource.CustomResourceLabels, m.CustomResourceLabels} {
				add(slices.Collect(maps.Keys(labels.CommonLabels))...)
				add(slices.Collect(maps.Keys(labels.LabelsFromPath))...)
			}
			if gauge := m.Each.Gauge; gauge != nil {
				add(append(slices.Collect(maps.Keys(gauge.LabelsFromPath)), gauge.LabelFromKey)...)
			}
			if info := m.Each.Info; info != nil {
				add(append(slices.Collect(maps.Keys(info.LabelsFromPath)), info.LabelFromKey)...)
			}
			if set := m.Each.StateSet; set != nil {
				add(append(slices.Collect(maps.Keys(set.LabelsFromPath)), set.LabelName)...)
			}
			all = append(all, metric)
		}
	}
	return all
}

// CustomResourceGrants returns what kube-state-metrics may list and watch in the whole cluster to report on custom
// resources: these, and the definitions in which it looks up their names; nil without any.
func (s *Stack) CustomResourceGrants() []Grant {
	if len(customResources(s.Config)) == 0 {
		return nil
	}
	read := map[resource]bool{{"apiextensions.k8s.io", "customresourcedefinitions"}: true}
	for _, custom := range customResources(s.Config) {
		plural := custom.ResourcePlural
		if plural == "" { // as those who generate definitions make it, and kube-state-metrics
			plural = strings.ToLower(flect.Pluralize(custom.GroupVersionKind.Kind))
		}
		read[resource{custom.GroupVersionKind.Group, plural}] = true
	}
	return byGroup("", read)
}
