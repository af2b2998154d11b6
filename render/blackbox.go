package render

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"

	blackbox "github.com/prometheus/blackbox_exporter/config"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// BlackboxModules renders blackbox.yml: the shipped modules http_2xx,
// http_2xx_insecure and tcp_connect, and those of the stack, which win. Each
// is checked by the exporter's own config types:
// https://github.com/prometheus/blackbox_exporter/blob/master/CONFIGURATION.md
func BlackboxModules(cfg *config.Config) (string, error) {
	modules := blackboxModules(cfg)
	var problems config.Problems
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		text, err := marshal(modules[name])
		if err != nil {
			return "", err
		}
		decoder := yaml.NewDecoder(bytes.NewBufferString(text))
		decoder.KnownFields(true)
		if err := decoder.Decode(&blackbox.Module{}); err != nil {
			problems = append(problems, config.Problem{Path: "exporters.blackboxExporter.modules." + name, Message: err.Error()})
		}
	}
	if len(problems) > 0 {
		return "", problems
	}
	text, err := marshal(map[string]any{"modules": modules})
	if err != nil {
		return "", fmt.Errorf("blackbox.yml: %w", err)
	}
	return text, nil
}

func blackboxModules(cfg *config.Config) map[string]map[string]any {
	modules := map[string]map[string]any{
		"http_2xx":          {"prober": "http", "http": map[string]any{"preferred_ip_protocol": "ip4"}},
		"http_2xx_insecure": {"prober": "http", "http": map[string]any{"preferred_ip_protocol": "ip4", "tls_config": map[string]any{"insecure_skip_verify": true}}},
		"tcp_connect":       {"prober": "tcp", "tcp": map[string]any{"preferred_ip_protocol": "ip4"}},
	}
	maps.Copy(modules, cfg.Exporters.BlackboxExporter.Modules)
	return modules
}

// httpModules are the names, as regular expressions, of the modules that probe
// a URL and not a host and port.
func httpModules(cfg *config.Config) []string {
	modules := blackboxModules(cfg)
	var names []string
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		if modules[name]["prober"] == "http" {
			names = append(names, regexp.QuoteMeta(name))
		}
	}
	return names
}
