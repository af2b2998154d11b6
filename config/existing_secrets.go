package config

import (
	"fmt"
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

	unfit func(value string) string // as Unfit; nil if any value is fit
}

// Unfit says why programs cannot use a value for the setting, without showing it; "" if they can, as far as that
// is known.
func (e ExistingSecret) Unfit(value string) string {
	if e.unfit == nil {
		return ""
	}
	return e.unfit(value)
}

// unfitInFile says why programs would read another value from a file; "" if they would not.
func unfitInFile(value string) string {
	if strings.TrimSpace(value) != value {
		return "starts or ends with white space, which programs drop from a file"
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

// ExistingSecrets returns the settings of programs in this stack whose values are in existing Secrets,
// sorted by path.
func (c *Config) ExistingSecrets() []ExistingSecret {
	var existing []ExistingSecret
	add := func(path string, secret Secret, unfit func(value string) string) {
		if key, ok := secret.Existing(); ok {
			existing = append(existing, ExistingSecret{Path: path, SecretKey: key, unfit: unfit})
		}
	}
	addAll := func(path string, secrets map[string]Secret, unfit func(value string) string) {
		for name, secret := range secrets {
			add(join(path, name), secret, unfit)
		}
	}
	addAll("prometheus.secrets", c.Prometheus.Secrets, nil)
	if c.LongTermStorage.Enabled {
		addAll("longTermStorage.objectStore.secrets", c.LongTermStorage.ObjectStore.Secrets, unfitInQuotes)
	}
	if c.Exporters.BlackboxExporter.Enabled {
		addAll("exporters.blackboxExporter.secrets", c.Exporters.BlackboxExporter.Secrets, nil)
	}
	if alerting := c.Alerting; alerting.Enabled {
		addAll("alerting.secrets", alerting.Secrets, nil)
		if alerting.Slack != nil {
			add("alerting.slack.webhookUrl", alerting.Slack.WebhookURL, nil)
		}
		if alerting.DeadMansSwitchURL != nil {
			add("alerting.deadMansSwitchUrl", *alerting.DeadMansSwitchURL, nil)
		}
	}
	switch grafana := c.Grafana; {
	case grafana.Deployed():
		addAll("grafana.secrets", grafana.Secrets, nil)
		add("grafana.adminPassword", grafana.AdminPassword, unfitInFile)
		if database := grafana.Database; database != nil {
			add("grafana.database.password", database.Password, database.unfitPassword)
			if database.CA != nil {
				add("grafana.database.ca", *database.CA, unfitCA)
			}
		}
	case grafana.Enabled:
		add("grafana.external.token", grafana.External.Token, nil)
	}
	if oidc, proxied := c.Login.OIDC, len(c.Proxied()) > 0; proxied || c.GrafanaOIDC() {
		add("login.oidc.clientSecret", oidc.ClientSecret, unfitClientSecret)
		if proxied {
			add("login.oidc.cookieSecret", oidc.CookieSecret, unfitCookieSecret)
		}
		if oidc.CA != nil {
			add("login.oidc.ca", *oidc.CA, unfitCA)
		}
	}
	slices.SortFunc(existing, func(a, b ExistingSecret) int { return strings.Compare(a.Path, b.Path) })
	return existing
}
