// Package configtest decodes Configs from YAML for tests.
package configtest

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Secret is the value of the required secrets that Config sets.
const Secret = "s3cret"

// Raw returns values of a stack as Pulumi passes them to a program: top-level key, without the
// project in front, to value; and the keys with a secret in them.
func Raw(values map[string]any) (raw map[string]string, secretKeys []string, err error) {
	raw = map[string]string{}
	for key, value := range values {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, nil, err
		}
		raw[config.Project+":"+key] = string(text)
		switch key {
		case "cluster", "prometheus", "longTermStorage", "exporters", "alerting", "grafana", "login":
			secretKeys = append(secretKeys, config.Project+":"+key)
		}
	}
	return raw, secretKeys, nil
}

// Decode decodes values of a stack. Secrets are in plain text.
func Decode(values map[string]any) (*config.Config, error) {
	raw, secretKeys, err := Raw(values)
	if err != nil {
		return nil, err
	}
	return config.FromPulumi(raw, secretKeys)
}

// Values returns the values of a stack in YAML. A top-level key that is absent has what every
// stack has to set in it.
func Values(text string) (map[string]any, error) {
	values := map[string]any{
		"cluster":  map[string]any{"name": "test"},
		"grafana":  map[string]any{"adminPassword": Secret},
		"alerting": map[string]any{"acknowledgeNoNotifications": true},
	}
	return values, yaml.Unmarshal([]byte(text), &values)
}

// Config returns the Config of Values.
func Config(t testing.TB, text string) *config.Config {
	t.Helper()
	values, err := Values(text)
	require.NoError(t, err)
	cfg, err := Decode(values)
	require.NoError(t, err)
	return cfg
}
