package render

import (
	"fmt"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Program is a program that others connect to.
type Program struct {
	Name string // of its workload, its Service and its pods' label app.kubernetes.io/name
	Port int    // of its Service and its pods; 0 if the stack sets it

	// WebConfig is the flag with the program's web configuration, which says whom it answers and with which
	// certificate; empty if it has none, and answers everyone over HTTP.
	WebConfig string
}

// Programs that a stack may deploy.
var (
	Prometheus       = Program{"prometheus", 9090, "--web.config.file"}
	Alertmanager     = Program{"alertmanager", 9093, "--web.config.file"}
	BlackboxExporter = Program{"blackbox-exporter", 9115, "--web.config.file"}
	NodeExporter     = Program{"node-exporter", 0, "--web.config.file"}
	KubeStateMetrics = Program{"kube-state-metrics", 8080, "--tls-config"}
	Grafana          = Program{"grafana", 3000, ""}

	ThanosSidecar       = Program{"thanos-sidecar", ThanosHTTPPort, "--http.config"} // in the pods of Prometheus
	ThanosStoreGateway  = Program{"thanos-store-gateway", ThanosHTTPPort, "--http.config"}
	ThanosCompactor     = Program{"thanos-compactor", ThanosHTTPPort, "--http.config"}
	ThanosQuery         = Program{"thanos-query", ThanosHTTPPort, "--http.config"}
	ThanosQueryFrontend = Program{"thanos-query-frontend", ThanosHTTPPort, "--http.config"}
	ThanosRuler         = Program{"thanos-ruler", ThanosHTTPPort, "--http.config"}
)

// programs lists those that may have a web configuration.
var programs = []Program{
	Prometheus, Alertmanager, BlackboxExporter, NodeExporter, KubeStateMetrics,
	ThanosSidecar, ThanosStoreGateway, ThanosCompactor, ThanosQuery, ThanosQueryFrontend, ThanosRuler,
}

// programOf returns the program whose pods a job scrapes, by the name that they have in common.
func programOf(job string) Program {
	for _, program := range programs {
		if program.Name == job {
			return program
		}
	}
	return Program{Name: job}
}

// Ports of every part of Thanos, sidecars included.
const (
	ThanosHTTPPort = 10902
	ThanosGRPCPort = 10901

	ThanosSidecarPort = "sidecar" // name of a sidecar's HTTP port, which differs from those of Prometheus
)

// backends holds the programs that serve the web UIs without users of their own, by the path of their settings.
var backends = map[string]Program{
	"alerting":                      Alertmanager,
	"longTermStorage.queryFrontend": ThanosQueryFrontend,
	"prometheus":                    Prometheus,
}

// PortNames returns the names of ports that the stack's own scrape jobs or NetworkPolicies select, in
// whatever container of a pod they are.
func PortNames() []string {
	return append(strings.Split(scrapedPorts, "|"), ThanosSidecarPort, "grpc")
}

// GrafanaImport is the name of the job that fills Grafana.
const GrafanaImport = "grafana-import"

// Host returns the name of the program's Service inside the cluster.
func (p Program) Host(cfg *config.Config) string {
	return fmt.Sprintf("%s.%s.svc", p.Name, cfg.Cluster.Namespace)
}

// Address returns the host:port of the program's Service inside the cluster.
func (p Program) Address(cfg *config.Config) string {
	return fmt.Sprintf("%s:%d", p.Host(cfg), p.Port)
}

// GRPCAddress returns the host:port at which a part of Thanos answers over gRPC inside the cluster.
func (p Program) GRPCAddress(cfg *config.Config) string {
	return fmt.Sprintf("%s:%d", p.Host(cfg), ThanosGRPCPort)
}

// Headless returns the name of the headless Service that gives each pod a name of its own.
func (p Program) Headless() string { return p.Name + "-headless" }

// URL returns the base URL of the program inside the cluster.
func (p Program) URL(cfg *config.Config) string { return p.Scheme(cfg) + "://" + p.Address(cfg) }

// Mount paths in the programs' pods. The rendered files refer to them.
const (
	PrometheusDir        = "/etc/prometheus/config"
	PrometheusDataDir    = "/prometheus"
	RulesDir             = "/etc/prometheus/rules"
	PrometheusSecretsDir = "/etc/prometheus/secrets"

	AlertmanagerDir        = "/etc/alertmanager/config"
	AlertmanagerDataDir    = "/alertmanager"
	AlertmanagerSecretsDir = "/etc/alertmanager/secrets"

	BlackboxDir        = "/etc/blackbox/config"
	BlackboxSecretsDir = "/etc/blackbox/secrets"

	KubeStateMetricsDir = "/etc/kube-state-metrics"

	GrafanaDir           = "/etc/grafana" // grafana.ini, and provisioning/ beside it
	GrafanaSecretsDir    = "/etc/grafana-secrets"
	GrafanaDashboardsDir = "/etc/grafana-dashboards"
	GrafanaDataDir       = "/var/lib/grafana"
	GrafanaPluginsDir    = GrafanaDataDir + "/plugins"
	ServiceAccountDir    = serviceAccountDir // where programs look for their token, its namespace and the API server's CA

	LoginDir              = "/etc/login" // of login.basic, in the pods that check it or log in
	TLSDir                = "/etc/tls"   // of tls, in the pods that present its certificate or verify it
	OAuth2ProxyDir        = "/etc/oauth2-proxy/config"
	OAuth2ProxySecretsDir = "/etc/oauth2-proxy/secrets"

	HostDir         = "/host"    // root of the node's directories, in the pods of exporters
	SizesMetricsDir = "/metrics" // of the metrics file
	SizesScriptsDir = "/scripts" // of the scanner

	ThanosDir            = "/etc/thanos/config"
	ThanosObjectStoreDir = "/etc/thanos/object-store"
	ThanosTLSDir         = "/etc/thanos/tls"
	ThanosRulesDir       = "/etc/thanos/rules"
	ThanosDataDir        = "/thanos"
)
