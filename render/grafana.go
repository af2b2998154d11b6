package render

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
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

// datasources returns the datasources of a stack: Prometheus and, if Grafana can reach it,
// Alertmanager. An external Grafana may serve several clusters: there names end in the
// cluster's, and none is the default.
func datasources(cfg *config.Config) []Datasource {
	external := cfg.Grafana.External
	prometheusURL, alertmanagerURL := Prometheus.URL(cfg), ""
	if cfg.Alerting.Enabled {
		alertmanagerURL = Alertmanager.URL(cfg)
	}
	if external.URL != nil {
		prometheusURL, alertmanagerURL = external.PrometheusURL.String(), ""
		if external.AlertmanagerURL != nil {
			alertmanagerURL = external.AlertmanagerURL.String()
		}
	}
	prometheus := Datasource{
		Name:      datasourceName(cfg, "prometheus-datasource"),
		UID:       datasourceUID(cfg, "prometheus"),
		Type:      "prometheus",
		Access:    "proxy",
		URL:       prometheusURL,
		IsDefault: external.URL == nil,
		JSONData: map[string]any{
			"httpMethod":        "POST", // long queries do not fit into a URL
			"prometheusType":    "Prometheus",
			"prometheusVersion": strings.TrimPrefix(cfg.Images.Version(config.PrometheusImage), "v"), // Grafana offers what it can do
			"timeInterval":      cfg.Prometheus.ScrapeInterval.String(),                              // the lower bound of $__rate_interval
			"manageAlerts":      true,                                                                // shows the rules; Grafana cannot change those of Prometheus
		},
	}
	if alertmanagerURL == "" {
		return []Datasource{prometheus}
	}
	alertmanager := Datasource{
		Name:   datasourceName(cfg, "alertmanager-datasource"),
		UID:    datasourceUID(cfg, "alertmanager"),
		Type:   "alertmanager",
		Access: "proxy",
		URL:    alertmanagerURL,
		JSONData: map[string]any{
			"implementation":             "prometheus",
			"handleGrafanaManagedAlerts": false,
		},
	}
	prometheus.JSONData["alertmanagerUid"] = alertmanager.UID
	return []Datasource{prometheus, alertmanager}
}

func datasourceName(cfg *config.Config, name string) string {
	if cfg.Grafana.External.URL == nil {
		return name
	}
	return name + "-" + cfg.Cluster.Name
}

// maxUID is how long Grafana lets a UID be.
const maxUID = 40

// datasourceUID is part of every bookmark: it never changes.
func datasourceUID(cfg *config.Config, kind string) string {
	if cfg.Grafana.External.URL == nil {
		return kind
	}
	uid := kind + "-" + strings.ReplaceAll(cfg.Cluster.Name, ".", "-")
	if len(uid) > maxUID || strings.Contains(cfg.Cluster.Name, ".") {
		// A part of the name may be that of another cluster, too.
		suffix := "-" + shortHash(cfg.Cluster.Name)
		uid = uid[:min(len(uid), maxUID-len(suffix))] + suffix
	}
	return uid
}

func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// grafanaFiles returns the files of GrafanaDir, by path in it. Where the import job fills
// Grafana, the provisioning files are empty: with them Grafana forgets what earlier files
// had.
func grafanaFiles(cfg *config.Config, datasources []Datasource, all []dashboards.Dashboard) (map[string]string, error) {
	home := ""
	if cfg.Grafana.Import == config.ImportJob {
		datasources = []Datasource{}
	}
	for _, d := range all {
		if d.UID == dashboards.UIDAlertsOverview {
			home = path.Join(DashboardDir(d.Folder), DashboardFile(d))
		}
	}
	files := map[string]string{}
	var err error
	if files["grafana.ini"], err = grafanaINI(cfg, home); err != nil {
		return nil, err
	}
	if files["provisioning/datasources/datasources.yaml"], err = datasourceProvisioning(datasources); err != nil {
		return nil, err
	}
	files["provisioning/dashboards/dashboards.yaml"], err = dashboardProvisioning(all)
	return files, err
}

