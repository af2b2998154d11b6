package config

import (
	"maps"
	"slices"

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
)

var ownSecrets = []string{PrometheusSecret, BlackboxSecret, AlertmanagerSecret, GrafanaSecret, GrafanaImportSecret, ObjectStoreSecret}

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
	if slices.Contains(ownSecrets, name) {
		p.Addf(path, "%q is a Secret that this program creates; allowed: the name of any other", name)
	}
	p.invalid(path, name, validation.IsDNS1123Subdomain(name))
	return p
}

// ExistingSecret is a setting whose value is in a Secret that something else creates.
type ExistingSecret struct {
	Path string // config path, such as alerting.slack.webhookUrl
	SecretKey
}

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
		add("longTermStorage.objectStore.secrets", c.LongTermStorage.ObjectStore.Secrets)
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
	case grafana.Enabled:
		secrets["grafana.external.token"] = grafana.External.Token
	}
	var existing []ExistingSecret
	for _, path := range slices.Sorted(maps.Keys(secrets)) {
		if key, ok := secrets[path].Existing(); ok {
			existing = append(existing, ExistingSecret{path, key})
		}
	}
	return existing
}
