package render

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// Exposition returns the metrics that a job of this program scrapes when it is on; nil if they
// are unknown.
func Exposition(cfg *config.Config, name config.Job) (metrics.Exposition, error) {
	row, ok := name.Row()
	if !ok || row.Exporter == "" {
		return nil, nil
	}
	version := ""
	if row.Image != "" {
		version = cfg.Images.Version(row.Image)
	}
	exposed, err := metrics.Of(row.Exporter, version)
	if err != nil || name != config.KubeStateMetricsJob {
		return exposed, err
	}
	exposed = reportedKinds(cfg, exposed)
	for _, metric := range customResourceMetrics(cfg) {
		if exposed != nil {
			exposed.Add(metric)
		}
	}
	return exposed, nil
}

// withCollected returns a job's metrics together with the ones that its targets repeat from other
// components, as the kubelets of k3s do.
func withCollected(cfg *config.Config, name config.Job, exposed metrics.Exposition) (metrics.Exposition, error) {
	for _, other := range config.Jobs {
		if exposed == nil || other == name || cfg.CollectedBy(other) != name {
			continue
		}
		repeated, err := Exposition(cfg, other)
		if err != nil {
			return nil, err
		}
		exposed = maps.Clone(exposed)
		for _, metric := range repeated {
			exposed.Add(metric)
		}
	}
	return exposed, nil
}

// reportedKinds returns the metrics of kube-state-metrics without kinds that the stack does not
// report and without metrics on its denylist.
func reportedKinds(cfg *config.Config, all metrics.Exposition) metrics.Exposition {
	settings := cfg.Exporters.KubeStateMetrics
	var denied []*regexp.Regexp
	for _, pattern := range settings.MetricDenylist {
		if r, err := regexp.Compile("^(?:" + pattern + ")$"); err == nil {
			denied = append(denied, r)
		}
	}
	kept := maps.Clone(all)
	maps.DeleteFunc(kept, func(name string, _ metrics.Metric) bool {
		kind, ok := KindOf(name)
		return ok && !slices.Contains(settings.Kinds, kind) ||
			slices.ContainsFunc(denied, func(r *regexp.Regexp) bool { return r.MatchString(name) })
	})
	return kept
}

// KindOf returns the kind of object that a metric of kube-state-metrics describes.
func KindOf(metric string) (config.Kind, bool) {
	subject, ok := strings.CutPrefix(metric, "kube_")
	if !ok {
		return "", false
	}
	for kind := range config.KindGroups {
		if name := singular(kind); subject == name || strings.HasPrefix(subject, name+"_") {
			return kind, true
		}
	}
	return "", false
}

// singular returns how the names of kube-state-metrics' metrics call an object of a kind.
func singular(kind config.Kind) string {
	if kind == "ingresses" || kind == "storageclasses" {
		return strings.TrimSuffix(string(kind), "es")
	}
	return strings.TrimSuffix(string(kind), "s")
}

// expose sets the metrics of every enabled job of this program. The error is about the list of an
// exporter's metrics.
func (s *Stack) expose() (err error) {
	if s.Sizes, err = metrics.Series(); err != nil {
		return err
	}
	s.Exposed = map[config.Job]metrics.Exposition{}
	for _, job := range config.Jobs {
		if !s.Config.Enabled(job) {
			continue
		}
		exposed, err := Exposition(s.Config, job)
		if err != nil {
			return err
		}
		if s.Exposed[job], err = withCollected(s.Config, job, exposed); err != nil {
			return err
		}
		if s.Config.Native(job) {
			s.Exposed[job] = s.Exposed[job].WithNativeHistograms()
		}
	}
	return nil
}