// datasourceProvisioning is the file below provisioning/datasources. A datasource that is
// no longer in it disappears from Grafana.
func datasourceProvisioning(datasources []Datasource) (string, error) {
	type provisioned struct {
		Datasource `yaml:",inline"`
		OrgID      int  `yaml:"orgId"`
		Editable   bool `yaml:"editable"`
	}
	file := struct {
		APIVersion  int           `yaml:"apiVersion"`
		Prune       bool          `yaml:"prune"`
		Datasources []provisioned `yaml:"datasources"`
	}{APIVersion: 1, Prune: true, Datasources: []provisioned{}}
	for _, d := range datasources {
		file.Datasources = append(file.Datasources, provisioned{Datasource: d, OrgID: 1})
	}
	return marshal(file)
}

// DashboardDir is where the dashboards of a folder are mounted, as a volume of its own: a
// subPath mount never sees an update, and in a directory inside of a volume each update
// gives every file another path, by which Grafana would delete and create them all.
func DashboardDir(folder dashboards.Folder) string {
	return path.Join(GrafanaDashboardsDir, folder.UID)
}

// DashboardFile is the file name of a dashboard in its directory and its ConfigMap.
func DashboardFile(d dashboards.Dashboard) string { return d.UID + ".json" }

// DashboardConfigMap returns the ConfigMap with a dashboard for an app. A UID may have
// capitals and underscores, an object's name may not.
func DashboardConfigMap(app string, d dashboards.Dashboard) ConfigMap {
	name := strings.Trim(strings.ReplaceAll(strings.ToLower(d.UID), "_", "-"), "-")
	if name != d.UID { // or it may be another's
		name = strings.TrimPrefix(name+"-"+shortHash(d.UID), "-")
	}
	return ConfigMap{app + "-dashboard-" + name, "dashboards/" + d.File, map[string]string{DashboardFile(d): string(d.JSON)}}
}

