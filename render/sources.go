package render

import (
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
)

// stored returns the names of samples that a job is known to expose and of which Prometheus
// stores at least some; a name that ends in a star stands for all with that prefix. It reports
// false if nothing can be left out at the source: if everything is stored, or a metric with the
// exporter's prefix, such as node_, that it is not known to expose; if relabelling renames metrics;
// or if nobody knows what the exporter's version exposes.
func (s *Stack) stored(job config.Job, prefix string) ([]string, bool) {
	ingest, known := s.Ingest[job]
	row, _ := job.Row()
	if !known || ingest.Whole != "" || !metrics.Has(row.Exporter, s.Config.Images.Version(row.Image)) || s.renames(job) {
		return nil, false
	}
	stored := map[string]bool{}
	for _, pattern := range ingest.Names {
		found := false
		u := byPattern(nil, nil, pattern)
		if word.FindString(pattern) == pattern {
			u = selection{name: pattern}
		}
		for name := range s.samples[job] {
			family, star := strings.CutSuffix(name, "*")
			if star && u.mayStartWith(family) || !star && u.selects(name) {
				stored[name], found = true, true
			}
		}
		if !found && u.mayStartWith(prefix) {
			return nil, false
		}
	}
	names := make([]string, 0, len(stored))
	for name := range stored {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, true
}

// renames reports whether a job's own relabelling of metrics may change their names.
func (s *Stack) renames(job config.Job) bool {
	return slices.ContainsFunc(s.Config.Discovery.Jobs[job].MetricRelabelConfigs, func(rule map[string]any) bool {
		return rule["target_label"] == model.MetricNameLabel || rule["action"] == "labelmap"
	})
}

// ReportedKinds returns the kinds of objects that kube-state-metrics reports on, sorted: of those in
// the config, the ones with metrics that Prometheus stores.
func (s *Stack) ReportedKinds() []config.Kind {
	kinds := slices.Sorted(slices.Values(s.Config.Exporters.KubeStateMetrics.Kinds))
	used := map[config.Kind]bool{}
	for _, name := range s.ReportedMetrics() {
		if kind, ok := KindOf(name); ok {
			used[kind] = true
		}
	}
	if len(used) == 0 {
		return kinds
	}
	return slices.DeleteFunc(kinds, func(kind config.Kind) bool { return !used[kind] })
}

// ReportedMetrics returns the metrics of objects, custom resources included, that kube-state-metrics exposes,
// sorted: those that Prometheus stores; nil for all. A denylist rules out an allowlist.
func (s *Stack) ReportedMetrics() []string {
	names, ok := s.stored(config.KubeStateMetricsJob, "kube_")
	if !ok || len(s.Config.Exporters.KubeStateMetrics.MetricDenylist) > 0 {
		return nil
	}
	custom := customResourceNames(s.Config)
	return slices.DeleteFunc(names, func(name string) bool {
		_, object := KindOf(name)
		return !object && !slices.Contains(custom, name)
	})
}

// ReportedLabels returns the Kubernetes labels that kube-state-metrics reports, by kind: those that the
// config asks for, and config.AlertsLabel.
func (s *Stack) ReportedLabels() map[config.Kind][]string {
	reported := map[config.Kind][]string{}
	for _, kind := range s.ReportedKinds() {
		labels := slices.Clone(s.Config.Exporters.KubeStateMetrics.MetricLabelsAllowlist[kind])
		mutes := slices.ContainsFunc(config.OptOuts, func(o config.OptOut) bool { return o.Kind == kind })
		if mutes && !slices.Contains(labels, "*") && !slices.Contains(labels, config.AlertsLabel) {
			labels = append(labels, config.AlertsLabel)
		}
		if len(labels) > 0 {
			reported[kind] = labels
		}
	}
	return reported
}

// collector is a collector of node-exporter.
type collector struct {
	name    string
	metrics *regexp.Regexp // of the names of the metrics that it exposes
}

// collectors lists the collectors of node-exporter that are on by default:
// https://github.com/prometheus/node_exporter#enabled-by-default
var collectors = []collector{
	{"arp", anchored("node_arp_.*")},
	{"bcache", anchored("node_bcache_.*")},
	{"bcachefs", anchored("node_bcachefs_.*")},
	{"bonding", anchored("node_bonding_.*")},
	{"btrfs", anchored("node_btrfs_.*")},
	{"conntrack", anchored("node_nf_conntrack_.*")},
	{"cpu", anchored("node_cpu_.*")},
	{"cpufreq", anchored("node_cpu_(frequency|scaling)_.*")},
	{"diskstats", anchored("node_disk_.*")},
	{"dmi", anchored("node_dmi_.*")},
	{"dmmultipath", anchored("node_dmmultipath_.*")},
	{"edac", anchored("node_edac_.*")},
	{"entropy", anchored("node_entropy_.*")},
	{"fibrechannel", anchored("node_fibrechannel_.*")},
	{"filefd", anchored("node_filefd_.*")},
	{"filesystem", anchored("node_filesystem_.*")},
	{"hwmon", anchored("node_hwmon_.*")},
	{"infiniband", anchored("node_infiniband_.*")},
	{"ipvs", anchored("node_ipvs_.*")},
	{"kernel_hung", anchored("node_kernel_hung_.*")},
	{"loadavg", anchored("node_load[0-9]+")},
	{"mdadm", anchored("node_md_.*")},
	{"meminfo", anchored("node_memory_.*")},
	{"netclass", anchored("node_network_([^rt].*|transmit_queue_length)")},
	{"netdev", anchored("node_network_(receive|transmit)_.*")},
	{"netstat", anchored("node_netstat_.*")},
	{"nfs", anchored("node_nfs_.*")},
	{"nfsd", anchored("node_nfsd_.*")},
	{"nvme", anchored("node_nvme_.*")},
	{"os", anchored("node_os_.*")},
	{"powersupplyclass", anchored("node_power_supply_.*")},
	{"pressure", anchored("node_pressure_.*")},
	{"rapl", anchored("node_rapl_.*")},
	{"schedstat", anchored("node_schedstat_.*")},
	{"selinux", anchored("node_selinux_.*")},
	{"sockstat", anchored("node_sockstat_.*")},
	{"softnet", anchored("node_softnet_.*")},
	{"stat", anchored("node_(boot_time_seconds|context_switches_total|forks_total|intr_total|procs_.*|softirqs_.*)")},
	{"tapestats", anchored("node_tape_.*")},
	{"textfile", anchored("node_textfile_.*")},
	{"thermal_zone", anchored("node_(thermal_zone|cooling_device)_.*")},
	{"time", anchored("node_time_.*")},
	{"timex", anchored("node_timex_.*")},
	{"udp_queues", anchored("node_udp_queues.*")},
	{"uname", anchored("node_uname_info")},
	{"vmstat", anchored("node_vmstat_.*")},
	{"watchdog", anchored("node_watchdog_.*")},
	{"xfs", anchored("node_xfs_.*")},
	{"zfs", anchored("node_zfs_.*")},
}

// NodeCollectors returns the collectors of node-exporter whose metrics Prometheus stores, sorted;
// nil for all.
func (s *Stack) NodeCollectors() []string {
	names, ok := s.stored(config.NodeExporterJob, "node_")
	if !ok {
		return nil
	}
	var used []string
	for _, c := range collectors {
		if slices.ContainsFunc(names, func(name string) bool { return c.metrics.MatchString(strings.TrimSuffix(name, "*")) }) {
			used = append(used, c.name)
		}
	}
	return used
}
