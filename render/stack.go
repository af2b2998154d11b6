// Package render turns the config of a stack into what the stack deploys: the native files of
// Prometheus, Alertmanager, blackbox-exporter and Grafana. Each file has passed the parser of
// the program that will read it.
package render

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	alertmanager "github.com/prometheus/alertmanager/config"
	prometheus "github.com/prometheus/prometheus/config"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/directorysize"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/histograms"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/importer"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

// Stack is a rendered stack: the checks read it, and the components deploy it.
type Stack struct {
	Config *config.Config

	// ConfigMaps of the programs. They have no files for a program that is not deployed.
	PrometheusConfigs  []ConfigMap // prometheus.yml of each shard, retired ones included
	PrometheusRules    ConfigMap   // rule files of every shard
	AlertmanagerConfig ConfigMap   // alertmanager.yml and templates
	BlackboxConfig     ConfigMap   // blackbox.yml
	SizesScripts       ConfigMap   // scripts of node-directory-size-metrics
	CustomResources    ConfigMap   // what kube-state-metrics reports of custom resources
	GrafanaConfig      ConfigMap   // files by path below GrafanaDir, whose last element is the key

	OAuth2Proxies []OAuth2Proxy // in front of web UIs, sorted by the path of their settings

	Prometheus    *prometheus.Config         // prometheus.yml of the first shard as the server loads it; of other clusters, if the stack has none
	ScrapeConfigs []*prometheus.ScrapeConfig // of Prometheus, with the global defaults applied
	Grants        []Grant                    // what Prometheus' ServiceAccount may do
	Thanos        *Thanos                    // nil without long-term storage
	Alertmanager  *alertmanager.Config       // alertmanager.yml as loaded; nil without Alertmanager
	Rules         []rules.File               // sorted by name
	Queries       []Query                    // every expression of Rules and Dashboards

	TLS        ConfigMap                // files of TLSDir besides the certificate; none without tls
	BasicLogin map[string]config.Secret // files of the Secret with login.basic; nil if no program asks for it

	Exposed    map[config.Job]metrics.Exposition // by enabled job of this program; nil if unknown
	Ingest     map[config.Job]Ingest             // by enabled job of this program
	Histograms *histograms.Translator            // from classic histograms to the form that jobs store
	Sizes      metrics.Sizes                     // of what exporters expose

	Datasources []importer.Datasource  // Prometheus first
	Dashboards  []dashboards.Dashboard // none without Grafana
	Import      *Import                // nil where no job fills Grafana

	samples  map[config.Job]map[string]bool // names of Exposed's samples
	selected []selection                    // of every expression, without recorded series
	unparsed []string                       // expressions of custom dashboards that no guess parses
}

// Import holds what the import job sends to Grafana.
type Import struct {
	Files      ConfigMap // script, datasources and folders
	Dashboards []DashboardImport
	Secret     map[string]config.Secret // datasources with a password, by file name; none without a login
	Hash       string                   // changes whenever a file changes, but for passwords
}

// DashboardImport holds the request that saves one dashboard.
type DashboardImport struct {
	UID string
	ConfigMap
}

// ConfigMap is a ConfigMap of the stack.
type ConfigMap struct {
	Name  string            // of the object
	Path  string            // config path or file to reduce if it is too large
	Files map[string]string // texts by file name
}

// New renders a stack. The error joins what the upstream parsers reject in any part of it: as
// config.Problems where that comes from a config path.
func New(cfg *config.Config) (*Stack, error) { return NewWith(cfg, nil) }