// dashboardProvisioning is the file below provisioning/dashboards: a provider for each
// folder that has dashboards, sorted by the folders' titles.
// https://grafana.com/docs/grafana/latest/administration/provisioning/#dashboards
func dashboardProvisioning(all []dashboards.Dashboard) (string, error) {
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

// grafanaINI renders grafana.ini: the defaults below, overridden by the stack's
// grafana.config. The error is config.Problems of every key, as
// grafana.config.SECTION.KEY, that may not be set, holds a secret, or has a value that an ini file cannot express. home is the file of
// the dashboard people see first, "" for Grafana's own.
func grafanaINI(cfg *config.Config, home string) (string, error) {
	rootURL, native := cfg.Grafana.Link(), cfg.Grafana.Config
	sections := map[string]map[string]string{
		"analytics": {
			"reporting_enabled":        "false",
			"check_for_updates":        "false",
			"check_for_plugin_updates": "false",
			"feedback_links_enabled":   "false",
		},
		"auth.anonymous": {"enabled": "false"},
		"dashboards":     {"default_home_dashboard_path": home},
		"log":            {"mode": "console"},
		"metrics":        {"enabled": "true"},
		"news":           {"news_feed_enabled": "false"},
		"paths": {
			"data":         GrafanaDataDir,
			"plugins":      path.Join(GrafanaDataDir, "plugins"),
			"provisioning": path.Join(GrafanaDir, "provisioning"),
		},
		// Both would call grafana.com at every start.
		"plugins": {
			"preinstall_disabled":           "true",
			"public_key_retrieval_disabled": "true",
		},
		"security": {
			"admin_user":       cfg.Grafana.AdminUser,
			"admin_password":   "$__file{" + path.Join(GrafanaSecretsDir, config.AdminPasswordFile) + "}",
			"cookie_secure":    strconv.FormatBool(strings.HasPrefix(rootURL, "https://")),
			"disable_gravatar": "true",
		},
		"server": {
			"http_port": strconv.Itoa(Grafana.Port),
			"protocol":  "http",
			"root_url":  rootURL,
		},
		"snapshots": {"external_enabled": "false"},
		"users":     {"allow_sign_up": "false"},
	}
	var problems config.Problems
	for _, section := range slices.Sorted(maps.Keys(native)) {
		if sections[section] == nil {
			sections[section] = map[string]string{}
		}
		for _, key := range slices.Sorted(maps.Keys(native[section])) {
			value, err := iniValue(cfg.Grafana, section, key)
			if err != nil {
				problems.Addf("grafana.config."+section+"."+key, "%v", err)
			}
			sections[section][key] = value
		}
	}
	if err := problems.Err(); err != nil {
		return "", err
	}

	file := ini.Empty()
	for _, section := range slices.Sorted(maps.Keys(sections)) {
		for _, key := range slices.Sorted(maps.Keys(sections[section])) {
			if sections[section][key] == "" && native[section][key] == nil {
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

// reservedKeys are the keys that the deployment around Grafana relies on, with the reason.
var reservedKeys = map[string]string{
	"paths.data":              "the volume is mounted there",
	"paths.plugins":           "the volume is mounted there",
	"paths.provisioning":      "the ConfigMaps are mounted there",
	"security.admin_password": "it comes from the secret grafana.adminPassword",
	"security.admin_user":     "it comes from grafana.adminUser",
	"server.http_port":        "the Service and the probes use it",
	"server.root_url":         "it comes from grafana.externalUrl",
	"server.protocol":         "the Service and the probes speak HTTP; TLS ends at the ingress",
}

var (
	iniName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	// secretKey matches the keys whose values are secret in Grafana's own list of
	// settings: admin_password, client_secret, secret_key, private_key, token, …
	secretKey = regexp.MustCompile(`(^|_)(password|secret|secret_key|private_key|account_key|encryption_key|token)$`)
	// reference is a value that Grafana looks up elsewhere.
	reference = regexp.MustCompile(`^\$__(file|env|vault)\{([^}]+)\}$`)
	// credentials are those in front of the host of a URL.
	credentials = regexp.MustCompile(`^[a-z0-9+]+://[^/@\s]*:[^/@\s]+@`)
)

func iniValue(cfg config.Grafana, section, key string) (string, error) {
	if !iniName.MatchString(section) || !iniName.MatchString(key) {
		return "", fmt.Errorf("want names of letters, digits, '_', '.' and '-'")
	}
	if why, ok := reservedKeys[section+"."+key]; ok {
		return "", fmt.Errorf("may not be set: %s", why)
	}
	var text string
	switch value := cfg.Config[section][key].(type) {
	case string:
		text = value
	case bool, int64:
		text = fmt.Sprint(value)
	case float64:
		text = strconv.FormatFloat(value, 'f', -1, 64)
	default:
		return "", errors.New("is not a string, a number or a boolean")
	}
	found := reference.FindStringSubmatch(text)
	// The value of a rejected secret stays out of the message.
	if text != "" && secretKey.MatchString(key) && found == nil {
		return "", fmt.Errorf("is a secret, which may not be in grafana.ini: set it as grafana.secrets.NAME, and this to $__file{%s/NAME}", GrafanaSecretsDir)
	}
	if credentials.MatchString(text) {
		return "", fmt.Errorf("has a password in its URL: set the URL as grafana.secrets.NAME, and this to $__file{%s/NAME}", GrafanaSecretsDir)
	}
	if found != nil && found[1] == "file" {
		dir, name := path.Split(found[2])
		if path.Clean(dir) != GrafanaSecretsDir {
			return "", fmt.Errorf("%q is not a secret file of Grafana's pod; allowed: $__file{%s/NAME} of a grafana.secrets.NAME", text, GrafanaSecretsDir)
		}
		if _, known := cfg.SecretFiles()[name]; !known {
			if near, ok := config.Nearest(name, slices.Collect(maps.Keys(cfg.SecretFiles()))); ok {
				return "", fmt.Errorf("grafana.secrets has no %q; did you mean %q?", name, near)
			}
			return "", fmt.Errorf("grafana.secrets has no %q; set it with: %s", name, config.SecretCommand("grafana.secrets."+name))
		}
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
