package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func TestNodeDirectorySizeMetrics(t *testing.T) {
	const allowed = `; allowed: a clean absolute path of up to 512 printable ASCII characters other than : $ " and \`
	set := func(text string) string { return "exporters: {nodeDirectorySizeMetrics: {" + text + "}}" }
	run(t, []violation{
		{
			"no directories", set("directories: []"),
			`exporters.nodeDirectorySizeMetrics.directories: is empty; set exporters.nodeDirectorySizeMetrics.enabled: false to measure nothing`,
		}, {
			"relative", set("directories: [var]"),
			`exporters.nodeDirectorySizeMetrics.directories[0]: "var"` + allowed,
		}, {
			"slash at the end", set("directories: [/opt, /var/]"),
			`exporters.nodeDirectorySizeMetrics.directories[1]: "/var/"` + allowed,
		}, {
			"upwards", set("directories: [/var/../etc]"),
			`exporters.nodeDirectorySizeMetrics.directories[0]: "/var/../etc"` + allowed,
		}, {
			"what cannot be a mount path", set(`directories: ["/a:b"]`),
			`exporters.nodeDirectorySizeMetrics.directories[0]: "/a:b"` + allowed,
		}, {
			"what Kubernetes would expand", set(`directories: ["/$(OUT)"]`),
			`exporters.nodeDirectorySizeMetrics.directories[0]: "/$(OUT)"` + allowed,
		}, {
			"what cannot be a label as it is", set(`directories: ['/a"b']`),
			`exporters.nodeDirectorySizeMetrics.directories[0]: "/a\"b"` + allowed,
		}, {
			"too long", set("directories: [/" + strings.Repeat("a", 512) + "]"),
			`exporters.nodeDirectorySizeMetrics.directories[0]: "/` + strings.Repeat("a", 512) + `"` + allowed,
		}, {
			"twice", set("directories: [/var, /var]"),
			`exporters.nodeDirectorySizeMetrics.directories[1]: "/var" is named twice`,
		}, {
			"inner one later", set("directories: [/var, /var/lib]"),
			`exporters.nodeDirectorySizeMetrics.directories[1]: "/var/lib" and "/var" overlap, so the inner one would be measured twice; name only the outer one, and raise depth to report the inner`,
		}, {
			"outer one later", set("directories: [/var, /]"),
			`exporters.nodeDirectorySizeMetrics.directories[1]: "/" and "/var" overlap, so the inner one would be measured twice; name only the outer one, and raise depth to report the inner`,
		}, {
			"depth", set("depth: 6"),
			`exporters.nodeDirectorySizeMetrics.depth: 6; allowed: 0 (only the directories themselves) to 5`,
		}, {
			"no pause", set("interval: 0s"),
			`exporters.nodeDirectorySizeMetrics.interval: 0s; allowed: 10s to 1h, in whole seconds`,
		}, {
			"parts of a second", set("timeout: 1500ms"),
			`exporters.nodeDirectorySizeMetrics.timeout: 1s500ms; allowed: 1s to 1h, in whole seconds`,
		}, {
			"long timeout", set("timeout: 2h"),
			`exporters.nodeDirectorySizeMetrics.timeout: 2h; allowed: 1s to 1h, in whole seconds`,
		}, {
			"resources", set("resources: {requests: {memory: 1Gi}}"),
			`exporters.nodeDirectorySizeMetrics.resources.requests.memory: 1Gi is more than the limit of 128Mi`,
		},
	})

	cfg := accepted(t, set("directories: [/var, /variable, /mnt/my disk], timeout: 1h, interval: 10s, threshold: 1Gi, depth: 0"))
	sizes := cfg.Exporters.NodeDirectorySizeMetrics
	assert.Equal(t, []string{"/var", "/variable", "/mnt/my disk"}, sizes.Directories, "these are not the default's, and none is in another")
	assert.Equal(t, time.Hour, sizes.Timeout.Duration)
	assert.EqualValues(t, 1<<30, sizes.Threshold.Value())
}

func TestKubeStateMetrics(t *testing.T) {
	set := func(text string) string { return "exporters: {kubeStateMetrics: {" + text + "}}" }
	run(t, []violation{
		{
			"no shards", set("shards: 0"),
			`exporters.kubeStateMetrics.shards: 0; allowed: 1 to 64`,
		}, {
			"denied by two expressions at once", set(`metricDenylist: [kube_pod_owner, "kube_(a|b),kube_c"]`),
			`exporters.kubeStateMetrics.metricDenylist[1]: "kube_(a|b),kube_c"; allowed: the name of a metric, or a regular expression without commas`,
		}, {
			"denied by nothing", set(`metricDenylist: [""]`),
			`exporters.kubeStateMetrics.metricDenylist[0]: ""; allowed: the name of a metric, or a regular expression without commas`,
		}, {
			"denied by an invalid expression", set(`metricDenylist: ["kube_(pod"]`),
			"exporters.kubeStateMetrics.metricDenylist[0]: \"kube_(pod\": error parsing regexp: missing closing ): `kube_(pod`",
		},
	})
}

func TestProbeTargets(t *testing.T) {
	set := func(target string) string {
		return "exporters: {blackboxExporter: {modules: {ping: {prober: icmp}, login: {prober: http}}, targets: [" + target + "]}}"
	}
	const at = "exporters.blackboxExporter.targets[0]"
	run(t, []violation{
		{
			"no URL", set("{}"),
			at + `.url: ""; allowed for module http_2xx: an absolute http:// or https:// URL`,
		}, {
			"host for a URL", set("{url: example.com, module: login}"),
			at + `.url: "example.com"; allowed for module login: an absolute http:// or https:// URL`,
		}, {
			"URL for a host and port", set("{url: 'https://example.com/', module: tcp_connect}"),
			at + `.url: "https://example.com/"; allowed for module tcp_connect: host:port`,
		}, {
			"host without port", set("{url: example.com, module: tcp_connect}"),
			at + `.url: "example.com"; allowed for module tcp_connect: host:port`,
		}, {
			"two hosts", set("{url: a b, module: ping}"),
			at + `.url: "a b"; allowed for module ping: a host`,
		}, {
			"password", set("{url: 'https://me:hunter2@example.com/'}"),
			at + `.url: has a user name or password, which would become part of a label; set a module's basic_auth, whose password_file reads exporters.blackboxExporter.secrets`,
		}, {
			"unknown module", set("{url: 'https://example.com/', module: http_2x}"),
			at + `.module: unknown "http_2x"; did you mean "http_2xx"?`,
		}, {
			"twice, once by default", set("{url: 'https://a/'}, {url: 'https://a/', module: http_2xx, labels: {team: a}}"),
			`exporters.blackboxExporter.targets[1]: https://a/ is probed with http_2xx twice`,
		}, {
			"label of this program", set("{url: 'https://a/', labels: {job: a}}"),
			at + `.labels["job"]: job is set by this program`,
		}, {
			"label that Prometheus drops", set("{url: 'https://a/', labels: {__a: a}}"),
			at + `.labels["__a"]: not a label name; allowed: letters, digits and _, not starting with a digit or __`,
		}, {
			"job without the exporter", "discovery: {jobs: {kubernetes-ingresses: {enabled: true}}}\nexporters: {blackboxExporter: {enabled: false}}",
			`discovery.jobs.kubernetes-ingresses.enabled: true, but what it scrapes is off; set exporters.blackboxExporter.enabled: true`,
		},
	})

	cfg := accepted(t, set("{url: 'https://a/'}, {url: 'https://a/', module: login}, {url: '[fd00::1]:53', module: tcp_connect}"))
	assert.Equal(t, "http_2xx", cfg.Exporters.BlackboxExporter.Targets[0].Module)
	assert.True(t, cfg.Enabled(config.BlackboxTargetsJob))
	cfg = accepted(t, "exporters: {blackboxExporter: {enabled: false, targets: [{url: 'https://a/'}]}}")
	assert.False(t, cfg.Enabled(config.BlackboxTargetsJob))
}

