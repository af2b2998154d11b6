//go:build scale

package scale

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

var (
	simulated = flag.Int("nodes", 0, "nodes that TestNodes simulates; it is skipped without them")
	shards    = flag.Int("shards", 0, "shards that divide the targets after the one server, 2 or more; 0 for none")
)

// TestNodes measures the stack's server and kube-state-metrics on a cluster whose API server knows nodes
// and pods that kwok simulates, with the service discovery and all rules of the stack; and then the shards
// of another stack, one after the other. It prints tables.
func TestNodes(t *testing.T) {
	if *simulated == 0 {
		t.Skip("-nodes is not set")
	}
	targets, err := newReplay(*simulated, 0, nil)
	require.NoError(t, err)
	recorded := targets.recordings["cadvisor"].pods
	targets.podsPerNode = copies * len(recorded)
	replayServer := httptest.NewServer(targets)
	t.Cleanup(replayServer.Close)
	c := startCluster(t, *simulated, recorded)

	// rendered returns the stack with further settings of the server, and other settings, in YAML.
	rendered := func(server, others string) *render.Stack {
		every := model.Duration(*interval)
		stack, err := render.New(configtest.Config(t, fmt.Sprintf("cluster: {name: test, nodes: %d, pods: %d}\nprometheus: {scrapeInterval: %s, scrapeTimeout: %s, evaluationInterval: 30s%s}\n%s",
			len(c.nodes), c.created, every, every, server, others)))
		require.NoError(t, err)
		return stack
	}
	one := rendered("", "")
	exporter := c.startKubeStateMetrics(t, one)
	measure := func(t *testing.T, stack *render.Stack, shard int) *measurement {
		before := c.apiServer(t)
		s := start(t, stack, shard, func(own string, job config.Job, scrape map[string]any) bool {
			c.redirect(scrape, job, own, replayServer.Listener.Addr().String(), exporter)
			return true
		})
		m := &measurement{cluster: c, stack: stack, server: s, exporter: exporter, groups: map[string]float64{}, rules: map[string]float64{}}
		m.load(t)
		m.discovery(before)
		m.ruleTables()
		m.jobs(t)
		return m
	}
	size := fmt.Sprintf("%d nodes with %d pods, scraped every %s", len(c.nodes), c.created, *interval)
	t.Run("one server", func(t *testing.T) {
		m := measure(t, one, 0)
		m.newPods(t)
		m.syncs(t)
		m.panels(t)
		t.Logf("%s\n%s", size, m)
	})
	if *shards == 0 {
		return
	}
	// Samples in the form in which the one server has them.
	divided := rendered(fmt.Sprintf(", shards: %d", *shards), `discovery: {histograms: native}
longTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: none, endpoint: none}}, retention: {raw: 1y, 5m: 1y, 1h: 1y}}`)
	for shard := range *shards {
		t.Run(fmt.Sprint("shard ", shard), func(t *testing.T) {
			t.Logf("%s: shard %d of %d\n%s", size, shard, *shards, measure(t, divided, shard))
		})
	}
}

// startKubeStateMetrics starts kube-state-metrics with the stack's flags, and waits until it knows the
// pods. It returns the addresses of its ports, by name.
func (c *cluster) startKubeStateMetrics(t *testing.T, stack *render.Stack) map[string]string {
	addresses := map[string]string{"metrics": freeAddress(t), "telemetry": freeAddress(t)}
	flags := append(stack.KubeStateMetricsFlags(), "--kubeconfig="+c.kubeconfig)
	for name, prefix := range map[string]string{"metrics": "", "telemetry": "telemetry-"} {
		host, port, _ := strings.Cut(addresses[name], ":")
		flags = append(flags, "--"+prefix+"host="+host, "--"+prefix+"port="+port)
	}
	run(t, "kube-state-metrics", flags...)
	awaitOK(t, "http://"+addresses["telemetry"]+"/metrics")
	await(t, "pods in kube-state-metrics", func() (int, int) {
		response, err := http.Get("http://" + addresses["metrics"] + "/metrics")
		require.NoError(t, err)
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return strings.Count(string(text), "\nkube_pod_info{"), c.created
	})
	return addresses
}

// simulatedJobs lists the jobs whose targets a recording plays, with its exporter. There is no recording of
// the results of probes.
var simulatedJobs = map[config.Job]string{
	config.NodesJob: "kubelet", config.CadvisorJob: "cadvisor", config.ContainerProbesJob: nothing, config.NodeExporterJob: "node-exporter",
	config.APIServersJob: "kube-apiserver", config.PodsJob: nothing,
}