// NewWith renders a stack as New does, with the dashboards in custom/*.json of the file system
// custom; nil is the one of package dashboards.
func NewWith(cfg *config.Config, custom fs.FS) (*Stack, error) {
	s := &Stack{Config: cfg, Datasources: datasources(cfg)}
	s.renderSizes()
	if err := s.expose(); err != nil {
		return nil, err
	}
	s.Histograms = histograms.New(s.storedHistogram)
	err := config.Join(s.addDatasources(), s.renderGrafana(custom), s.renderRules(), s.renderAlertmanager(), s.renderBlackbox())
	err = config.Join(err, s.renderThanos(), s.renderTLS(), s.renderLogin(), s.renderOAuth2Proxies())
	if err == nil {
		err = config.Join(s.parseQueries(), s.renderImport())
	}
	s.resolveIngest()
	if !cfg.EvaluatesRules() { // another stack evaluates them
		s.PrometheusRules.Files = nil
	}
	if !cfg.Grafana.Shows() { // another stack shows them
		s.Dashboards = nil
	}
	if err = config.Join(err, s.renderCustomResources(), s.renderPrometheus()); err == nil {
		err = s.renderRuler()
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// renderPrometheus sets the prometheus.yml of each shard, and that of the first as loaded and the rights
// that it requires. The first is never retired, so that it scrapes targets of every job. A stack without a
// Prometheus has only the loaded one, which stands for those of the clusters that it queries: the checks
// read from it which series there are.
func (s *Stack) renderPrometheus() error {
	for shard := range max(1, s.Config.Prometheus.Groups()) {
		text, loaded, err := s.prometheusConfig(shard)
		if err != nil {
			return err
		}
		if shard == 0 {
			s.Prometheus = loaded
		}
		s.PrometheusConfigs = append(s.PrometheusConfigs, ConfigMap{PrometheusShard(shard).Name + "-config", "discovery", map[string]string{"prometheus.yml": text}})
	}
	var err error
	if s.ScrapeConfigs, err = s.Prometheus.GetScrapeConfigs(); err != nil {
		return fmt.Errorf("prometheus.yml: %w", err)
	}
	if !s.Config.HasPrometheus() {
		s.PrometheusConfigs = nil
		return nil
	}
	s.Grants = grants(s.Config, s.Prometheus)
	return nil
}

// renderRules sets the rule files. It reads the dashboards, to which alerts link.
func (s *Stack) renderRules() error {
	files, err := s.ruleFiles()
	if err != nil {
		return err
	}
	s.Rules = files
	s.PrometheusRules = ConfigMap{"prometheus-rules", ownRulesPath(s.Config), map[string]string{}}
	for _, file := range files {
		if !file.Ruler {
			s.PrometheusRules.Files[file.Name] = file.Text
		}
	}
	return nil
}

// renderAlertmanager sets what Alertmanager reads, if it is deployed.
func (s *Stack) renderAlertmanager() error {
	if !s.Config.Alerting.Enabled {
		return nil
	}
	files, loaded, err := alertmanagerConfig(s.Config)
	s.AlertmanagerConfig = ConfigMap{"alertmanager-config", "alerting", files}
	s.Alertmanager = loaded
	return err
}

// renderBlackbox sets what blackbox-exporter reads, if it is deployed.
func (s *Stack) renderBlackbox() error {
	if !s.Config.Exporters.BlackboxExporter.Enabled {
		return nil
	}
	text, err := blackboxConfig(s.Config)
	s.BlackboxConfig = ConfigMap{"blackbox-exporter", "exporters.blackboxExporter.modules", map[string]string{"blackbox.yml": text}}
	return err
}

// renderGrafana sets the dashboards, if the stack deploys or fills a Grafana or has to store what they need
// elsewhere, and what a deployed one reads.
func (s *Stack) renderGrafana(custom fs.FS) error {
	if !s.Config.Grafana.Shows() && !s.Config.ShownElsewhere() {
		return nil
	}
	directories, err := dashboardDirectories(s.Config)
	if err != nil {
		return err
	}
	s.Dashboards, err = dashboards.All(dashboards.Options{
		Datasource:         dashboards.Datasource{UID: s.Datasources[0].UID, Name: s.Datasources[0].Name},
		Has:                s.Config.Collected,
		RemoteWrite:        s.Config.HasRemoteWrite(),
		CollectedBy:        s.Config.CollectedBy,
		APIServerObjective: s.Config.Alerting.APIServerObjective.Value,
		ObjectivePeriod:    rules.ObjectivePeriod(s.Config.Prometheus.Retention.Duration),
		Histograms:         s.Histograms,
		RunbookURL:         runbookURL(s.Config),
		Custom:             custom,
		Directories:        directories,
	})
	if s.Config.Grafana.Deployed() {
		files, filesErr := grafanaFiles(s.Config, s.Datasources, s.Provisioned())
		s.GrafanaConfig = ConfigMap{"grafana-config", "grafana.config", files}
		err = config.Join(err, filesErr)
	}
	return err
}

// renderImport sets what the import job sends.
func (s *Stack) renderImport() error {
	if !s.Config.Grafana.Imports() {
		return nil
	}
	payload, err := importer.New(s.Datasources, s.Dashboards)
	if err != nil {
		return err
	}
	s.Import = &Import{Files: ConfigMap{GrafanaImport, "grafana", payload.Files}, Secret: map[string]config.Secret{}, Hash: payload.Hash}
	for _, d := range s.Datasources {
		if !logsIn(d) {
			continue
		}
		file, request, err := payload.WithPassword(d.UID, s.Config.Login.Basic.Client.Password.Reveal())
		if err != nil {
			return err
		}
		s.Import.Secret[file] = config.NewSecret(request)
	}
	for _, d := range s.Dashboards {
		file := importer.DashboardFile(d.UID)
		configMap := DashboardConfigMap(GrafanaImport, d)
		configMap.Files = map[string]string{file: payload.Dashboards[file]}
		s.Import.Dashboards = append(s.Import.Dashboards, DashboardImport{d.UID, configMap})
	}
	slices.SortFunc(s.Import.Dashboards, func(a, b DashboardImport) int {
		return strings.Compare(importer.DashboardFile(a.UID), importer.DashboardFile(b.UID))
	})
	return nil
}

// renderLogin sets what programs read that ask for login.basic.
func (s *Stack) renderLogin() error {
	var err error
	s.BasicLogin, err = basicLogin(s.Config)
	return err
}

// renderSizes sets the scripts of node-directory-size-metrics.
func (s *Stack) renderSizes() {
	if !s.Config.Exporters.NodeDirectorySizeMetrics.Enabled {
		return
	}
	scripts := maps.Clone(directorysize.Scripts)
	scripts["metrics"] = directorysize.CGI
	s.SizesScripts = ConfigMap{string(config.NodeDirectorySizeMetricsJob), "exporters.nodeDirectorySizeMetrics", scripts}
}

// Provisioned returns the dashboards that Grafana reads from ConfigMaps: none with the import
// job, which writes them through Grafana's HTTP API.
func (s *Stack) Provisioned() []dashboards.Dashboard {
	if s.Config.Grafana.Import == config.ImportJob {
		return nil
	}
	return s.Dashboards
}

// ConfigMaps returns every ConfigMap of the stack; those of programs that it does not deploy
// have no files.
func (s *Stack) ConfigMaps() []ConfigMap {
	all := slices.Clone(s.PrometheusConfigs)
	all = append(all, s.PrometheusRules, s.AlertmanagerConfig, s.BlackboxConfig, s.SizesScripts, s.CustomResources, s.GrafanaConfig, s.TLS)
	if s.Thanos != nil {
		all = append(all, s.Thanos.Query, s.Thanos.Frontend)
		if ruler := s.Thanos.Ruler; ruler != nil {
			all = append(all, ruler.Config, ruler.Rules)
		}
	}
	for _, proxy := range s.OAuth2Proxies {
		all = append(all, proxy.Config)
	}
	if s.Import != nil {
		all = append(all, s.Import.Files)
		for _, d := range s.Import.Dashboards {
			all = append(all, d.ConfigMap)
		}
	}
	for _, d := range s.Provisioned() {
		all = append(all, DashboardConfigMap(Grafana.Name, d))
	}
	return all
}
