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

// Decode decodes the values of a running stack by top-level key, without the project's
// prefix. Secrets are given decrypted.
func Decode(values map[string]any) (*config.Config, error) {
	raw, secrets := map[string]string{}, []string{}
	for key, value := range values {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		raw[config.Project+":"+key] = string(text)
		switch key {
		case "prometheus", "exporters", "alerting", "grafana": // the keys with secrets in them
			secrets = append(secrets, config.Project+":"+key)
		}
	}
	return config.FromPulumi(raw, secrets)
}

// Config returns the Config of a stack whose values are text, in YAML. A top-level key that
// is absent gets its required keys.
func Config(t testing.TB, text string) *config.Config {
	t.Helper()
	values := map[string]any{
		"cluster":  map[string]any{"name": "test"},
		"grafana":  map[string]any{"adminPassword": Secret},
		"alerting": map[string]any{"acknowledgeNoNotifications": true},
	}
	require.NoError(t, yaml.Unmarshal([]byte(text), &values))
	cfg, err := Decode(values)
	require.NoError(t, err)
	return cfg
}