// redirect has a scrape config discover its targets from the simulated cluster, and scrape what plays
// them. Apart from that and from credentials, it adds relabelling only.
func (c *cluster) redirect(scrape map[string]any, job config.Job, own, player string, exporter map[string]string) {
	for _, discovery := range slice(scrape["kubernetes_sd_configs"]) {
		discovery.(map[string]any)["kubeconfig_file"] = c.kubeconfig
	}
	for _, key := range []string{"authorization", "tls_config"} {
		delete(scrape, key)
	}
	set := func(label, value string, from ...string) map[string]any {
		rule := map[string]any{"target_label": label, "replacement": value}
		if len(from) > 0 {
			rule["source_labels"], rule["regex"] = from[:len(from)-1], from[len(from)-1]
		}
		return rule
	}
	rules := append(slice(scrape["relabel_configs"]),
		set("instance", "$1", "instance", "__address__", ";(.+)"), // as the address is about to change
		set("__scheme__", "http"))
	played, ok := simulatedJobs[job]
	switch {
	case ok:
		rules = append(rules, set("__address__", player), set("__metrics_path__", "/"+played+"/0"),
			set("__metrics_path__", "/"+played+"/$1", "node", `node-(\d+)`))
	case job == config.PrometheusJob:
		rules = append(rules, set("__address__", own))
	case job == config.KubeStateMetricsJob:
		for port, address := range exporter {
			rules = append(rules, set("__address__", address, "endpoint", port))
		}
	}
	scrape["relabel_configs"] = rules
}

// slice returns a list of a YAML document; nil if it is absent.
func slice(value any) []any {
	list, _ := value.([]any)
	return list
}

// measurement is what is measured of a server, as text.
type measurement struct {
	cluster  *cluster
	stack    *render.Stack
	server   prometheus
	exporter map[string]string
	api      []apiServer // during the measurement

	groups, rules map[string]float64 // least seconds of an evaluation
	strings.Builder
}

// table adds a table.
func (m *measurement) table(header string, rows ...string) {
	fmt.Fprintf(m, "\n| %s |\n|%s\n", header, strings.Repeat(" --- |", strings.Count(header, "|")+1))
	for _, row := range rows {
		fmt.Fprintf(m, "| %s |\n", row)
	}
}

// load waits for the scrapes, and adds the load in the second half of their time beside the estimate.
func (m *measurement) load(t *testing.T) {
	time.Sleep(time.Duration(*scrapes/2) * *interval)
	exporter := func() map[string]float64 { return sums(scrape(t, "http://"+m.exporter["telemetry"])) }
	api, exporterBefore, before := m.cluster.apiServer(t), exporter(), m.server.metrics(t)
	after, resident := before, 0.0
	for end := time.Now().Add(time.Duration(*scrapes-*scrapes/2) * *interval); time.Now().Before(end); time.Sleep(5 * time.Second) {
		after = m.server.metrics(t)
		resident = max(resident, after["process_resident_memory_bytes"])
		m.evaluations(t)
	}
	seconds := after["time"] - before["time"]
	rate := func(before, after map[string]float64, name string) float64 {
		return (after[name] - before[name]) / seconds
	}
	apiAfter, exporterAfter := m.cluster.apiServer(t), exporter()
	m.api = []apiServer{api, apiAfter}

	estimate, ok := check.EstimateOf(check.Analyse(m.stack))
	require.True(t, ok)
	series := float64(estimate.Series[config.PrometheusJob] + estimate.Series[config.KubeStateMetricsJob])
	for job, played := range simulatedJobs {
		each := float64(estimate.Series[job])
		if played == nothing {
			continue
		}
		if job == config.APIServersJob { // the local control plane has one
			each /= float64(min(3, len(m.cluster.nodes)))
		}
		series += each
	}
	if m.stack.Config.Prometheus.Shards > 1 {
		series = float64(estimate.Total) // of the shard with most
	}
	const cpu, memory = "process_cpu_seconds_total", "process_resident_memory_bytes"
	row := func(what, format string, measured float64, estimated ...float64) string {
		beside := ""
		if len(estimated) > 0 {
			beside = fmt.Sprintf(format, estimated[0])
		}
		return what + " | " + fmt.Sprintf(format, measured) + " | " + beside
	}
	m.table("Load | Measured | Estimated",
		row("Active series", "%.0f", after["prometheus_tsdb_head_series"], series),
		row("Resident memory, MiB", "%.0f", resident/(1<<20), float64(estimate.Resident)/(1<<20)),
		row("Cores", "%.3f", rate(before, after, cpu), estimate.CPU),
		row("Samples stored per second", "%.0f", rate(before, after, appended+"float")+rate(before, after, appended+"histogram"), estimate.Samples),
		row("kube-state-metrics: resident memory, MiB", "%.0f", exporterAfter[memory]/(1<<20)),
		row("kube-state-metrics: cores", "%.3f", rate(exporterBefore, exporterAfter, cpu)),
		row("API server: resident memory, MiB", "%.0f", apiAfter.sums[memory]/(1<<20)),
		row("API server: cores", "%.3f", rate(api.sums, apiAfter.sums, cpu)),
	)
}

