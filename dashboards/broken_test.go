package dashboards

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sick has a broken and a healthy object for each kind of problem. Its values are those of the last
// four days, by the minute.
var sick = map[string]string{
	`kube_node_status_condition{node="lost", condition="Ready", status="unknown"}`:                                      "1x6000",
	`kube_node_status_condition{node="lost", condition="Ready", status="true"}`:                                         "0x6000",
	`kube_node_status_condition{node="full", condition="DiskPressure", status="true"}`:                                  "1x6000",
	`kube_node_status_condition{node="full", condition="Ready", status="true"}`:                                         "1x6000",
	`kube_node_status_condition{node="fine", condition="DiskPressure", status="false"}`:                                 "1x6000",
	`kube_pod_created{namespace="shop", pod="fine"}`:                                                                    "0x6000",
	`kube_pod_created{namespace="shop", pod="waits"}`:                                                                   "0x6000",
	`kube_pod_created{namespace="shop", pod="failed"}`:                                                                  "0x6000",
	`kube_pod_created{namespace="shop", pod="slow"}`:                                                                    "0x6000",
	`kube_pod_created{namespace="shop", pod="done"}`:                                                                    "0x6000",
	`kube_pod_status_phase{namespace="shop", pod="fine", phase="Running"}`:                                              "1x6000",
	`kube_pod_status_ready{namespace="shop", pod="fine", condition="true"}`:                                             "1x6000",
	`kube_pod_status_phase{namespace="shop", pod="slow", phase="Running"}`:                                              "1x6000",
	`kube_pod_status_ready{namespace="shop", pod="slow", condition="true"}`:                                             "0x6000",
	`kube_pod_status_phase{namespace="shop", pod="done", phase="Succeeded"}`:                                            "1x6000",
	`kube_pod_status_ready{namespace="shop", pod="done", condition="true"}`:                                             "0x6000",
	`kube_pod_status_phase{namespace="shop", pod="fine", phase="Pending"}`:                                              "0x6000",
	`kube_pod_status_phase{namespace="shop", pod="waits", phase="Pending"}`:                                             "1x6000",
	`kube_pod_status_phase{namespace="shop", pod="failed", phase="Failed"}`:                                             "1x6000",
	`kube_pod_status_unschedulable{namespace="shop", pod="waits"}`:                                                      "1x6000",
	`kube_pod_container_status_waiting_reason{namespace="shop", pod="waits", container="a", reason="ErrImagePull"}`:     "1x6000",
	`kube_pod_container_status_waiting_reason{namespace="shop", pod="fine", container="a", reason="ContainerCreating"}`: "1x6000",
	`kube_pod_container_status_restarts_total{namespace="shop", pod="fine", container="b"}`:                             "0+1x6000",
	`kube_pod_container_status_restarts_total{namespace="shop", pod="fine", container="a"}`:                             "9x6000",
	`kube_pod_container_status_last_terminated_reason{namespace="shop", pod="fine", container="b", reason="OOMKilled"}`: "1x6000",
	`kube_deployment_spec_replicas{namespace="shop", deployment="cart"}`:                                                "5x6000",
	`kube_deployment_status_replicas_available{namespace="shop", deployment="cart"}`:                                    "3x6000",
	`kube_deployment_spec_replicas{namespace="shop", deployment="fine"}`:                                                "2x6000",
	`kube_deployment_status_replicas_available{namespace="shop", deployment="fine"}`:                                    "2x6000",
	`kube_statefulset_replicas{namespace="shop", statefulset="db"}`:                                                     "3x6000",
	`kube_statefulset_status_replicas_ready{namespace="shop", statefulset="db"}`:                                        "2x6000",
	`kube_daemonset_status_desired_number_scheduled{namespace="shop", daemonset="agent"}`:                               "3x6000",
	`kube_daemonset_status_number_available{namespace="shop", daemonset="agent"}`:                                       "2x6000",
	`kube_deployment_status_condition{namespace="shop", deployment="cart", condition="Progressing", status="false"}`:    "1x6000",
	`kube_deployment_status_condition{namespace="shop", deployment="fine", condition="Progressing", status="false"}`:    "0x6000",
	`kube_job_failed{namespace="shop", job_name="report", condition="true"}`:                                            "1x6000",
	`kube_job_failed{namespace="shop", job_name="fine", condition="true"}`:                                              "0x6000",
	`kube_job_status_start_time{namespace="shop", job_name="report"}`:                                                   "0x6000",
	`kube_job_failed{namespace="shop", job_name="backup-1", condition="true"}`:                                          "1x6000",
	`kube_job_status_start_time{namespace="shop", job_name="backup-1"}`:                                                 "10x6000",
	`kube_job_owner{namespace="shop", job_name="backup-1", owner_kind="CronJob", owner_name="backup"}`:                  "1x6000",
	`kube_cronjob_status_last_successful_time{namespace="shop", cronjob="backup"}`:                                      "20x6000",
	`kube_job_status_start_time{namespace="shop", job_name="fine"}`:                                                     "0x6000",

	`kube_horizontalpodautoscaler_info{namespace="shop", horizontalpodautoscaler="most", scaletargetref_kind="Deployment", scaletargetref_name="cart"}`: "1x6000",
	`kube_horizontalpodautoscaler_info{namespace="shop", horizontalpodautoscaler="off", scaletargetref_kind="Deployment", scaletargetref_name="fine"}`:  "1x6000",
	`kube_horizontalpodautoscaler_status_current_replicas{namespace="shop", horizontalpodautoscaler="most"}`:                                            "5x6000",
	`kube_horizontalpodautoscaler_spec_max_replicas{namespace="shop", horizontalpodautoscaler="most"}`:                                                  "5x6000",
	`kube_horizontalpodautoscaler_spec_min_replicas{namespace="shop", horizontalpodautoscaler="most"}`:                                                  "2x6000",
	`kube_horizontalpodautoscaler_status_condition{namespace="shop", horizontalpodautoscaler="most", condition="ScalingActive", status="false"}`:        "1x6000",
	`kube_horizontalpodautoscaler_status_condition{namespace="shop", horizontalpodautoscaler="off", condition="ScalingActive", status="false"}`:         "1x6000",
	`kube_horizontalpodautoscaler_status_current_replicas{namespace="shop", horizontalpodautoscaler="off"}`:                                             "0x6000",

	`kube_poddisruptionbudget_status_desired_healthy{namespace="shop", poddisruptionbudget="tight"}`:                 "3x6000",
	`kube_poddisruptionbudget_status_pod_disruptions_allowed{namespace="shop", poddisruptionbudget="tight"}`:         "0x6000",
	`kube_poddisruptionbudget_status_expected_pods{namespace="shop", poddisruptionbudget="tight"}`:                   "3x6000",
	`kube_poddisruptionbudget_status_desired_healthy{namespace="shop", poddisruptionbudget="unused"}`:                "0x6000",
	`kube_poddisruptionbudget_status_pod_disruptions_allowed{namespace="shop", poddisruptionbudget="unused"}`:        "0x6000",
	`kube_poddisruptionbudget_status_expected_pods{namespace="shop", poddisruptionbudget="unused"}`:                  "0x6000",
	`kube_resourcequota{namespace="shop", resourcequota="q", resource="pods", type="used"}`:                          "9x6000",
	`kube_resourcequota{namespace="shop", resourcequota="q", resource="pods", type="hard"}`:                          "10x6000",
	`kube_resourcequota{namespace="shop", resourcequota="q", resource="secrets", type="used"}`:                       "1x6000",
	`kube_resourcequota{namespace="shop", resourcequota="q", resource="secrets", type="hard"}`:                       "10x6000",
	`kube_persistentvolumeclaim_status_phase{namespace="shop", persistentvolumeclaim="data", phase="Pending"}`:       "1x6000",
	`kube_persistentvolumeclaim_status_phase{namespace="shop", persistentvolumeclaim="later", phase="Pending"}`:      "1x6000",
	`kube_pod_spec_volumes_persistentvolumeclaims_info{namespace="shop", pod="waits", persistentvolumeclaim="data"}`: "1x6000",

	`namespace_persistentvolumeclaim:kubelet_volume_stats_available:ratio{namespace="shop", persistentvolumeclaim="data"}`:   "0.05x6000",
	`namespace_persistentvolumeclaim:kubelet_volume_stats_inodes_free:ratio{namespace="shop", persistentvolumeclaim="data"}`: "0.9x6000",
	`node_mountpoint:node_filesystem_avail:ratio{node="full", mountpoint="/"}`:                                               "0.5x6000",
	`node_mountpoint:node_filesystem_files_free:ratio{node="full", mountpoint="/"}`:                                          "0.05x6000",

	// Expires on the seventh day; one like it was renewed an hour ago.
	`probe_ssl_earliest_cert_expiry{job="blackbox-targets", instance="https://shop"}`:               "604800x6000",
	`probe_ssl_earliest_cert_expiry{job="blackbox-targets", instance="https://fine"}`:               "604799x5900 604800x100",
	`kubelet_certificate_manager_client_ttl_seconds{job="kubernetes-nodes", node="lost"}`:           "604800-60x6000",
	`kubelet_certificate_manager_client_ttl_seconds{job="kubernetes-nodes", node="fine"}`:           "86400x6000",
	`aggregator_unavailable_apiservice{job="kubernetes-apiservers", name="v1beta1.metrics.k8s.io"}`: "1x6000",
	`aggregator_unavailable_apiservice{job="kubernetes-apiservers", name="v1."}`:                    "0x6000",
	`up{job="kubernetes-nodes", instance="10.0.0.1:10250", node="lost"}`:                            "0x6000",
	`up{job="kubernetes-nodes", instance="10.0.0.2:10250", node="fine"}`:                            "1x6000",
}

