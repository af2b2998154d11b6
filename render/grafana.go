package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/ini.v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
)

// Where Grafana's pod has its files.
const (
	GrafanaConfigFile      = "/etc/grafana/grafana.ini"
	GrafanaProvisioningDir = "/etc/grafana/provisioning"
	GrafanaDashboardsDir   = "/etc/grafana/dashboards"
	GrafanaDataDir         = "/var/lib/grafana"
	// GrafanaPort is where it serves its API, its pages and its own metrics.
	GrafanaPort = 3000
)

// Datasource is a Grafana datasource, in the fields that provisioning files and the HTTP
// API have in common:
// https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources
type Datasource struct {
	Name      string         `json:"name" yaml:"name"`
	UID       string         `json:"uid" yaml:"uid"`
	Type      string         `json:"type" yaml:"type"`
	Access    string         `json:"access" yaml:"access"` // "proxy": Grafana's server asks, not the browser
	URL       string         `json:"url" yaml:"url"`
	IsDefault bool           `json:"isDefault" yaml:"isDefault"`
	JSONData  map[string]any `json:"jsonData" yaml:"jsonData"`
}

// DatasourcesArgs says what Grafana reads from.
type DatasourcesArgs struct {
	// Prometheus names the datasource. Dashboards and bookmarks refer to its UID.
	Prometheus        dashboards.Datasource
	PrometheusURL     string          // http://host:port as Grafana's pod reaches it
	PrometheusVersion string          // of the server, e.g. "3.13.2": Grafana offers what it can do
	ScrapeInterval    config.Duration // the lower bound of $__rate_interval
	// Default makes it the datasource of panels and queries that name none. Leave an
	// external Grafana its own.
	Default bool
	// AlertmanagerURL adds a datasource for Alertmanager. Empty: none.
	AlertmanagerURL string
}

// Datasources returns Prometheus and, if there is one, Alertmanager. The UID and name of
// the latter follow from those of the former, so that several clusters fit into one Grafana.
func Datasources(args DatasourcesArgs) []Datasource {
	prometheus := Datasource{
		Name:      args.Prometheus.Name,
		UID:       args.Prometheus.UID,
		Type:      "prometheus",
		Access:    "proxy",
		URL:       args.PrometheusURL,
		IsDefault: args.Default,
		JSONData: map[string]any{
			"httpMethod":        "POST", // long queries do not fit into a URL
			"prometheusType":    "Prometheus",
			"prometheusVersion": args.PrometheusVersion,
			"timeInterval":      args.ScrapeInterval.String(),
			"manageAlerts":      true, // shows the rules; Grafana cannot change those of Prometheus
		},
	}
	if args.AlertmanagerURL == "" {
		return []Datasource{prometheus}
	}
	alertmanager := Datasource{
		Name:   strings.Replace(args.Prometheus.Name, "prometheus", "alertmanager", 1),
		UID:    strings.Replace(args.Prometheus.UID, "prometheus", "alertmanager", 1),
		Type:   "alertmanager",
		Access: "proxy",
		URL:    args.AlertmanagerURL,
		JSONData: map[string]any{
			"implementation":             "prometheus",
			"handleGrafanaManagedAlerts": false,
		},
	}
	if alertmanager.UID == prometheus.UID {
		alertmanager.UID += "-alertmanager"
	}
	if alertmanager.Name == prometheus.Name {
		alertmanager.Name += "-alertmanager"
	}
	prometheus.JSONData["alertmanagerUid"] = alertmanager.UID
	return []Datasource{prometheus, alertmanager}
}

// DatasourceProvisioning is the file below provisioning/datasources. A datasource that is
// no longer in it disappears from Grafana.
func DatasourceProvisioning(datasources []Datasource) (string, error) {
	type provisioned struct {
		Datasource `yaml:",inline"`
		OrgID      int  `yaml:"orgId"`
		Editable   bool `yaml:"editable"`
	}
	file := struct {
		APIVersion  int           `yaml:"apiVersion"`
		Prune       bool          `yaml:"prune"`
		Datasources []provisioned `yaml:"datasources"`
	}{APIVersion: 1, Prune: true}
	for _, d := range datasources {
		file.Datasources = append(file.Datasources, provisioned{Datasource: d, OrgID: 1})
	}
	return marshal(file)
}

