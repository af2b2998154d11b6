package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/units"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// etcd returns the dashboard of the members of etcd: their leader, the time that their disks take, the
// room in their databases, and what they are asked.
func etcd(o Options) *dashboard.DashboardBuilder {
	job := inCluster + `, job="` + o.job(config.EtcdJob) + `"`
	member := job + `, instance=~"$instance"`
	quota := `max by (instance) (etcd_mvcc_db_total_size_in_bytes{` + member + `}) / max by (instance) (etcd_server_quota_backend_bytes{` + member + `})`
	p99 := func(histogram string) string {
		return `histogram_quantile(0.99, sum by (instance, le) (rate(` + histogram + `_bucket{` + member + `}[$__rate_interval])))`
	}

	board := newDashboard(o, UIDEtcd, "etcd",
		"The members of etcd: their leader, the time that their disks take, the room in their databases, and what they are asked.",
		"etcd_server_has_leader", "kubernetes").
		WithVariable(labelsVariable("instance", "Member", `label_values(etcd_server_has_leader{`+job+`}, instance)`))

	board.WithPanel(firingAlerts(o, `alertname=~"Etcd.+"`))
	board.WithRow(row("At a glance")).
		WithPanel(figure("Members that respond", "Members whose last scrape succeeded.", units.Short).
			GraphMode(common.BigValueGraphModeNone).
			Thresholds(steps(red, at(1, green))).
			WithTarget(query(`sum(up{`+job+`})`, ""))).
		WithPanel(figure("Members to lose", "Members that may still fail before etcd has no majority, and accepts no writes.", units.Short).
			GraphMode(common.BigValueGraphModeNone).
			Thresholds(steps(red, at(0, orange), at(1, green))).
			WithTarget(query(`sum(up{`+job+`}) - floor(count(up{`+job+`}) / 2) - 1`, ""))).
		WithPanel(figure("Members with a leader", "Members that know the leader. One that does not is cut off from the others.", units.Short).
			GraphMode(common.BigValueGraphModeNone).
			WithTarget(query(`sum(etcd_server_has_leader{`+job+`})`, ""))).
		WithPanel(figure("Elections", "Changes of the leader within the time range.", units.Short).
			Decimals(0).
			Thresholds(steps(green, at(1, yellow), at(3, red))).
			WithTarget(instant(`max(increase(etcd_server_leader_changes_seen_total{`+job+`}[$__range]))`, ""))).
		WithPanel(figure("Quota", "Share of the quota that the largest database uses. A full database accepts no writes.", units.PercentUnit).
			Thresholds(steps(green, at(0.8, yellow), at(0.95, red))).
			WithTarget(query(`max(`+quota+`)`, ""))).
		WithPanel(figure("Failed writes", "Proposals that failed within the time range.", units.Short).
			Decimals(0).
			Thresholds(steps(green, at(1, orange))).
			WithTarget(instant(`sum(increase(etcd_server_proposals_failed_total{`+job+`}[$__range]))`, ""))).
		WithPanel(listing("Members", "The latest values of each selected member.",
			column{"instance", "Member", nil},
			column{"Value #A", "Leader", inWords(states(word("", ""), word("Leader", blue)))},
			column{"Value #B", "Database", inUnit(units.BytesIEC)},
			column{"Value #C", "Of the quota", asBar(0.8, 0.95)},
			column{"Value #D", "Log written in", inUnit(units.Seconds)},
			column{"Value #E", "Database written in", inUnit(units.Seconds)},
			column{"Value #F", "Up for", inUnit(units.DurationSeconds)},
		).
			Height(6).
			SortBy(sortedBy("Member", false)).
			WithTarget(rows(`max by (instance) (etcd_server_is_leader{` + member + `})`)).
			WithTarget(rows(`max by (instance) (etcd_mvcc_db_total_size_in_bytes{` + member + `})`)).
			WithTarget(rows(quota)).
			WithTarget(rows(p99("etcd_disk_wal_fsync_duration_seconds"))).
			WithTarget(rows(p99("etcd_disk_backend_commit_duration_seconds"))).
			WithTarget(rows(`min by (instance) (time() - process_start_time_seconds{` + member + `})`)))

	board.WithRow(row("Disks")).
		WithPanel(withThreshold(overTime("Writing the log, 99th percentile", "Duration of a sync of the write-ahead log. Every write of the cluster waits for it; on an SSD it takes less than 10 milliseconds.", units.Seconds), 0.25).
			WithTarget(query(p99("etcd_disk_wal_fsync_duration_seconds"), "{{instance}}"))).
		WithPanel(withThreshold(overTime("Writing the database, 99th percentile", "Duration of a commit to the database.", units.Seconds), 0.25).
			WithTarget(query(p99("etcd_disk_backend_commit_duration_seconds"), "{{instance}}"))).
		WithPanel(overTime("Slow operations", "Writes that took longer than 100 milliseconds to apply, and reads that waited long for the leader, per second.", units.CountsPerSecond).
			WithTarget(query(`sum by (instance) (rate(etcd_server_slow_apply_total{`+member+`}[$__rate_interval]))`, "writes {{instance}}")).
			WithTarget(query(`sum by (instance) (rate(etcd_server_slow_read_indexes_total{`+member+`}[$__rate_interval]))`, "reads {{instance}}"))).
		WithPanel(overTime("Failed heartbeats", "Heartbeats that the leader could not send in time, per second, because its disk or CPU is too slow.", units.CountsPerSecond).
			WithTarget(query(`sum by (instance) (rate(etcd_server_heartbeat_send_failures_total{`+member+`}[$__rate_interval]))`, "{{instance}}")))

	board.WithRow(row("Consensus")).
		WithPanel(overTime("Writes", "Proposals that a majority of the members has accepted per second. All members should show the same.", units.CountsPerSecond).
			WithTarget(query(`max by (instance) (rate(etcd_server_proposals_committed_total{`+member+`}[$__rate_interval]))`, "{{instance}}"))).
		WithPanel(overTime("Writes waiting and failing", "Writes that wait for a majority of the members, and failed writes per second.", units.Short).
			WithTarget(query(`max by (instance) (etcd_server_proposals_pending{`+member+`})`, "{{instance}} waiting")).
			WithTarget(query(`max by (instance) (rate(etcd_server_proposals_failed_total{`+member+`}[$__rate_interval]))`, "{{instance}} failed per second"))).
		WithPanel(overTime("Behind", "Writes that a majority has accepted and the member has not yet applied. A member that stays behind is too slow.", units.Short).
			WithTarget(query(`max by (instance) (etcd_server_proposals_committed_total{`+member+`} - etcd_server_proposals_applied_total{`+member+`})`, "{{instance}}"))).
		WithPanel(overTime("Changes of the leader", "Elections that the members saw within five minutes.", units.Short).
			Decimals(0).
			WithTarget(query(`max by (instance) (increase(etcd_server_leader_changes_seen_total{`+member+`}[5m]))`, "{{instance}}")))

	board.WithRow(row("Database")).
		WithPanel(overTime("Size", "Size of the database on disk, the part of it in use, and the quota. What is not in use becomes free for the file system when the member is defragmented.", units.BytesIEC).
			OverrideByName("quota", append(asLimit(), inColor(red)...)).
			WithTarget(query(`max by (instance) (etcd_mvcc_db_total_size_in_bytes{`+member+`})`, "{{instance}}")).
			WithTarget(query(`max by (instance) (etcd_mvcc_db_total_size_in_use_in_bytes{`+member+`})`, "{{instance}} in use")).
			WithTarget(query(`min(etcd_server_quota_backend_bytes{`+member+`})`, "quota"))).
		WithPanel(overTime("Keys", "Keys in the database, without their older revisions.", units.Short).
			WithTarget(query(`max by (instance) (etcd_debugging_mvcc_keys_total{`+member+`})`, "{{instance}}"))).
		WithPanel(overTime("Reads and changes", "Operations on keys per second.", units.CountsPerSecond).
			WithTarget(query(`sum(rate(etcd_mvcc_range_total{`+member+`}[$__rate_interval]))`, "reads")).
			WithTarget(query(`sum(rate(etcd_mvcc_put_total{`+member+`}[$__rate_interval]))`, "writes")).
			WithTarget(query(`sum(rate(etcd_mvcc_delete_total{`+member+`}[$__rate_interval]))`, "deletions"))).
		WithPanel(overTime("Watchers", "Watches, and those among them that are behind the changes.", units.Short).
			WithTarget(query(`sum(etcd_debugging_mvcc_watcher_total{`+member+`})`, "watches")).
			WithTarget(query(`sum(etcd_debugging_mvcc_slow_watcher_total{`+member+`})`, "behind")))

	board.WithRow(row("Clients")).
		WithPanel(stacked(overTime("Requests", "Requests answered per second, for the ten methods with the most.", units.RequestsPerSecond)).
			WithTarget(query(mostOf(10, `sum by (grpc_method) (rate(grpc_server_handled_total{`+member+`}[$__rate_interval]))`), "{{grpc_method}}"))).
		WithPanel(overTime("Failed requests", "Share of the requests that failed, by the five codes with the most. Clients that cancel a watch end it with Canceled, which is left out.", units.PercentUnit).
			WithTarget(query(mostOf(5, `sum by (grpc_code) (rate(grpc_server_handled_total{`+member+`, grpc_code!~"OK|Canceled"}[$__rate_interval])) / on () group_left () sum(rate(grpc_server_handled_total{`+member+`}[$__rate_interval]))`), "{{grpc_code}}"))).
		WithPanel(bothWays("Client traffic", "Bytes received above, sent below zero.", units.BytesPerSecondIEC, "sent").
			WithTarget(query(`sum by (instance) (rate(etcd_network_client_grpc_received_bytes_total{`+member+`}[$__rate_interval]))`, "received {{instance}}")).
			WithTarget(query(`sum by (instance) (rate(etcd_network_client_grpc_sent_bytes_total{`+member+`}[$__rate_interval]))`, "sent {{instance}}"))).
		WithPanel(overTime("File descriptors", "Open descriptors as a share of the limit.", units.PercentUnit).
			Max(1).
			WithTarget(query(`max by (instance) (os_fd_used{`+member+`}) / max by (instance) (os_fd_limit{`+member+`})`, "{{instance}}")))

	processes(board, member, "instance")
	return board
}