func TestWindowsExporter(t *testing.T) {
	const pod = ": is not possible: every container of a HostProcess pod runs as the node's system account; remove it"
	set := func(text string) string { return "exporters: {windowsExporter: {" + text + "}}" }
	run(t, []violation{
		{
			"privileged port", set("port: 80"),
			`exporters.windowsExporter.port: 80; allowed: 1024 to 65535`,
		}, {
			"a pattern for a service", set("services: ['kube.*']"),
			`exporters.windowsExporter.services[0]: "kube.*"; allowed: the name of a Windows service: letters, digits, spaces and _ . $ -`,
		}, {
			"a service twice", set("services: [kubelet, kubelet]"),
			`exporters.windowsExporter.services[1]: "kubelet" is named twice`,
		}, {
			"on Linux nodes", set("nodeSelector: {kubernetes.io/os: linux}"),
			`exporters.windowsExporter.nodeSelector["kubernetes.io/os"]: "linux"; allowed: windows, which the images are for`,
		}, {
			"two pods on a node", set("updateStrategy: {rollingUpdate: {maxSurge: 1}}"),
			`exporters.windowsExporter.updateStrategy.rollingUpdate.maxSurge: 1; allowed: 0, because two pods of a node cannot have the same port`,
		}, {
			"a sidecar", set("pod: {containers: [{name: a, image: 'a:1'}]}"), `exporters.windowsExporter.pod.containers` + pod,
		}, {
			"an init container", set("pod: {initContainers: [{name: a, image: 'a:1'}]}"), `exporters.windowsExporter.pod.initContainers` + pod,
		}, {
			"another user", set("pod: {securityContext: {runAsUser: 1}}"), `exporters.windowsExporter.pod.securityContext` + pod,
		}, {
			"where nodes run Linux", "cluster: {name: test, platform: k3s}\n" + set("enabled: true"),
			`exporters.windowsExporter.enabled: true, but cluster.platform is k3s, whose nodes all run Linux`,
		}, {
			"where pods cannot use the host", "cluster: {name: test, platform: gke-autopilot}\n" + set("enabled: true"),
			`exporters.windowsExporter.enabled: true, but cluster.platform is gke-autopilot: Autopilot admits no pod with the host's network or files`,
		},
	})
	accepted(t, set("enabled: true, services: ['MSSQL$PROD', 'Net Logon'], nodeSelector: {kubernetes.io/os: windows, pool: a}"))
}