// DashboardDir is where the files of a folder are mounted. Mount ConfigMaps as whole
// volumes: a subPath mount never sees an update.
func DashboardDir(folder dashboards.Folder) string {
	return path.Join(GrafanaDashboardsDir, folder.UID)
}

// DashboardProvisioning is the file below provisioning/dashboards: a provider for each
// folder that has dashboards, sorted by the folders' titles.
// https://grafana.com/docs/grafana/latest/administration/provisioning/#dashboards
func DashboardProvisioning(all []dashboards.Dashboard) (string, error) {
	type options struct {
		Path string `yaml:"path"`
	}
	type provider struct {
		Name                  string  `yaml:"name"`
		OrgID                 int     `yaml:"orgId"`
		Folder                string  `yaml:"folder"`
		FolderUID             string  `yaml:"folderUid"`
		Type                  string  `yaml:"type"`
		DisableDeletion       bool    `yaml:"disableDeletion"` // false: a dashboard goes with its file
		UpdateIntervalSeconds int     `yaml:"updateIntervalSeconds"`
		AllowUIUpdates        bool    `yaml:"allowUiUpdates"` // false: the next preview would not show them
		Options               options `yaml:"options"`
	}
	folders := map[string]dashboards.Folder{}
	for _, d := range all {
		folders[d.Folder.Title] = d.Folder
	}
	file := struct {
		APIVersion int        `yaml:"apiVersion"`
		Providers  []provider `yaml:"providers"`
	}{APIVersion: 1, Providers: []provider{}}
	for _, title := range slices.Sorted(maps.Keys(folders)) {
		folder := folders[title]
		file.Providers = append(file.Providers, provider{
			Name:                  folder.UID,
			OrgID:                 1,
			Folder:                folder.Title,
			FolderUID:             folder.UID,
			Type:                  "file",
			UpdateIntervalSeconds: 30,
			Options:               options{Path: DashboardDir(folder)},
		})
	}
	return marshal(file)
}

// GrafanaINIArgs says what grafana.ini depends on.
type GrafanaINIArgs struct {
	// RootURL is the address people use, e.g. https://grafana.example.com/. Empty:
	// Grafana is reached by port-forward only.
	RootURL string
	// AdminPasswordFile holds the password of the user admin. Grafana reads it when it
	// creates its database: later changes need grafana cli.
	AdminPasswordFile string
	// SecretKeyFile holds the key that encrypts secrets in Grafana's database. Empty:
	// Grafana's well-known default, good enough for a database without secrets.
	SecretKeyFile string
	// HomeDashboard is the path of the dashboard people see first. Empty: Grafana's own.
	HomeDashboard string
	// Config is the stack's grafana.config: native sections, each a map of native keys
	// to a text, number or boolean. The keys outside any section are in section DEFAULT.
	// https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/
	Config map[string]map[string]any
}

// GrafanaINI renders grafana.ini: the defaults below, overridden by the stack's
// grafana.config. The error names the key, as grafana.config.SECTION.KEY, that may not be
// set, holds a secret, or has a value that an ini file cannot express.
func GrafanaINI(args GrafanaINIArgs) (string, error) {
	sections := map[string]map[string]string{
		"analytics": {
			"reporting_enabled":        "false",
			"check_for_updates":        "false",
			"check_for_plugin_updates": "false",
			"feedback_links_enabled":   "false",
		},
		"auth.anonymous": {"enabled": "false"},
		"dashboards":     {"default_home_dashboard_path": args.HomeDashboard},
		"log":            {"mode": "console"},
		"metrics":        {"enabled": "true"},
		"news":           {"news_feed_enabled": "false"},
		"paths": {
			"data":         GrafanaDataDir,
			"plugins":      path.Join(GrafanaDataDir, "plugins"),
			"provisioning": GrafanaProvisioningDir,
		},
		// Both would call grafana.com at every start.
		"plugins": {
			"preinstall_disabled":           "true",
			"public_key_retrieval_disabled": "true",
		},
		"security": {
			"admin_user":       "admin",
			"admin_password":   fromFile(args.AdminPasswordFile),
			"secret_key":       fromFile(args.SecretKeyFile),
			"cookie_secure":    strconv.FormatBool(strings.HasPrefix(args.RootURL, "https://")),
			"disable_gravatar": "true",
		},
		"server": {
			"http_port": strconv.Itoa(GrafanaPort),
			"protocol":  "http",
			"root_url":  args.RootURL,
		},
		"snapshots": {"external_enabled": "false"},
		"users":     {"allow_sign_up": "false"},
	}
	for _, section := range slices.Sorted(maps.Keys(args.Config)) {
		if sections[section] == nil {
			sections[section] = map[string]string{}
		}
		for _, key := range slices.Sorted(maps.Keys(args.Config[section])) {
			value, err := iniValue(section, key, args.Config[section][key])
			if err != nil {
				return "", fmt.Errorf("grafana.config.%s.%s: %w", section, key, err)
			}
			sections[section][key] = value
		}
	}

	file := ini.Empty()
	for _, section := range slices.Sorted(maps.Keys(sections)) {
		for _, key := range slices.Sorted(maps.Keys(sections[section])) {
			if sections[section][key] == "" && args.Config[section][key] == nil {
				continue // a default that is not wanted here
			}
			if _, err := file.Section(section).NewKey(key, sections[section][key]); err != nil {
				return "", fmt.Errorf("grafana.config.%s.%s: %w", section, key, err)
			}
		}
	}
	var out strings.Builder
	if _, err := file.WriteTo(&out); err != nil {
		return "", fmt.Errorf("grafana.ini: %w", err)
	}
	return out.String(), readsBack(out.String(), file)
}

