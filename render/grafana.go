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
	"github.com/kubernetes-prometheus/kubernetes-prometheus/importer"
)

// Queried returns the program that Grafana's datasource of type prometheus queries.
func Queried(cfg *config.Config) Program {
	if cfg.LongTermStorage.Enabled {
		return ThanosQueryFrontend
	}
	return Prometheus
}

// datasources returns the stack's own datasources: Prometheus and, if Grafana can reach it,
// Alertmanager. An external Grafana may serve several clusters: there, names end in the
// cluster's name, and no datasource is the default.
func datasources(cfg *config.Config) []importer.Datasource {
	external, queried := cfg.Grafana.External, Queried(cfg)
	prometheusURL, alertmanagerURL := queried.URL(cfg), ""
	if cfg.Alerting.Enabled {
		alertmanagerURL = Alertmanager.URL(cfg)
	}
	if external.URL != nil {
		prometheusURL, alertmanagerURL = external.PrometheusURL.String(), ""
		if external.AlertmanagerURL != nil {
			alertmanagerURL = external.AlertmanagerURL.String()
		}
	}
	prometheus := importer.Datasource{
		Name:      datasourceName(cfg, "prometheus-datasource"),
		UID:       datasourceUID(cfg, "prometheus"),
		Type:      "prometheus",
		Access:    "proxy",
		URL:       prometheusURL,
		IsDefault: external.URL == nil,
		JSONData: map[string]any{
			"httpMethod":        "POST", // long queries do not fit into a URL
			"prometheusType":    "Prometheus",
			"prometheusVersion": strings.TrimPrefix(cfg.Images.Version(config.PrometheusImage), "v"), // Grafana offers the functions of this version
			"timeInterval":      cfg.Prometheus.ScrapeInterval.String(),                              // the lower bound of $__rate_interval
			"manageAlerts":      true,                                                                // lists the rules; Grafana cannot change them
		},
		SecureJSONData: map[string]string{},
	}
	logIn(cfg, queried, &prometheus)
	encrypt(cfg, queried, &prometheus)
	if exemplars := cfg.Grafana.Exemplars; exemplars.DatasourceUID != "" {
		prometheus.JSONData["exemplarTraceIdDestinations"] = []any{
			map[string]any{"name": exemplars.Label, "datasourceUid": exemplars.DatasourceUID},
		}
	}
	if alertmanagerURL == "" {
		return []importer.Datasource{prometheus}
	}
	alertmanager := importer.Datasource{
		Name:   datasourceName(cfg, "alertmanager-datasource"),
		UID:    datasourceUID(cfg, "alertmanager"),
		Type:   "alertmanager",
		Access: "proxy",
		URL:    alertmanagerURL,
		JSONData: map[string]any{
			"implementation":             "prometheus",
			"handleGrafanaManagedAlerts": false,
		},
		SecureJSONData: map[string]string{},
	}
	logIn(cfg, Alertmanager, &alertmanager)
	encrypt(cfg, Alertmanager, &alertmanager)
	prometheus.JSONData["alertmanagerUid"] = alertmanager.UID
	return []importer.Datasource{prometheus, alertmanager}
}

// datasourceName returns name, with the cluster's name appended for an external Grafana.
func datasourceName(cfg *config.Config, name string) string {
	if cfg.Grafana.External.URL == nil {
		return name
	}
	return name + "-" + cfg.Cluster.Name
}

// maxUID is the length of the longest UID that Grafana accepts, in bytes.
const maxUID = 40

// datasourceUID returns the UID of the datasource of a kind. UIDs are part of links and
// bookmarks, so they never change.
func datasourceUID(cfg *config.Config, kind string) string {
	if cfg.Grafana.External.URL == nil {
		return kind
	}
	uid := kind + "-" + strings.ReplaceAll(cfg.Cluster.Name, ".", "-")
	if len(uid) > maxUID || strings.Contains(cfg.Cluster.Name, ".") {
		// Shortened or with dots replaced, two clusters' names may be equal.
		suffix := "-" + shortHash(cfg.Cluster.Name)
		uid = uid[:min(len(uid), maxUID-len(suffix))] + suffix
	}
	return uid
}

