package render

import (
	"fmt"
	"maps"
	"slices"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/directorysize"
)

// Pod says what a component's pods have. What a stack adds to them must not have the same names or
// paths. A test compares it with the pods of many stacks.
type Pod struct {
	Name     string            // of the program: the pods' label app.kubernetes.io/name
	Path     string            // config path of the component
	Settings config.Scheduling // of the stack; what it adds is in Settings.Pod

	Deployed bool           // whether the stack has the component
	Images   []config.Image // of Containers

	Containers  []string
	Ports       map[string]int // of all containers, by name
	Volumes     []string
	HostVolumes []string          // those of Volumes that are directories of the node
	Env         []string          // of the first container
	Mounts      []string          // directories of the first container
	Labels      map[string]string // with which a cloud gives the pods an identity
	Root        bool              // whether containers run as root that do not say otherwise
}

// Pods returns the pods of every component, whether or not the stack deploys it.
func Pods(cfg *config.Config) []Pod {
	exporters, long := cfg.Exporters, cfg.LongTermStorage
	when := func(condition bool, names ...string) []string {
		if condition {
			return names
		}
		return nil
	}
	custom := len(exporters.KubeStateMetrics.CustomResourceState.Spec.Resources) > 0
	web := when(cfg.TLS.Enabled(), "tls")
	tls := when(long.TLS.Enabled(), "thanos-tls")
	store, storeMounts := []string{"object-store"}, []string{ThanosObjectStoreDir, ThanosTLSDir, TLSDir}
	if dir, ok := long.ObjectStore.Config[bucketOption[config.Filesystem]].(string); ok && long.ObjectStore.Type == config.Filesystem {
		store, storeMounts = append(store, "bucket"), append(storeMounts, dir)
	}
	var storeEnv []string
	for option, secret := range long.ObjectStore.Secrets {
		if _, existing := secret.Existing(); existing {
			storeEnv = append(storeEnv, bucketVariable(option))
		}
	}
	slices.Sort(storeEnv)
	thanos := []config.Image{config.ThanosImage}
	var sidecar []config.Image
	if cfg.HasObjectStore() {
		sidecar = thanos
	}
	var directories []string
	for i := range exporters.NodeDirectorySizeMetrics.Directories {
		directories = append(directories, fmt.Sprintf("directory-%d", i))
	}
	var plugins []string
	for _, id := range slices.Sorted(maps.Keys(cfg.Grafana.Plugins)) {
		plugins = append(plugins, config.PluginContainer(id))
	}
	configMaps := cfg.Grafana.Dashboards.ConfigMaps.Read()
	grafanaPorts := map[string]int{"web": Grafana.Port}
	var sidecarImages []config.Image
	if configMaps {
		sidecarImages, grafanaPorts[DashboardSidecar] = []config.Image{config.K8sSidecarImage}, DashboardSidecarPort
	}
	login := func(programs ...string) []string { // the pods that check login.basic, or log in to a program
		return when(slices.ContainsFunc(programs, func(name string) bool { return AsksForLogin(cfg, name) }), "login")
	}
	thanosPorts := map[string]int{"web": ThanosHTTPPort}
	thanosStorePorts := map[string]int{"web": ThanosHTTPPort, "grpc": ThanosGRPCPort}
	return []Pod{{
		Name: Prometheus.Name, Path: "prometheus", Settings: cfg.Prometheus.Scheduling,
		Deployed: cfg.HasPrometheus(), Images: append([]config.Image{config.PrometheusImage}, sidecar...),
		Containers: append([]string{"prometheus"}, when(cfg.HasObjectStore(), "thanos-sidecar")...),
		Ports:      map[string]int{"web": Prometheus.Port, ThanosSidecarPort: ThanosHTTPPort, "grpc": ThanosGRPCPort},
		Volumes: slices.Concat([]string{"config", "data"}, when(!cfg.Agent(), "rules"), when(len(cfg.Prometheus.Secrets) > 0, "secrets"),
			when(long.Enabled, slices.Concat(store, tls)...), when(cfg.HasBasic(), "login"), web),
		Env: []string{"POD_NAME"}, Mounts: []string{PrometheusDir, RulesDir, PrometheusDataDir, PrometheusSecretsDir, LoginDir, TLSDir, serviceAccountDir},
		Labels: cfg.Prometheus.ServiceAccount.PodLabels,
	}, {
		Name: Alertmanager.Name, Path: "alerting", Settings: cfg.Alerting.Scheduling,
		Deployed: cfg.Alerting.Enabled, Images: []config.Image{config.AlertmanagerImage},
		Containers: []string{"alertmanager"}, Ports: map[string]int{"web": Alertmanager.Port, "gossip": 9094, "gossip-udp": 9094},
		Volumes: slices.Concat([]string{"config", "data"}, when(len(cfg.Alerting.SecretFiles()) > 0, "secrets"), login(Alertmanager.Name), web),
		Env:     []string{"POD_IP"}, Mounts: []string{AlertmanagerDir, AlertmanagerDataDir, AlertmanagerSecretsDir, LoginDir, TLSDir},
		Labels: cfg.Alerting.ServiceAccount.PodLabels,
	}, {
		Name: Grafana.Name, Path: "grafana", Settings: cfg.Grafana.Scheduling,
		Deployed: cfg.Grafana.Deployed(), Images: append([]config.Image{config.GrafanaImage}, sidecarImages...),
		Containers: slices.Concat([]string{"grafana"}, plugins, when(configMaps, DashboardSidecar)), Ports: grafanaPorts,
		Volumes: slices.Concat([]string{"config", "data", "secrets", "tmp"}, when(configMaps, "api-access", "dashboards-tmp", dashboards.FolderConfigMaps.UID), when(cfg.Grafana.Import != config.ImportJob, // those that have dashboards
			dashboards.FolderCustom.UID, dashboards.FolderInfrastructure.UID, dashboards.FolderKubernetes.UID, dashboards.FolderMonitoring.UID), web),
		Mounts: []string{GrafanaDir, GrafanaSecretsDir, GrafanaDashboardsDir, GrafanaDataDir, TLSDir, "/tmp"},
		Labels: cfg.Grafana.ServiceAccount.PodLabels,
	}, {
		Name: OAuth2ProxyName, Path: "login.oidc", Settings: cfg.Login.OIDC.Scheduling,
		Deployed: len(cfg.Proxied()) > 0, Images: []config.Image{config.OAuth2ProxyImage},
		Containers: []string{OAuth2ProxyName}, Ports: map[string]int{"proxy": OAuth2ProxyPort, "metrics": OAuth2ProxyMetricsPort},
		Volumes: append([]string{"config", "secrets"}, web...), Mounts: []string{OAuth2ProxyDir, OAuth2ProxySecretsDir, TLSDir},
	}, {
		Name: NodeExporter.Name, Path: "exporters.nodeExporter", Settings: exporters.NodeExporter.Scheduling,
		Deployed: exporters.NodeExporter.Enabled, Images: []config.Image{config.NodeExporterImage},
		Containers: []string{"node-exporter"}, Ports: map[string]int{"metrics": exporters.NodeExporter.Port},
		Volumes: append([]string{"root"}, web...), HostVolumes: []string{"root"}, Env: []string{"HOST_IP"}, Mounts: []string{HostDir, TLSDir},
	}, {
		Name: "node-directory-size-metrics", Path: "exporters.nodeDirectorySizeMetrics", Settings: exporters.NodeDirectorySizeMetrics.Scheduling,
		Deployed: exporters.NodeDirectorySizeMetrics.Enabled, Images: []config.Image{config.BusyboxImage},
		Containers: []string{"scan", "serve"}, Ports: map[string]int{"metrics": 9102},
		Volumes: append([]string{"scripts", "metrics"}, directories...), HostVolumes: directories,
		Env: slices.Sorted(maps.Keys(directorysize.Settings{}.Env())), Mounts: []string{SizesScriptsDir, SizesMetricsDir, HostDir}, Root: true,
	}, {
		Name: "windows-exporter", Path: "exporters.windowsExporter", Settings: exporters.WindowsExporter.Scheduling,
		Deployed: exporters.WindowsExporter.Enabled, Images: []config.Image{config.WindowsExporterImage},
		Containers: append([]string{"windows-exporter"}, when(exporters.WindowsExporter.OpenFirewall, "open-firewall")...), Ports: map[string]int{"metrics": exporters.WindowsExporter.Port},
		Env: []string{"HOST_IP"},
	}, {
		Name: KubeStateMetrics.Name, Path: "exporters.kubeStateMetrics", Settings: exporters.KubeStateMetrics.Scheduling,
		Deployed: exporters.KubeStateMetrics.Enabled, Images: []config.Image{config.KubeStateMetricsImage},
		Containers: []string{"kube-state-metrics"}, Ports: map[string]int{"metrics": 8080, "telemetry": 8081},
		Volumes: append(when(custom, "config"), web...), Env: []string{"SHARD"}, Mounts: append(when(custom, KubeStateMetricsDir), serviceAccountDir, TLSDir),
		Labels: exporters.KubeStateMetrics.ServiceAccount.PodLabels,
	}, {
		Name: BlackboxExporter.Name, Path: "exporters.blackboxExporter", Settings: exporters.BlackboxExporter.Scheduling,
		Deployed: exporters.BlackboxExporter.Enabled, Images: []config.Image{config.BlackboxExporterImage},
		Containers: []string{"blackbox-exporter"}, Ports: map[string]int{"web": BlackboxExporter.Port},
		Volumes: slices.Concat([]string{"config"}, when(len(exporters.BlackboxExporter.Secrets) > 0, "secrets"), web), Mounts: []string{BlackboxDir, BlackboxSecretsDir, TLSDir},
	}, {
		Name: ThanosStoreGateway.Name, Path: "longTermStorage.storeGateway", Settings: long.StoreGateway.Scheduling,
		Deployed: cfg.HasObjectStore(), Images: thanos,
		Containers: []string{"thanos-store-gateway"}, Ports: thanosStorePorts,
		Volumes: slices.Concat([]string{"data"}, store, tls, web), Mounts: append([]string{ThanosDataDir}, storeMounts...),
		Env: storeEnv, Labels: long.ServiceAccount.PodLabels,
	}, {
		Name: ThanosCompactor.Name, Path: "longTermStorage.compactor", Settings: long.Compactor.Scheduling,
		Deployed: long.HasCompactor(), Images: thanos,
		Containers: []string{"thanos-compactor"}, Ports: thanosPorts,
		Volumes: slices.Concat([]string{"data"}, store, web), Mounts: append([]string{ThanosDataDir}, storeMounts...),
		Env: storeEnv, Labels: long.ServiceAccount.PodLabels,
	}, {
		Name: ThanosQuery.Name, Path: "longTermStorage.query", Settings: long.Query.Scheduling,
		Deployed: long.Enabled, Images: thanos,
		Containers: []string{"thanos-query"}, Ports: thanosStorePorts,
		Volumes: slices.Concat([]string{"config"}, tls, web), Mounts: []string{ThanosDir, ThanosTLSDir, TLSDir},
		Labels: long.Query.ServiceAccount.PodLabels,
	}, {
		Name: ThanosQueryFrontend.Name, Path: "longTermStorage.queryFrontend", Settings: long.QueryFrontend.Scheduling,
		Deployed: long.Enabled, Images: thanos,
		Containers: []string{"thanos-query-frontend"}, Ports: thanosPorts,
		Volumes: slices.Concat([]string{"config"}, login(ThanosQueryFrontend.Name), web), Mounts: []string{ThanosDir, LoginDir, TLSDir},
		Labels: long.QueryFrontend.ServiceAccount.PodLabels,
	}, {
		Name: ThanosRuler.Name, Path: "longTermStorage.ruler", Settings: long.Ruler.Scheduling,
		Deployed: cfg.HasRuler(), Images: thanos,
		Containers: []string{"thanos-ruler"}, Ports: thanosStorePorts,
		Volumes: slices.Concat([]string{"config", "rules", "data"}, when(len(rulerSecrets(cfg)) > 0, "secrets"), store, tls, login(Alertmanager.Name), web),
		Env:     append([]string{"POD_NAME"}, storeEnv...), Mounts: append([]string{ThanosDir, ThanosRulesDir, ThanosDataDir, PrometheusSecretsDir, LoginDir}, storeMounts...),
		Labels: long.ServiceAccount.PodLabels,
	}}
}
