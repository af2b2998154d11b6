//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Reasons why a query may return nothing on the local node.
const (
	healthy   = "nothing is broken on a healthy node, and only the Watchdog fires"
	silent    = "the stack dev has no receiver"
	unlimited = "no container of the stack has a CPU limit, without which none is throttled"
	noCard    = "the local node has no network interface except its pods' bridge"
	noIO      = "the local node's cgroups have no io controller"
	noPSI     = "the local node has cgroups of version 1, which do not report pressure"
	alone     = "the stack dev has one Alertmanager"
	served    = "the API server of a healthy node serves all requests well"
	noWebhook = "the local node has no admission webhooks"
	noForward = "the local node's CoreDNS forwards to no other server"
	noTLS     = "the probed Service does not use TLS"
	single    = "the local node is the only one"
	noQuota   = "the stack has no quota"
	noScaler  = "the stack has no autoscaler"
	noBudget  = "the stack dev has one replica of each program, and so no disruption budget"
	noRAID    = "the local node has neither RAID nor bonds"
	noLimit   = "no job has a limit of targets"
	noRenewal = "the local node's kubelet does not renew its certificate"
)

// onEveryDashboard lists the places of queries that need not return data on any dashboard, with the
// reason.
var onEveryDashboard = map[string]string{
	`annotation "Alerts"`:            healthy,
	`annotation "Rollouts"`:          "nothing need have been rolled out within the last five minutes",
	`panel "Firing alerts", query A`: healthy,
	`panel "CPU", query B`:           unlimited,
}

// mayBeEmpty lists the other queries that need not return data, or a dashboard of such queries, with
// the reason.
var mayBeEmpty = map[string]string{
	dashboards.UIDBroken: "on a healthy node its figures are 0, and the tables behind them are empty",

	`capacity: panel "CPU with a node lost", query A`:                       single,
	`capacity: panel "Memory with a node lost", query A`:                    single,
	`capacity: panel "Requested with a node lost", query A`:                 single,
	`capacity: panel "Requested with a node lost", query B`:                 single,
	`namespace: panel "Quotas", query A`:                                    noQuota,
	`namespace: panel "Quotas", query B`:                                    noQuota,
	`namespace: panel "Quotas", query C`:                                    noQuota,
	`namespace: panel "Autoscalers", query A`:                               noScaler,
	`namespace: panel "Autoscalers", query B`:                               noScaler,
	`namespace: panel "Autoscalers", query C`:                               noScaler,
	`namespace: panel "Pods not ready", query A`:                            healthy,
	`namespace: panel "Restarts", query A`:                                  healthy,
	`workload: panel "Replicas", query D`:                                   noScaler,
	`workload: panel "Replicas", query E`:                                   noScaler,
	`workload: panel "CPU throttled by container", query A`:                 unlimited,
	`pod: panel "Containers", query C`:                                      healthy,
	`pod: panel "Containers", query E`:                                      unlimited,
	`pod: panel "Containers", query I`:                                      unlimited,
	`pod: panel "Throttled", query A`:                                       unlimited,
	`pod: panel "Waiting for disks", query A`:                               noPSI,
	`pod: panel "Disk traffic", query A`:                                    noIO,
	`pod: panel "Disk traffic", query B`:                                    noIO,
	`pod: panel "Containers", query L`:                                      healthy,
	`api-server: panel "Aggregated APIs that became unavailable", query A`:  healthy,
	`cardinality: panel "Targets of the limit", query A`:                    noLimit,
	`kubelet: panel "Serving certificates that expire first", query A`:      noRenewal,
	`kubelet: panel "Renewals that fail", query A`:                          noRenewal,
	`kubelet: panel "Renewals that fail", query B`:                          noRenewal,
	`node: panel "Faults of the machine", query C`:                          noRAID,
	`node: panel "Faults of the machine", query D`:                          noRAID,
	`node: panel "Faults of the machine", query E`:                          noCard,
	`nodes: panel "Faults of the machine", query C`:                         noRAID,
	`nodes: panel "Faults of the machine", query D`:                         noRAID,
	`nodes: panel "Faults of the machine", query E`:                         noCard,
	`nodes: panel "Taints", query A`:                                        healthy,
	`node: panel "Taints", query A`:                                         healthy,
	`node: panel "Throughput", query A`:                                     noCard,
	`node: panel "Throughput", query B`:                                     noCard,
	`node: panel "Errors and drops", query A`:                               noCard,
	`node: panel "Errors and drops", query B`:                               noCard,
	`network: panel "Traffic by node", query A`:                             noCard,
	`network: panel "Traffic by node", query B`:                             noCard,
	`network: panel "Packets dropped by node", query A`:                     noCard,
	`network: panel "Packets dropped by node", query B`:                     noCard,
	`persistent-volumes: panel "Claims that are not bound", query A`:        healthy,
	`persistent-volumes: panel "Volumes", query F`:                          "no volume need be filling up",
	`alerts-overview: panel "Firing by severity", query A`:                  healthy,
	`alerts-overview: panel "Firing by alert", query A`:                     healthy,
	`alerts-overview: panel "Most time spent firing", query A`:              healthy,
	`alertmanager: panel "Time to notify", query A`:                         silent,
	`api-server: panel "What spends the budget", query A`:                   served,
	`kubelet: panel "Certificates that expire first", query A`:              noRenewal,
	`probes: panel "Soonest certificate", query A`:                          noTLS,
	`probes: panel "Targets", query E`:                                      noTLS,
	`probes: panel "Certificates that expire first", query A`:               noTLS,
	`probes: panel "Versions of TLS", query A`:                              noTLS,
	`kubernetes-pod-resources: panel "Pods", query C`:                       unlimited,
	`kubernetes-pod-resources: panel "CPU throttled by container", query A`: unlimited,
	`kubernetes-pod-resources: panel "Disk traffic by pod", query A`:        noIO,
	`kubernetes-pod-resources: panel "Disk traffic by pod", query B`:        noIO,
	`kubernetes-pod-resources: panel "Waiting for disks by pod", query A`:   noPSI,
	`nodes: panel "Throughput", query A`:                                    noCard,
	`nodes: panel "Throughput", query B`:                                    noCard,
	`nodes: panel "Errors and drops", query A`:                              noCard,
	`nodes: panel "Errors and drops", query B`:                              noCard,
}