// discovery adds what the server's discovery asked of the API server since before, when it started. A watch
// ends after some minutes, and is opened again a moment later, so the most that were open count.
func (m *measurement) discovery(before apiServer) {
	after := m.api[len(m.api)-1]
	var rows []string
	for _, resource := range slices.Sorted(maps.Keys(after.watches)) {
		opened := 0.0
		for _, s := range m.api {
			opened = max(opened, s.watches[resource]-before.watches[resource])
		}
		if opened > 0 {
			rows = append(rows, fmt.Sprintf("%s | %.0f | %.0f | %.1f", resource, opened,
				after.events[resource]-before.events[resource], (after.bytes[resource]-before.bytes[resource])/(1<<20)))
		}
	}
	m.table("Discovery | Watches | Events sent to all watches since the server started | MiB of compressed lists, and of events", rows...)
}

// syncs adds how long each job needs for its targets whenever any of those that it discovers changes, and
// how many it drops.
func (m *measurement) syncs(t *testing.T) {
	var answer struct{ DroppedTargetCounts map[string]float64 }
	m.get(t, "targets", url.Values{"state": {"dropped"}}, &answer)
	var rows []string
	for _, s := range scrape(t, m.server.url) {
		if s.name == "prometheus_target_sync_length_seconds" && s.count > 0 && s.labels["quantile"] == "" {
			job := s.labels["scrape_job"]
			rows = append(rows, fmt.Sprintf("%s | %.0f | %.0f | %.4f", job, answer.DroppedTargetCounts[job], s.count, s.value/s.count))
		}
	}
	slices.Sort(rows)
	m.table("Targets of a job | Dropped | Changes | Seconds each", rows...)
}

// get returns the data of a response of the server's API.
func (m *measurement) get(t *testing.T, path string, parameters url.Values, data any) {
	response, err := http.Get(m.server.url + "/api/v1/" + path + "?" + parameters.Encode())
	require.NoError(t, err)
	defer response.Body.Close()
	require.Equal(t, http.StatusOK, response.StatusCode, "%s %v", path, parameters)
	require.NoError(t, json.NewDecoder(response.Body).Decode(&struct{ Data any }{data}))
}

// shown is how many of the slowest are in a table.
const shown = 10

// slowest returns the rows of the slowest.
func slowest(seconds map[string]float64) []string {
	names := slices.SortedFunc(maps.Keys(seconds), func(a, b string) int {
		return cmp.Or(cmp.Compare(seconds[b], seconds[a]), strings.Compare(a, b))
	})
	var rows []string
	for _, name := range names[:min(shown, len(names))] {
		rows = append(rows, fmt.Sprintf("%s | %.3f", name, seconds[name]))
	}
	return rows
}

// evaluations reads how long rules took, and keeps the least for each: now and then, another process needs
// the CPUs.
func (m *measurement) evaluations(t *testing.T) {
	var answer struct {
		Groups []struct {
			Name           string
			EvaluationTime float64
			Rules          []struct {
				Name, Health, LastError string
				EvaluationTime          float64
			}
		}
	}
	m.get(t, "rules", nil, &answer)
	least := func(all map[string]float64, name string, seconds float64) {
		if before, ok := all[name]; !ok || seconds < before {
			all[name] = seconds
		}
	}
	for _, group := range answer.Groups {
		least(m.groups, group.Name, group.EvaluationTime)
		for i, rule := range group.Rules {
			least(m.rules, fmt.Sprintf("%s: %s (%d)", group.Name, rule.Name, i+1), rule.EvaluationTime)
			assert.Equal(t, "ok", rule.Health, "%s: %s", rule.Name, rule.LastError)
		}
	}
}