// shortHash returns the first 8 hexadecimal digits of text's SHA-256.
func shortHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}

// grafanaFiles returns the files of GrafanaDir, by path below it. With the import job the
// provisioning files list nothing, which makes Grafana forget what earlier files listed.
func grafanaFiles(cfg *config.Config, datasources []importer.Datasource, all []dashboards.Dashboard) (map[string]string, error) {
	home := ""
	if cfg.Grafana.Import == config.ImportJob {
		datasources = []importer.Datasource{}
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
	files["provisioning/dashboards/dashboards.yaml"], err = dashboardProvisioning(cfg, all)
	return files, err
}

// datasourceProvisioning returns the file in provisioning/datasources. A datasource that is
// removed from it disappears from Grafana.
func datasourceProvisioning(datasources []importer.Datasource) (string, error) {
	type provisioned struct {
		importer.Datasource `yaml:",inline"`
		OrgID               int  `yaml:"orgId"`
		Editable            bool `yaml:"editable"`
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

// DashboardDir returns the mount path of the volume with a folder's dashboards. Each folder is
// a volume: a subPath mount never sees an update, and in a subdirectory of a volume each
// update changes the real path of every file, so that Grafana would delete and create all
// dashboards.
func DashboardDir(folder dashboards.Folder) string {
	return path.Join(GrafanaDashboardsDir, folder.UID)
}

// DashboardFile returns the file name of a dashboard in its directory and its ConfigMap.
func DashboardFile(d dashboards.Dashboard) string { return d.UID + ".json" }

// DashboardConfigMap returns the ConfigMap with a dashboard, for the app that mounts it. A UID
// may have capitals and underscores, which are replaced in the object's name.
func DashboardConfigMap(app string, d dashboards.Dashboard) ConfigMap {
	name := strings.Trim(strings.ReplaceAll(strings.ToLower(d.UID), "_", "-"), "-")
	if name != d.UID { // the name of another UID may be the same
		name = strings.TrimPrefix(name+"-"+shortHash(d.UID), "-")
	}
	return ConfigMap{app + "-dashboard-" + name, d.Path(), map[string]string{DashboardFile(d): string(d.JSON)}}
}

// dashboardProvisioning returns the file in provisioning/dashboards: a provider for each folder
// that has dashboards, or may get them from ConfigMaps, sorted by title.
// https://grafana.com/docs/grafana/latest/administration/provisioning/#dashboards
func dashboardProvisioning(cfg *config.Config, all []dashboards.Dashboard) (string, error) {
	type options struct {
		Path string `yaml:"path"`
	}
	type provider struct {
		Name                  string  `yaml:"name"`
		OrgID                 int     `yaml:"orgId"`
		Folder                string  `yaml:"folder"`
		FolderUID             string  `yaml:"folderUid"`
		Type                  string  `yaml:"type"`
		DisableDeletion       bool    `yaml:"disableDeletion"` // false: a dashboard is deleted with its file
		UpdateIntervalSeconds int     `yaml:"updateIntervalSeconds"`
		AllowUIUpdates        bool    `yaml:"allowUiUpdates"` // false: a preview would not show such changes
		Options               options `yaml:"options"`
	}
	folders := map[string]dashboards.Folder{}
	for _, d := range all {
		folders[d.Folder.Title] = d.Folder
	}
	if own := dashboards.FolderConfigMaps; cfg.Grafana.Dashboards.ConfigMaps.Read() {
		folders[own.Title] = own
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

// grafanaINI returns grafana.ini: the defaults below, overridden by grafana.config. home is
// the file of the home dashboard; empty for Grafana's own. The error is config.Problems with
// the path grafana.config.SECTION.KEY of every key that cannot be set, holds a secret, or has
// a value that an INI file cannot express.
// https://grafana.com/docs/grafana/latest/setup-grafana/configure-grafana/
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
			"plugins":      GrafanaPluginsDir,
			"provisioning": path.Join(GrafanaDir, "provisioning"),
		},
		// Without these, Grafana calls grafana.com at every start.
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
	if cfg.GrafanaOIDC() {
		oidc := cfg.Login.OIDC
		sections["auth.generic_oauth"] = grafanaOIDC(oidc)
		sections["users"]["auto_assign_org_role"] = string(oidc.Roles[config.Everyone])
	}
	if database := cfg.Grafana.Database; database != nil {
		sections["database"] = databaseSettings(*database)
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
				continue // a setting without a value for this stack
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

// reservedKeys holds the keys, as SECTION.KEY, that grafana.config cannot set, with the reason.
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

// databaseKeys lists the keys of the section database that grafana.config cannot set beside grafana.database.
var databaseKeys = []string{"type", "host", "name", "user", "password", "url", "path", "connection_string", "ssl_mode", "ca_cert_path"}

// imageCAs is where the images of Grafana have the certificates of public authorities.
const imageCAs = "/etc/ssl/certs/ca-certificates.crt"

// databaseSettings returns the settings with which Grafana uses a database on a server. For TLS with MySQL, unlike
// with PostgreSQL, it has to be told the authorities and the name in the server's certificate.
func databaseSettings(database config.GrafanaDatabase) map[string]string {
	settings := map[string]string{
		"type":     string(database.Type),
		"host":     database.Host,
		"name":     database.Name,
		"user":     database.User,
		"password": "$__file{" + path.Join(GrafanaSecretsDir, config.DatabasePasswordFile) + "}",
		"ssl_mode": string(database.SSLMode),
	}
	if database.Type == config.MySQL && database.Encrypts() {
		settings["ca_cert_path"], settings["server_cert_name"] = imageCAs, database.Server()
	}
	if database.CA != nil {
		settings["ca_cert_path"] = path.Join(GrafanaSecretsDir, config.DatabaseCAFile)
	}
	return settings
}

var (
	// iniName matches names of sections and keys.
	iniName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)
	// secretKey matches keys whose values are secrets, as Grafana's documentation names them:
	// admin_password, client_secret, secret_key, private_key, token and so on.
	secretKey = regexp.MustCompile(`(^|_)(password|secret|secret_key|private_key|account_key|encryption_key|token)$`)
	// reference matches a value that Grafana reads from a file, a variable or Vault.
	reference = regexp.MustCompile(`^\$__(file|env|vault)\{([^}]+)\}$`)
	// credentials matches a URL with a password in front of its host, and a connection string with one.
	credentials = regexp.MustCompile(`^[a-z0-9+]+://[^/@\s]*:[^/@\s]+@|(?i)(^|[ ,;&?])password=[^ ,;&$]`)
)

// iniValue returns the value of grafana.config.SECTION.KEY as text. It rejects what grafanaINI
// documents.
func iniValue(cfg config.Grafana, section, key string) (string, error) {
	if !iniName.MatchString(section) || !iniName.MatchString(key) {
		return "", errors.New("allowed: names of letters, digits, '_', '.' and '-'")
	}
	if why, ok := reservedKeys[section+"."+key]; ok {
		return "", fmt.Errorf("may not be set: %s", why)
	}
	if section == "database" && cfg.Database != nil && slices.Contains(databaseKeys, key) {
		return "", errors.New("may not be set: the database is that of grafana.database")
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
	// The next two messages do not repeat the value: it has a secret.
	if text != "" && secretKey.MatchString(key) && found == nil {
		return "", fmt.Errorf("is a secret, which may not be in grafana.ini: set it as grafana.secrets.NAME, and this to $__file{%s/NAME}", GrafanaSecretsDir)
	}
	if credentials.MatchString(text) {
		return "", fmt.Errorf("has a password in it: set the whole value as grafana.secrets.NAME, and this to $__file{%s/NAME}", GrafanaSecretsDir)
	}
	if found != nil && found[1] == "file" {
		return text, secretFile(cfg, found[2])
	}
	return text, nil
}

// secretFile rejects the path of a file that is not one of Grafana's secrets.
func secretFile(cfg config.Grafana, file string) error {
	dir, name := path.Split(file)
	if path.Clean(dir) != GrafanaSecretsDir {
		return fmt.Errorf("%q is not a secret file of Grafana's pod; allowed: $__file{%s/NAME} of a grafana.secrets.NAME", "$__file{"+file+"}", GrafanaSecretsDir)
	}
	if _, known := cfg.SecretFiles()[name]; known {
		return nil
	}
	if near, ok := config.Nearest(name, slices.Collect(maps.Keys(cfg.SecretFiles()))); ok {
		return fmt.Errorf("grafana.secrets has no %q; did you mean %q?", name, near)
	}
	return fmt.Errorf("grafana.secrets has no %q; %s", name, config.SetSecret("grafana.secrets."+name))
}

// readsBack rejects text, an INI file, unless Grafana's parser reads the values of want from
// it. Some values, such as text in quotes, change.
func readsBack(text string, want *ini.File) error {
	got, err := ini.Load([]byte(text))
	if err != nil {
		return fmt.Errorf("grafana.ini: %w", err)
	}
	for _, section := range want.Sections() {
		for _, key := range section.Keys() {
			if back := got.Section(section.Name()).Key(key.Name()).Value(); back != key.Value() {
				return fmt.Errorf("grafana.config.%s.%s: Grafana would read %q as %q from grafana.ini", section.Name(), key.Name(), key.Value(), back)
			}
		}
	}
	return nil
}

// grafanaOIDC returns the settings with which Grafana asks the OpenID Connect provider who people are. The
// form for the administrator stays, for when the provider is down:
// https://grafana.com/docs/grafana/latest/setup-grafana/configure-access/configure-authentication/generic-oauth/
func grafanaOIDC(oidc config.OIDC) map[string]string {
	_, everyone := oidc.Roles[config.Everyone]
	settings := map[string]string{
		"enabled":               "true",
		"name":                  "OpenID Connect",
		"allow_sign_up":         "true", // creates people when they log in for the first time
		"client_id":             oidc.ClientID,
		"client_secret":         "$__file{" + path.Join(GrafanaSecretsDir, config.GrafanaClientSecretFile) + "}",
		"scopes":                strings.Join(oidc.Scopes, " "),
		"auth_url":              oidc.Endpoints.Authorization.String(),
		"token_url":             oidc.Endpoints.Token.String(),
		"api_url":               oidc.Endpoints.UserInfo.String(),
		"allowed_domains":       strings.Join(oidc.EmailDomains, " "),
		"use_pkce":              "true",
		"role_attribute_path":   roleAttributePath(oidc),
		"role_attribute_strict": strconv.FormatBool(!everyone), // otherwise people without a role get users.auto_assign_org_role
	}
	if oidc.CA != nil {
		settings["tls_client_ca"] = path.Join(GrafanaSecretsDir, config.GrafanaCAFile)
	}
	return settings
}

// identifier matches the names that JMESPath knows without quotes.
var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// roleAttributePath returns the JMESPath expression with which Grafana reads the highest role of a person from
// the groups in its claims; "" if everyone has the same. A filter, unlike contains(), is false for a person
// without groups: https://jmespath.org/specification.html
func roleAttributePath(oidc config.OIDC) string {
	names := strings.Split(oidc.GroupsClaim, ".")
	if strings.Contains(oidc.GroupsClaim, "://") {
		names = []string{oidc.GroupsClaim}
	}
	for i, name := range names {
		if !identifier.MatchString(name) {
			names[i] = strconv.Quote(name)
		}
	}
	var roles []string
	for _, role := range config.GrafanaRoles {
		if oidc.Roles[config.Everyone] == role {
			break // nobody has a lower one
		}
		var members []string
		for _, group := range slices.Sorted(maps.Keys(oidc.Roles)) {
			if oidc.Roles[group] == role {
				members = append(members, "@ == '"+group+"'")
			}
		}
		if len(members) > 0 {
			roles = append(roles, fmt.Sprintf("%s[?%s] && '%s'", strings.Join(names, "."), strings.Join(members, " || "), role))
		}
	}
	return strings.Join(roles, " || ")
}
