package check

import (
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"

	alertmanager "github.com/prometheus/alertmanager/config"
	"github.com/prometheus/common/model"
	prometheus "github.com/prometheus/prometheus/config"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Stack is everything of one stack that the checks look at, as the upstream
// parsers read it.
type Stack struct {
	Config       *config.Config
	Prometheus   *prometheus.Config
	Alertmanager *alertmanager.Config // nil without alerting
	Rules        []RuleFile           // sorted by name
	Dashboards   []dashboards.Dashboard

	queries    []query
	configMaps []configMap
	jobs       []*job
	series     *catalogue
}

// RuleFile is one loaded rule file.
type RuleFile struct {
	Name   string
	Own    bool // of the stack, not shipped
	Groups []rulefmt.RuleGroup
}

// query is one PromQL expression, wherever it is.
type query struct {
	path    string // for findings
	expr    parser.Expr
	own     bool // of the stack, not shipped
	panel   bool // of a dashboard: nobody is paged by it
	guessed bool // variables stand in it whose values are not known
	rule    *rulefmt.Rule
}

// configMap is one object with files.
type configMap struct {
	name, path string // path is what makes it large
	files      map[string]string
}

// Load renders and parses a stack. The error is what config or an upstream
// parser refuses, in all of its parts at once.
func Load(cfg *config.Config) (*Stack, error) { return LoadWith(cfg, nil) }

// LoadWith loads a stack with other files than those of dashboards/custom.
func LoadWith(cfg *config.Config, custom fs.FS) (*Stack, error) {
	s := &Stack{Config: cfg}
	err := config.Join(s.loadPrometheus(), s.loadRules(), s.loadAlertmanager(), s.loadDashboards(custom), s.loadBlackbox())
	if err != nil {
		return nil, err
	}
	if err := s.loadJobs(); err != nil {
		return nil, err
	}
	s.series = newCatalogue(s)
	return s, nil
}

func (s *Stack) loadPrometheus() error {
	text, err := render.Prometheus(s.Config)
	if err != nil {
		return err
	}
	s.configMaps = append(s.configMaps, configMap{"prometheus-config", "discovery", map[string]string{"prometheus.yml": text}})
	s.Prometheus, err = prometheus.Load(text, slog.New(slog.DiscardHandler))
	return err
}

func (s *Stack) loadRules() error {
	files, err := render.Rules(s.Config)
	if err != nil {
		return err
	}
	s.configMaps = append(s.configMaps, configMap{"prometheus-rules", "alerting.extraRules", files})
	expressions := parser.NewParser(parser.Options{})
	for _, name := range slices.Sorted(maps.Keys(files)) {
		loaded, errs := rulefmt.Parse([]byte(files[name]), false, model.UTF8Validation, expressions, slog.New(slog.DiscardHandler))
		if len(errs) > 0 {
			return fmt.Errorf("%s: %w", name, errs[0])
		}
		key := strings.TrimSuffix(name, ".yaml")
		_, bare := s.Config.Alerting.ExtraRules[key]
		_, suffixed := s.Config.Alerting.ExtraRules[name]
		file := RuleFile{Name: name, Own: bare || suffixed, Groups: loaded.Groups}
		for g := range file.Groups {
			for r := range file.Groups[g].Rules {
				rule := &file.Groups[g].Rules[r]
				expr, err := expressions.ParseExpr(rule.Expr)
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				s.queries = append(s.queries, query{path: rulePath(file, file.Groups[g], *rule), expr: expr, own: file.Own, rule: rule})
			}
		}
		s.Rules = append(s.Rules, file)
	}
	return nil
}

// rulePath is where a rule is: in a shipped file, or below alerting.extraRules.
func rulePath(file RuleFile, group rulefmt.RuleGroup, rule rulefmt.Rule) string {
	dir := "rules/"
	if file.Own {
		dir = "alerting.extraRules/"
	}
	return dir + file.Name + "/" + group.Name + "/" + rule.Alert + rule.Record
}

func (s *Stack) loadAlertmanager() error {
	if !s.Config.Alerting.Enabled {
		return nil
	}
	files, err := render.Alertmanager(s.Config, s.Config.Grafana.Link())
	if err != nil {
		return err
	}
	s.configMaps = append(s.configMaps, configMap{"alertmanager-config", "alerting", files})
	s.Alertmanager, err = alertmanager.Load(files["alertmanager.yml"])
	return err
}

func (s *Stack) loadBlackbox() error {
	if !s.Config.Exporters.BlackboxExporter.Enabled {
		return nil
	}
	text, err := render.BlackboxModules(s.Config)
	s.configMaps = append(s.configMaps, configMap{"blackbox-exporter", "exporters.blackboxExporter.modules", map[string]string{"blackbox.yml": text}})
	return err
}

// loadDashboards takes the dashboards wherever Grafana gets them: provisioned or
// by the import job.
func (s *Stack) loadDashboards(custom fs.FS) error {
	if !s.Config.Grafana.Deployed() && !s.Config.Grafana.Imports() {
		return nil
	}
	var err error
	s.Dashboards, err = render.DashboardsWith(s.Config, custom)
	if s.Config.Grafana.Deployed() {
		files, filesErr := render.GrafanaFiles(s.Config, s.Dashboards)
		err = config.Join(err, filesErr)
		s.configMaps = append(s.configMaps, configMap{"grafana-config", "grafana.config", files})
	}
	if err != nil {
		return err
	}
	return s.loadQueries()
}

func (s *Stack) loadQueries() error {
	interval := s.Config.Prometheus.ScrapeInterval.Duration
	values := map[string]string{
		"cluster":         s.Config.Cluster.Name,
		"__rate_interval": model.Duration(4 * interval).String(), // what Grafana makes of it on a short time range
	}
	expressions := parser.NewParser(parser.Options{})
	for _, d := range s.Dashboards {
		own := d.Folder == dashboards.FolderCustom
		s.configMaps = append(s.configMaps, configMap{"dashboard " + d.UID, "dashboards/" + d.File, map[string]string{d.File: string(d.JSON)}})
		queries, err := dashboards.Queries(d, values)
		if err != nil {
			return fmt.Errorf("%s: %w", d.File, err)
		}
		for _, q := range queries {
			expr, err := expressions.ParseExpr(q.Expr)
			if err != nil {
				if own && q.Guessed {
					continue
				}
				return fmt.Errorf("dashboards/%s: %s: %w", d.File, q.Place, err)
			}
			s.queries = append(s.queries, query{path: "dashboards/" + d.UID + "/" + q.Place, expr: expr, own: own, panel: true, guessed: q.Guessed})
		}
	}
	return nil
}
