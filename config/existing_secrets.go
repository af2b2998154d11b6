package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// SecretKey names a value in a Secret that something else creates in the stack's namespace, such as
// the External Secrets Operator or Sealed Secrets.
type SecretKey struct {
	// Name of an existing Secret in the namespace of the stack. Required.
	Secret string `json:"secret"`
	// Key of the value in the data of that Secret. Required.
	Key string `json:"key"`
}

// Names of the Secrets that the program creates with values of the stack.
const (
	PrometheusSecret    = "prometheus-secrets"
	BlackboxSecret      = "blackbox-exporter-secrets"
	AlertmanagerSecret  = "alertmanager-secrets"
	GrafanaSecret       = "grafana"
	GrafanaImportSecret = "grafana-import"
	ObjectStoreSecret   = "thanos-object-store"
	BasicLoginSecret    = "basic-login"
)

var ownSecrets = []string{PrometheusSecret, BlackboxSecret, AlertmanagerSecret, GrafanaSecret, GrafanaImportSecret, ObjectStoreSecret, BasicLoginSecret}

// validate rejects names that no Secret and no key of one can have, and Secrets of this program.
func (k SecretKey) validate(path string) Problems {
	var p Problems
	if k.Secret == "" { // without the key, which may be a password in the wrong place
		p.Addf(path+".secret", "missing; the name of an existing Secret in the stack's namespace")
	} else {
		p.Add(validateSecretOfOthers(path+".secret", k.Secret)...)
	}
	if k.Key == "" {
		p.Addf(path+".key", "missing; the key of the value in the data of the existing Secret")
	} else {
		p.invalid(path+".key", k.Key, validation.IsConfigMapKey(k.Key))
	}
	return p
}

// validateSecretOfOthers rejects a name that no Secret can have, and those of Secrets that the program creates.
func validateSecretOfOthers(path, name string) Problems {
	var p Problems
	if slices.Contains(ownSecrets, name) || slices.ContainsFunc(new(Config).UIs(), func(ui UI) bool { return !ui.OwnLogin && name == ui.ProxyName() }) {
		p.Addf(path, "%q is a Secret that this program creates; allowed: the name of any other", name)
	}
	p.invalid(path, name, validation.IsDNS1123Subdomain(name))
	return p
}

// ExistingSecret is a setting whose value is in a Secret that something else creates.
type ExistingSecret struct {
	Path string // config path, such as alerting.slack.webhookUrl
	SecretKey

	Certificate *Certificate // that the Secret of the key has; nil for any other Secret
	Hosts       []string     // names besides that of Certificate for which it has to be valid
}

// Unfit says why programs cannot use a value for the setting, without showing it; "" if they can, as far as that
// is known.
func (e ExistingSecret) Unfit(value string) string {
	switch e.Path {
	case oidcClientSecret:
		return unfitClientSecret(value)
	case oidcCookieSecret:
		return unfitCookieSecret(value)
	case oidcCA:
		return unfitCA(value)
	}
	if strings.HasPrefix(e.Path, objectStoreSecrets) {
		return unfitInQuotes(value)
	}
	return ""
}

// unfitInQuotes says why Thanos would not read a value as it is, which it gets in single quotes, as a part of YAML;
// "" if it would. Quotes end it, and a line break in it becomes a space, which matters to all values but objects in
// JSON.
func unfitInQuotes(value string) string {
	what := ""
	switch {
	case strings.Contains(value, "'"):
		what = "a single quote"
	case strings.ContainsAny(value, "\r\n") && !strings.HasPrefix(value, "{"):
		what = "a line break"
	default:
		return ""
	}
	return "has " + what + ", with which Thanos would read another value; allowed: neither a single quote nor a line break"
}

// NamedSecrets returns the settings that name a whole Secret which something else creates, and the pods need:
// the logins of registries, without a key, and each key of certificates that programs share.
func (c *Config) NamedSecrets() []ExistingSecret {
	var named []ExistingSecret
	for i, name := range c.Images.PullSecrets {
		named = append(named, ExistingSecret{Path: fmt.Sprintf("images.pullSecrets[%d]", i), SecretKey: SecretKey{Secret: name}})
	}
	for _, shared := range c.certificates() {
		if shared.IssuerRef.Name != "" {
			continue
		}
		for _, key := range CertificateKeys {
			named = append(named, ExistingSecret{Path: shared.path + ".secretName", SecretKey: SecretKey{shared.SecretName, key}, Certificate: &shared.Certificate})
		}
	}
	return named
}

// Config paths of secrets whose values have to be of a certain form.
const (
	objectStoreSecrets = "longTermStorage.objectStore.secrets" // environment variables in the file about the object store
	oidcClientSecret   = "login.oidc.clientSecret"
	oidcCookieSecret   = "login.oidc.cookieSecret"
	oidcCA             = "login.oidc.ca"
)

// ExistingSecrets returns the settings of programs in this stack whose values are in existing Secrets,
// sorted by path.
func (c *Config) ExistingSecrets() []ExistingSecret {
	secrets := map[string]Secret{} // by path
	add := func(path string, named map[string]Secret) {
		for name, secret := range named {
			secrets[join(path, name)] = secret
		}
	}
	add("prometheus.secrets", c.Prometheus.Secrets)
	if c.LongTermStorage.Enabled {
		add(objectStoreSecrets, c.LongTermStorage.ObjectStore.Secrets)
	}
	if c.Exporters.BlackboxExporter.Enabled {
		add("exporters.blackboxExporter.secrets", c.Exporters.BlackboxExporter.Secrets)
	}
	if alerting := c.Alerting; alerting.Enabled {
		add("alerting.secrets", alerting.Secrets)
		if alerting.Slack != nil {
			secrets["alerting.slack.webhookUrl"] = alerting.Slack.WebhookURL
		}
		if alerting.DeadMansSwitchURL != nil {
			secrets["alerting.deadMansSwitchUrl"] = *alerting.DeadMansSwitchURL
		}
	}
	switch grafana := c.Grafana; {
	case grafana.Deployed():
		add("grafana.secrets", grafana.Secrets)
		secrets["grafana.adminPassword"] = grafana.AdminPassword
		if database := grafana.Database; database != nil {
			secrets["grafana.database.password"] = database.Password
			if database.CA != nil {
				secrets["grafana.database.ca"] = *database.CA
			}
		}
	case grafana.Enabled:
		secrets["grafana.external.token"] = grafana.External.Token
	}
	if oidc, proxied := c.Login.OIDC, len(c.Proxied()) > 0; proxied || c.GrafanaOIDC() {
		secrets[oidcClientSecret] = oidc.ClientSecret
		if proxied {
			secrets[oidcCookieSecret] = oidc.CookieSecret
		}
		if oidc.CA != nil {
			secrets[oidcCA] = *oidc.CA
		}
	}
	var existing []ExistingSecret
	for _, path := range slices.Sorted(maps.Keys(secrets)) {
		if key, ok := secrets[path].Existing(); ok {
			existing = append(existing, ExistingSecret{Path: path, SecretKey: key})
		}
	}
	return existing
}