// fromFile is how Grafana takes a value from a file: no secret is in grafana.ini itself.
func fromFile(name string) string {
	if name == "" {
		return ""
	}
	return "$__file{" + name + "}"
}

// decided are the keys that the deployment around Grafana relies on.
var decided = map[string]string{
	"paths.data":              "the volume is mounted there",
	"paths.plugins":           "the volume is mounted there",
	"paths.provisioning":      "the ConfigMaps are mounted there",
	"security.admin_password": "it comes from the secret grafana.adminPassword",
	"security.admin_user":     "the import job logs in as admin",
	"server.http_port":        "the Service and the probes use it",
	"server.protocol":         "the Service and the probes speak HTTP; TLS ends at the ingress",
}

var (
	iniName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	// secretKey matches the keys whose values are secret in Grafana's own list of
	// settings: admin_password, client_secret, secret_key, private_key, token, …
	secretKey = regexp.MustCompile(`(^|_)(password|secret|secret_key|private_key|account_key|encryption_key|token)$`)
	// reference is a value that Grafana looks up elsewhere.
	reference = regexp.MustCompile(`^\$__(file|env|vault)\{[^}]+\}$`)
	// credentials are those in front of the host of a URL.
	credentials = regexp.MustCompile(`^[a-z0-9+]+://[^/@\s]*:[^/@\s]+@`)
)

func iniValue(section, key string, value any) (string, error) {
	if !iniName.MatchString(section) || !iniName.MatchString(key) {
		return "", fmt.Errorf("want names of letters, digits, '_', '.' and '-'")
	}
	if why, ok := decided[section+"."+key]; ok {
		return "", fmt.Errorf("may not be set: %s", why)
	}
	var text string
	switch v := value.(type) {
	case string:
		text = v
	case bool:
		text = strconv.FormatBool(v)
	case json.Number:
		text = v.String()
	case int:
		text = strconv.Itoa(v)
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	default:
		return "", fmt.Errorf("got %T, want a text, a number or a boolean", value)
	}
	// The value of a rejected secret stays out of the message.
	if text != "" && secretKey.MatchString(key) && !reference.MatchString(text) {
		return "", fmt.Errorf("is a secret, and grafana.ini is no place for one: want $__file{/path/of/a/mounted/secret}")
	}
	if credentials.MatchString(text) {
		return "", fmt.Errorf("has a password in its URL: want $__file{/path/of/a/mounted/secret}")
	}
	return text, nil
}

// readsBack loads a file as Grafana does and compares: some values, such as a text in
// quotes, change on the way through an ini file.
func readsBack(text string, want *ini.File) error {
	got, err := ini.Load([]byte(text))
	if err != nil {
		return fmt.Errorf("grafana.ini: %w", err)
	}
	for _, section := range want.Sections() {
		for _, key := range section.Keys() {
			if back := got.Section(section.Name()).Key(key.Name()).Value(); back != key.Value() {
				return fmt.Errorf("grafana.config.%s.%s: %q reads back as %q from an ini file", section.Name(), key.Name(), key.Value(), back)
			}
		}
	}
	return nil
}
