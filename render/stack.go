// Package render makes of a stack's config what the stack is: the native files of
// Prometheus, Alertmanager, blackbox-exporter and Grafana, each accepted by the parser of
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

// Stack is what a stack deploys, rendered once: the checks read it, and the components
// deploy it.
type Stack struct {
	Config *config.Config

	// ConfigMaps of the programs that the stack deploys; without files for any other.
	PrometheusConfig   ConfigMap // prometheus.yml
	PrometheusRules    ConfigMap // rule files
	AlertmanagerConfig ConfigMap // alertmanager.yml and templates
	BlackboxConfig     ConfigMap // blackbox.yml
	GrafanaConfig      ConfigMap // by path below GrafanaDir, whose last element is the key

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
	Path  string            // config path, or file, of what makes it large
	Files map[string]string // by name
}

// New renders a stack. The error is what an upstream parser rejects, in all parts at once:
// config.Problems where a config path is to blame.
func New(cfg *config.Config) (*Stack, error) { return NewWith(cfg, nil) }

// NewWith renders a stack with other files than those of dashboards/custom.
func NewWith(cfg *config.Config, custom fs.FS) (*Stack, error) {
	s := &Stack{Config: cfg, Datasources: datasources(cfg)}
	err := config.Join(s.renderPrometheus(), s.renderRules(), s.renderAlertmanager(), s.renderGrafana(custom), s.renderBlackbox())
	if err != nil {
		return nil, err
	}
	return s, nil
}

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

func (s *Stack) renderAlertmanager() error {
	if !s.Config.Alerting.Enabled {
		return nil
	}
	files, loaded, err := alertmanagerConfig(s.Config)
	s.AlertmanagerConfig = ConfigMap{"alertmanager-config", "alerting", files}
	s.Alertmanager = loaded
	return err
}

func (s *Stack) renderBlackbox() error {
	if !s.Config.Exporters.BlackboxExporter.Enabled {
		return nil
	}
	text, err := blackboxConfig(s.Config)
	s.BlackboxConfig = ConfigMap{"blackbox-exporter", "exporters.blackboxExporter.modules", map[string]string{"blackbox.yml": text}}
	return err
}

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

// Provisioned returns the dashboards that Grafana reads from ConfigMaps: none where the
// import job saves them.
func (s *Stack) Provisioned() []dashboards.Dashboard {
	if s.Config.Grafana.Import == config.ImportJob {
		return nil
	}
	return s.Dashboards
}

// ConfigMaps returns every ConfigMap whose size the stack's config decides.
func (s *Stack) ConfigMaps() []ConfigMap {
	all := []ConfigMap{s.PrometheusConfig, s.PrometheusRules, s.AlertmanagerConfig, s.BlackboxConfig, s.GrafanaConfig}
	for _, d := range s.Dashboards {
		all = append(all, DashboardConfigMap(Grafana.Name, d))
	}
	return all
}