// ruleTables adds the slowest rules, and how long each group takes.
func (m *measurement) ruleTables() {
	total := 0.0
	for _, seconds := range m.groups {
		total += seconds
	}
	m.table("Slowest groups of rules | Seconds", append(slowest(m.groups), fmt.Sprintf("all %d | %.3f", len(m.groups), total))...)
	m.table("Slowest rules | Seconds", slowest(m.rules)...)
}

// vector returns the values of an instant query by one label.
func (m *measurement) vector(t *testing.T, query, label string) map[string]float64 {
	var answer struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	m.get(t, "query", url.Values{"query": {query}}, &answer)
	values := map[string]float64{}
	for _, sample := range answer.Result {
		value, err := strconv.ParseFloat(sample.Value[1].(string), 64)
		require.NoError(t, err)
		values[sample.Metric[label]] = value
	}
	return values
}

// jobs adds the targets of each job, and how long their scrapes take.
func (m *measurement) jobs(t *testing.T) {
	targets, up := m.vector(t, `count by (job) (up)`, "job"), m.vector(t, `sum by (job) (up)`, "job")
	mean, slowest := m.vector(t, `avg by (job) (scrape_duration_seconds)`, "job"), m.vector(t, `max by (job) (scrape_duration_seconds)`, "job")
	exposed := m.vector(t, `sum by (job) (scrape_samples_scraped)`, "job")
	var rows []string
	for _, job := range slices.Sorted(maps.Keys(targets)) {
		rows = append(rows, fmt.Sprintf("%s | %.0f | %.0f | %.0f | %.3f | %.3f", job, targets[job], up[job], exposed[job], mean[job], slowest[job]))
		assert.Equal(t, targets[job], up[job], "targets of %s that are up", job)
	}
	m.table("Scrapes | Targets | Up | Samples sent | Seconds | Seconds of the slowest", rows...)
}

// newPods creates pods that are to be scraped, and adds the time until their first samples.
func (m *measurement) newPods(t *testing.T) {
	const pods = 10
	created := map[string]time.Time{}
	for i := range pods {
		name := fmt.Sprintf("new-%d", i)
		m.cluster.annotatedPod(t, name)
		created[name] = time.Now()
		time.Sleep(*interval / pods) // as they come at any time between two scrapes
	}
	await(t, "new pods with a sample", func() (int, int) { return len(m.vector(t, `up{job="kubernetes-pods"}`, "pod")), pods })
	var seconds []float64
	for pod, first := range m.vector(t, `min_over_time(timestamp(up{job="kubernetes-pods"})[10m:1s])`, "pod") {
		seconds = append(seconds, first-float64(created[pod].UnixMilli())/1000)
	}
	slices.Sort(seconds)
	m.table("From a new pod to its first sample | Seconds", fmt.Sprintf("fastest | %.1f", seconds[0]),
		fmt.Sprintf("median | %.1f", seconds[len(seconds)/2]), fmt.Sprintf("slowest | %.1f", seconds[len(seconds)-1]))
}

// panels adds the slowest queries of dashboards, by the faster of two attempts. What a panel draws
// over time is asked for the last five minutes.
func (m *measurement) panels(t *testing.T) {
	const attempts = 2
	now := time.Now()
	seconds := map[string]float64{}
	var queries []dashboards.Query
	for _, d := range m.stack.Dashboards {
		some, err := dashboards.Queries(d, m.cluster.variables())
		require.NoError(t, err)
		queries = append(queries, some...)
	}
	for range attempts {
		attempt := map[string]float64{}
		for _, q := range queries {
			path, parameters := "query", url.Values{"query": {q.Expr}, "time": {fmt.Sprint(now.Unix())}}
			if q.Drawn {
				path, parameters = "query_range", url.Values{
					"query": {q.Expr}, "start": {fmt.Sprint(now.Add(-5 * time.Minute).Unix())}, "end": {fmt.Sprint(now.Unix())}, "step": {"15"},
				}
			}
			started := time.Now()
			var answer json.RawMessage
			m.get(t, path, parameters, &answer)
			name := q.Dashboard + ": " + q.Place
			attempt[name] = max(attempt[name], time.Since(started).Seconds())
		}
		for path, took := range attempt {
			if best, ok := seconds[path]; !ok || took < best {
				seconds[path] = took
			}
		}
	}
	m.table(fmt.Sprintf("Slowest of %d queries of panels | Seconds", len(seconds)), slowest(seconds)...)
}
