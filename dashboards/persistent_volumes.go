package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// persistentVolumes returns the dashboard of the volumes that pods mount: which are full, and which
// fill up when. The kubelets report the volumes whose drivers measure them, while they are mounted.
func persistentVolumes(o Options) *dashboard.DashboardBuilder {
	const (
		selected = inCluster + `, namespace=~"$namespace", persistentvolumeclaim=~"$persistentvolumeclaim"`
		kubelet  = selected + `, job="kubernetes-nodes"`
		by       = `max by (namespace, persistentvolumeclaim) `
		space    = `1 - min by (namespace, persistentvolumeclaim) (namespace_persistentvolumeclaim:kubelet_volume_stats_available:ratio{` + selected + `})`
		inodes   = `1 - min by (namespace, persistentvolumeclaim) (namespace_persistentvolumeclaim:kubelet_volume_stats_inodes_free:ratio{` + selected + `})`
		left     = `min by (namespace, persistentvolumeclaim) (namespace_persistentvolumeclaim:kubelet_volume_stats_available:ratio{` + selected + `})`
		// Per second, at the rate of the last day.
		loss = `min by (namespace, persistentvolumeclaim) (deriv(namespace_persistentvolumeclaim:kubelet_volume_stats_available:ratio{` + selected + `}[1d]))`
		used = by + `(kubelet_volume_stats_used_bytes{` + kubelet + `})`
	)
	board := newDashboard(o, UIDPersistentVolumes, "Persistent volumes",
		"The volumes that pods mount: their space and inodes, which fill up when, and their classes. Host path volumes do not report their use.",
		"up", "kubernetes").
		Time("now-2d", "now").
		WithVariable(labelsVariable("namespace", "Namespace", `label_values(kubelet_volume_stats_capacity_bytes{`+inCluster+`, job="kubernetes-nodes"}, namespace)`)).
		WithVariable(labelsVariable("persistentvolumeclaim", "Claim", `label_values(kubelet_volume_stats_capacity_bytes{`+inCluster+`, job="kubernetes-nodes", namespace=~"$namespace"}, persistentvolumeclaim)`))

	board.WithRow(row("At a glance")).
		WithPanel(latest("Volumes", "Claims whose use a kubelet reports.", units.Short, `count(`+used+`) or vector(0)`)).
		WithPanel(latest("Space", "Size of these volumes together.", units.BytesIEC, `sum(`+by+`(kubelet_volume_stats_capacity_bytes{`+kubelet+`})) or vector(0)`)).
		WithPanel(latest("Space used", "Used of it.", units.BytesIEC, `sum(`+used+`) or vector(0)`)).
		WithPanel(countNow("Space full", "Claims that use 90% or more of their space.", red, space+` >= 0.9`).Span(4).Height(4)).
		WithPanel(countNow("Inodes full", "Claims that use 90% or more of their inodes.", red, inodes+` >= 0.9`).Span(4).Height(4)).
		WithPanel(countNow("Full within four days", "Claims that will be full within four days at the rate of the last day.", orange, left+` / (-`+loss+` > 0) < 4 * 86400`).Span(4).Height(4))

	board.WithRow(row("Alerts")).
		WithPanel(firingAlerts(o, `alertname=~"PersistentVolume.*", namespace=~"|$namespace"`))

	board.WithRow(row("Volumes")).
		WithPanel(listing("Volumes", "The 100 claims that use the largest shares of their space, the pods' view of it, and when they will be full at the rate of the last day. Without a forecast, the volume does not fill up.",
			namespaceColumn(o),
			claimColumn(o),
			column{"Value #A", "Space in use", asBar(0.8, 0.9)},
			column{"Value #B", "Inodes in use", asBar(0.8, 0.9)},
			column{"Value #C", "Used", inUnit(units.BytesIEC)},
			column{"Value #D", "Size", inUnit(units.BytesIEC)},
			column{"Value #E", "Growth per day", inUnit(units.PercentUnit)},
			column{"Value #F", "Full in", inUnit(units.DurationSeconds)},
		).
			Height(12).
			NoValue("–").
			SortBy(sortedBy("Space in use", true)).
			WithTarget(rows(`topk(100, ` + space + `)`)).
			WithTarget(rows(inodes + ` and topk(100, ` + space + `)`)).
			WithTarget(rows(used + ` and topk(100, ` + space + `)`)).
			WithTarget(rows(by + `(kubelet_volume_stats_capacity_bytes{` + kubelet + `}) and topk(100, ` + space + `)`)).
			WithTarget(rows(`-` + loss + ` * 86400 and topk(100, ` + space + `)`)).
			WithTarget(rows(left + ` / (-` + loss + ` > 0) and topk(100, ` + space + `)`)))

	board.WithRow(row("Over time")).
		WithPanel(withThreshold(overTime("Space in use", "Share of the space of the 20 claims that are fullest at the end of the time range.", units.PercentUnit), 0.9).
			Max(1).
			WithTarget(query(largest(20, space), "{{namespace}}/{{persistentvolumeclaim}}"))).
		WithPanel(withThreshold(overTime("Inodes in use", "Share of the inodes of the 20 claims that are fullest at the end of the time range.", units.PercentUnit), 0.9).
			Max(1).
			WithTarget(query(largest(20, inodes), "{{namespace}}/{{persistentvolumeclaim}}"))).
		WithPanel(overTime("Used", "Bytes used on the 20 largest claims at the end of the time range.", units.BytesIEC).
			WithTarget(query(largest(20, used), "{{namespace}}/{{persistentvolumeclaim}}"))).
		WithPanel(withThreshold(overTime("Forecast", "Share of the space that will be in use in four days at the rate of the six hours before each point, for the 20 claims that are fullest then.", units.PercentUnit), 1).
			WithTarget(query(largest(20, `1 - min by (namespace, persistentvolumeclaim) (predict_linear(namespace_persistentvolumeclaim:kubelet_volume_stats_available:ratio{`+selected+`}[6h], 4 * 86400))`), "{{namespace}}/{{persistentvolumeclaim}}")))

	if o.Has(config.KubeStateMetricsJob) {
		volumeClasses(o, board)
	}
	return board
}