// Each problem lists what is broken, with its columns, and nothing else.
func TestProblemsListWhatIsBroken(t *testing.T) {
	var load strings.Builder
	load.WriteString("load 1m\n")
	for series, values := range sick {
		fmt.Fprintf(&load, "  %s %s\n", strings.Replace(series, "{", `{cluster="here", `, 1), values)
		fmt.Fprintf(&load, "  %s %s\n", strings.Replace(series, "{", `{cluster="elsewhere", shard="2", `, 1), values)
	}
	data := promqltest.LoadedStorage(t, load.String())
	engine := promqltest.NewTestEngine(t, false, 0, promqltest.DefaultMaxSamplesPerQuery)

	got := map[string][]string{}
	for _, p := range everything.problems() {
		query, err := engine.NewInstantQuery(t.Context(), data, nil, strings.ReplaceAll(p.expr, "$cluster", "here"), time.Unix(0, 0).Add(5990*time.Minute))
		require.NoError(t, err, p.expr)
		vector, err := query.Exec(t.Context()).Vector()
		require.NoError(t, err, p.expr)
		for _, sample := range vector {
			got[p.title] = append(got[p.title], shownRow(p, sample))
		}
		slices.Sort(got[p.title])
	}
	assert.Equal(t, map[string][]string{
		"Nodes not ready":         {"full DiskPressure", "lost Ready"},
		"Pods not ready":          {"shop failed Failed  359400", "shop slow Running  359400", "shop waits Pending ErrImagePull 359400"},
		"Containers waiting":      {"shop waits a ErrImagePull"},
		"Containers restarted":    {"shop fine b OOMKilled 15"},
		"Replicas unavailable":    {"shop DaemonSet agent 1", "shop Deployment cart 2", "shop StatefulSet db 1"},
		"Rollouts stuck":          {"shop Deployment cart"},
		"Jobs failed":             {"shop report 359400"},
		"Autoscalers at maximum":  {"most shop Deployment cart 5"},
		"Autoscalers unable":      {"most shop Deployment cart"},
		"Disruption budgets at 0": {"shop tight 3"},
		"Quotas full":             {"shop q pods 0.9"},
		"Claims not bound":        {"shop data Pending"},
		"Volumes full":            {"shop data space 0.95"},
		"Disks full":              {"full / inodes 0.95"},
		"Certificates expiring":   {"kubelet client  lost 245400", "probed https://shop  245400"},
		"APIs unavailable":        {"v1beta1.metrics.k8s.io"},
		"Targets down":            {"kubernetes-nodes 10.0.0.1:10250   lost"},
	}, got)
}

// shownRow returns what a problem's table shows of a sample: the columns of labels, and the value.
func shownRow(p problem, sample promql.Sample) string {
	var cells []string
	for _, c := range p.columns {
		cells = append(cells, sample.Metric.Get(c.field))
	}
	if p.value.title != "" {
		cells = append(cells, fmt.Sprint(sample.F))
	}
	return strings.Join(cells, " ")
}
