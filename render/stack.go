// Package render turns the config of a stack into what the stack deploys: the native files of
// Prometheus, Alertmanager, blackbox-exporter and Grafana. Each file has passed the parser of
// the program that will read it.
package render

import (
	"fmt"
	"io/fs"

	alertmanager "github.com/prometheus/alertmanager/config"
	prometheus "github.com/prometheus/prometheus/config"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

// Stack is a rendered stack: the checks read it, and the components deploy it.
type Stack struct {
	Config *config.Config

	// ConfigMaps of the programs. They have no files for a program that is not deployed.
	PrometheusConfig   ConfigMap // prometheus.yml
	PrometheusRules    ConfigMap // rule files
	AlertmanagerConfig ConfigMap // alertmanager.yml and templates
	BlackboxConfig     ConfigMap // blackbox.yml
	GrafanaConfig      ConfigMap // files by path below GrafanaDir, whose last element is the key

	Prometheus    *prometheus.Config         // prometheus.yml as the server loads it
	ScrapeConfigs []*prometheus.ScrapeConfig // of Prometheus, with the global defaults applied
	Grants        []Grant                    // what Prometheus' ServiceAccount may do
	Alertmanager  *alertmanager.Config       // alertmanager.yml as loaded; nil without Alertmanager
	Rules         []rules.File               // sorted by name

	Datasources []Datasource           // Prometheus first
	Dashboards  []dashboards.Dashboard // none without Grafana
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
	err := config.Join(s.renderPrometheus(), s.renderRules(), s.renderAlertmanager(), s.renderGrafana(custom), s.renderBlackbox())
	if err != nil {
		return nil, err
	}
	return s, nil
}

// renderPrometheus sets prometheus.yml, as text and as loaded, and the rights that it requires.
func (s *Stack) renderPrometheus() error {
	text, loaded, err := prometheusConfig(s.Config)
	if err != nil {
		return err
	}
	s.PrometheusConfig = ConfigMap{"prometheus-config", "discovery", map[string]string{"prometheus.yml": text}}
	s.Prometheus = loaded
	if s.ScrapeConfigs, err = loaded.GetScrapeConfigs(); err != nil {
		return fmt.Errorf("prometheus.yml: %w", err)
	}
	s.Grants = grants(s.Config, loaded)
	return nil
}

// renderRules sets the rule files.
func (s *Stack) renderRules() error {
	files, err := ruleFiles(s.Config)
	if err != nil {
		return err
	}
	s.Rules = files
	s.PrometheusRules = ConfigMap{"prometheus-rules", "alerting.extraRules", map[string]string{}}
	for _, file := range files {
		s.PrometheusRules.Files[file.Name] = file.Text
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

// renderGrafana sets the dashboards, if the stack deploys or fills a Grafana, and what a
// deployed one reads.
func (s *Stack) renderGrafana(custom fs.FS) error {
	if !s.Config.Grafana.Deployed() && !s.Config.Grafana.Imports() {
		return nil
	}
	var err error
	s.Dashboards, err = dashboards.All(dashboards.Options{
		Datasource: dashboards.Datasource{UID: s.Datasources[0].UID, Name: s.Datasources[0].Name},
		Has:        s.Config.Collected,
		Custom:     custom,
	})
	if s.Config.Grafana.Deployed() {
		files, filesErr := grafanaFiles(s.Config, s.Datasources, s.Provisioned())
		s.GrafanaConfig = ConfigMap{"grafana-config", "grafana.config", files}
		err = config.Join(err, filesErr)
	}
	return err
}

// Provisioned returns the dashboards that Grafana reads from ConfigMaps: none with the import
// job, which writes them through Grafana's HTTP API.
func (s *Stack) Provisioned() []dashboards.Dashboard {
	if s.Config.Grafana.Import == config.ImportJob {
		return nil
	}
	return s.Dashboards
}

// ConfigMaps returns the ConfigMaps whose size depends on the config.
func (s *Stack) ConfigMaps() []ConfigMap {
	all := []ConfigMap{s.PrometheusConfig, s.PrometheusRules, s.AlertmanagerConfig, s.BlackboxConfig, s.GrafanaConfig}
	for _, d := range s.Dashboards {
		all = append(all, DashboardConfigMap(Grafana.Name, d))
	}
	return all
}
