package render

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	blackbox "github.com/prometheus/blackbox_exporter/config"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Where the blackbox exporter finds its modules, and what they refer to.
const (
	BlackboxDir        = "/etc/blackbox/config"
	BlackboxSecretsDir = "/etc/blackbox/secrets"
)

// BlackboxModules renders blackbox.yml: the shipped modules http_2xx,
// http_2xx_insecure and tcp_connect, and those of the stack, which win. Each
// is checked by the exporter's own config types:
// https://github.com/prometheus/blackbox_exporter/blob/master/CONFIGURATION.md
//
// It fails on secrets in plain text too.
func BlackboxModules(cfg *config.Config) (string, error) {
	modules := cfg.Exporters.BlackboxExporter.AllModules()
	secrets := secretFiles{BlackboxSecretsDir, "exporters.blackboxExporter.secrets", slices.Sorted(maps.Keys(cfg.Exporters.BlackboxExporter.Secrets))}
	var problems config.Problems
	for _, name := range slices.Sorted(maps.Keys(modules)) {
		text, err := marshal(modules[name])
		if err != nil {
			return "", err
		}
		path := "exporters.blackboxExporter.modules." + name
		decoder := yaml.NewDecoder(bytes.NewBufferString(text))
		decoder.KnownFields(true)
		var module blackbox.Module
		if err := decoder.Decode(&module); err != nil {
			problems = append(problems, config.Problem{Path: path, Message: refusal(err)})
		} else if !slices.Contains(probers, module.Prober) { // which the exporter itself tells with each probe only
			problems = append(problems, config.UnknownName(path+".prober", module.Prober, probers))
		} else {
			problems = append(problems, secrets.check(path, modules[name], module)...)
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

// probers of the pinned exporter. icmp takes nodes that let everyone ping.
var probers = []string{"http", "tcp", "icmp", "dns", "grpc", "unix"}
