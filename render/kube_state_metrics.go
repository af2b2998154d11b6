package render

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// KubeStateMetricsFlags returns the command line of kube-state-metrics, sorted. The variable SHARD is the
// number of the shard, if there is more than one.
// https://github.com/kubernetes/kube-state-metrics/blob/main/docs/developer/cli-arguments.md
func (s *Stack) KubeStateMetricsFlags() []string {
	cfg := s.Config.Exporters.KubeStateMetrics
	var kinds []string
	for _, kind := range s.ReportedKinds() {
		kinds = append(kinds, string(kind))
	}
	flags := []string{"--port=8080", "--telemetry-port=8081", "--resources=" + strings.Join(kinds, ",")}
	for flag, allowlist := range map[string]map[config.Kind][]string{
		"--metric-labels-allowlist":      s.ReportedLabels(),
		"--metric-annotations-allowlist": cfg.MetricAnnotationsAllowlist,
	} {
		var entries []string
		for kind, labels := range allowlist {
			entries = append(entries, fmt.Sprintf("%s=[%s]", kind, strings.Join(labels, ",")))
		}
		if len(entries) > 0 {
			slices.Sort(entries)
			flags = append(flags, flag+"="+strings.Join(entries, ","))
		}
	}
	if allowlist := s.ReportedMetrics(); len(allowlist) > 0 {
		flags = append(flags, "--metric-allowlist="+strings.Join(allowlist, ","))
	}
	if len(cfg.MetricDenylist) > 0 {
		flags = append(flags, "--metric-denylist="+strings.Join(cfg.MetricDenylist, ","))
	}
	if len(s.CustomResources.Files) > 0 {
		flags = append(flags, "--custom-resource-state-config-file="+KubeStateMetricsDir+"/"+customResourcesFile)
	}
	if cfg.Shards > 1 {
		flags = append(flags, "--shard=$(SHARD)", fmt.Sprintf("--total-shards=%d", cfg.Shards))
	}
	slices.Sort(flags)
	return flags
}