// volumeClasses adds the row of what the cluster knows of claims and volumes.
func volumeClasses(o Options, board *dashboard.DashboardBuilder) {
	const (
		selected = inCluster + `, namespace=~"$namespace", persistentvolumeclaim=~"$persistentvolumeclaim"`
		class    = `max by (namespace, persistentvolumeclaim, storageclass) (kube_persistentvolumeclaim_info{` + selected + `})`
		size     = `max by (namespace, persistentvolumeclaim) (kube_persistentvolumeclaim_resource_requests_storage_bytes{` + selected + `})`
	)
	board.WithRow(row("Classes and states")).
		WithPanel(listing("Classes", "What claims request of each storage class. Claims without a class are in the row without a name.",
			column{"storageclass", "Class", nil},
			column{"Value #A", "Claims", inUnit(units.Short)},
			column{"Value #B", "Requested", inUnit(units.BytesIEC)},
		).
			Span(8).
			Height(8).
			WithTarget(rows(`count by (storageclass) (` + class + `)`)).
			WithTarget(rows(`sum by (storageclass) (` + size + ` * on (namespace, persistentvolumeclaim) group_right () ` + class + `)`))).
		WithPanel(listing("Claims that are not bound", "Claims that wait for a volume or lost it. Some wait for a pod, by design of their class.",
			namespaceColumn(o),
			claimColumn(o),
			column{"phase", "Phase", nil},
		).
			Span(8).
			Height(8).
			NoValue("None").
			WithTarget(rows(`topk(100, max by (namespace, persistentvolumeclaim, phase) (kube_persistentvolumeclaim_status_phase{` + inCluster + `, namespace=~"$namespace", phase=~"Pending|Lost"}) == 1)`))).
		WithPanel(overTime("Volumes by phase", "Volumes that no claim uses any more are released. Those that could not be reclaimed have failed, and nobody gets their space.", units.Short).
			Span(8).
			Decimals(0).
			FillOpacity(40).
			Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A")).
			WithTarget(query(`sum by (phase) (max by (persistentvolume, phase) (kube_persistentvolume_status_phase{`+inCluster+`}))`, "{{phase}}")))
}