// mayBeAbsent lists the metrics that need not exist, with the reason.
var mayBeAbsent = map[string]string{
	"alertmanager_cluster_failed_peers":                      alone,
	"alertmanager_cluster_members":                           alone,
	"alertmanager_cluster_messages_queued":                   alone,
	"alertmanager_notifications_suppressed_total":            "no alert of a healthy node is inhibited",
	"apiserver_admission_webhook_admission_duration_seconds": noWebhook,
	"apiserver_flowcontrol_rejected_requests_total":          served,
	"cluster_resource_verb:apiserver_requests_failed:rate5m": served,
	"coredns_cache_hits_total":                               "nothing need have been asked twice",
	"coredns_proxy_request_duration_seconds":                 noForward,
	"kubelet_certificate_manager_client_ttl_seconds":         noRenewal,
	"kubelet_certificate_manager_server_ttl_seconds":         noRenewal,
	"kube_horizontalpodautoscaler_info":                      noScaler,
	"kube_horizontalpodautoscaler_spec_max_replicas":         noScaler,
	"kube_horizontalpodautoscaler_spec_min_replicas":         noScaler,
	"kube_horizontalpodautoscaler_status_condition":          noScaler,
	"kube_horizontalpodautoscaler_status_current_replicas":   noScaler,
	"kube_cronjob_status_last_successful_time":               "the stack has no CronJobs",
	"kube_job_owner":                                             "the stack has no Jobs",
	"kube_job_failed":                                            "the stack has no Jobs",
	"kube_job_status_start_time":                                 "the stack has no Jobs",
	"kube_node_spec_taint":                                       healthy,
	"kube_pod_container_status_last_terminated_reason":           healthy,
	"kube_pod_container_status_terminated_reason":                healthy,
	"kube_pod_container_status_waiting_reason":                   healthy,
	"kube_pod_init_container_status_waiting_reason":              healthy,
	"kube_pod_status_unschedulable":                              healthy,
	"kube_poddisruptionbudget_status_desired_healthy":            noBudget,
	"kube_poddisruptionbudget_status_expected_pods":              noBudget,
	"kube_poddisruptionbudget_status_pod_disruptions_allowed":    noBudget,
	"kube_resourcequota":                                         noQuota,
	"kubelet_runtime_operations_errors_total":                    healthy,
	"kubelet_terminated_containers_total":                        "no container need have ended",
	"aggregator_unavailable_apiservice_total":                    healthy,
	"kubelet_certificate_manager_client_expiration_renew_errors": noRenewal,
	"kubelet_server_expiration_renew_errors":                     noRenewal,
	"node_bonding_active":                                        noRAID,
	"node_bonding_slaves":                                        noRAID,
	"node_md_disks":                                              noRAID,
	"prometheus_sd_refresh_failures_total":                       "the stack has no discovery that refreshes",
	"prometheus_target_sync_failed_total":                        healthy,
	"kubelet_evictions":                                          "the kubelet of a healthy node evicts nothing",
	"probe_ssl_earliest_cert_expiry":                             noTLS,
	"probe_tls_version_info":                                     noTLS,
	"container_cpu_cfs_periods_total":                            unlimited,
	"container_cpu_cfs_throttled_periods_total":                  unlimited,
	"container_fs_reads_bytes_total":                             noIO,
	"container_fs_writes_bytes_total":                            noIO,
	"container_pressure_io_waiting_seconds_total":                noPSI,
}

// dashboardQueries runs every query of every shipped dashboard. On the local node each must
// name metrics that exist and return data. On an existing cluster, whose metrics are not
// known, Prometheus must accept each.
func dashboardQueries(t *testing.T, n *node) {
	stack, err := render.New(n.stack)
	require.NoError(t, err)
	nodes, err := n.kubernetes.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	require.NoError(t, err)
	require.NotEmpty(t, nodes.Items)
	var queries []dashboards.Query
	for _, d := range stack.Dashboards {
		if d.Folder == dashboards.FolderCustom {
			continue
		}
		found, err := dashboards.Queries(d, map[string]string{"cluster": n.stack.Cluster.Name, "node": nodes.Items[0].Name})
		require.NoError(t, err)
		require.NotEmpty(t, found, d.UID)
		queries = append(queries, found...)
	}
	var empty []string
	eventually(t, 3*time.Minute, "every query returns data", func(ctx context.Context) string {
		empty = nil
		for _, q := range queries {
			vector, err := n.tryQuery(ctx, q.Expr, time.Now())
			if err != nil {
				return fmt.Sprintf("%s: %v: %s", place(q), err, q.Expr)
			}
			if len(vector) == 0 && cmp.Or(mayBeEmpty[q.Dashboard], mayBeEmpty[place(q)], onEveryDashboard[q.Place]) == "" {
				empty = append(empty, place(q)+": "+q.Expr)
			}
		}
		if !n.cluster.local {
			return ""
		}
		return strings.Join(empty, "\n")
	})
	t.Logf("queries without data: %q", empty)
	n.cluster.localOnly(t, "a known set of metrics")

	names, _, _, err := n.prometheus.LabelValues(t.Context(), model.MetricNameLabel, nil, time.Now().Add(-10*time.Minute), time.Now())
	require.NoError(t, err)
	places, absent := map[string]bool{}, map[string]bool{}
	for _, q := range queries {
		places[place(q)], places[q.Dashboard] = true, true
		metrics, err := dashboards.Metrics(q.Expr)
		require.NoError(t, err)
		for _, metric := range metrics {
			if !slices.Contains(names, model.LabelValue(metric)) {
				absent[metric] = true
				assert.NotEmpty(t, mayBeAbsent[metric], "%s names %s, which does not exist", place(q), metric)
			}
		}
	}
	for where := range mayBeEmpty {
		assert.True(t, places[where], "%s is not a query any more: remove it from mayBeEmpty", where)
	}
	t.Logf("%d queries of %d dashboards; metrics that do not exist: %v", len(queries), len(stack.Dashboards), slices.Sorted(maps.Keys(absent)))
}

func place(q dashboards.Query) string { return q.Dashboard + ": " + q.Place }
