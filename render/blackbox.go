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

// blackboxConfig returns blackbox.yml: the shipped modules http_2xx, http_2xx_insecure and
// tcp_connect, and the stack's own, which replace a shipped one of the same name. The error is
// config.Problems: it has what the exporter's config types reject and secrets in plain text.
// https://github.com/prometheus/blackbox_exporter/blob/master/CONFIGURATION.md
func blackboxConfig(cfg *config.Config) (string, error) {
	modules := probeModules(cfg)
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
			problems.Addf(path, "%s", loaderMessage(err))
		} else if !slices.Contains(probers, module.Prober) { // the exporter notices this only when it probes
			problems.Add(config.UnknownName(path+".prober", module.Prober, probers))
		} else {
			problems.Add(secrets.check(path, modules[name], module)...)
		}
	}
	if err := problems.Err(); err != nil {
		return "", err
	}
	text, err := marshal(map[string]any{"modules": modules})
	if err != nil {
		return "", fmt.Errorf("blackbox.yml: %w", err)
	}
	return text, nil
}

// probers holds the probers of the pinned exporter. icmp works only where the container
// runtime lets unprivileged processes ping.
var probers = []string{"http", "tcp", "icmp", "dns", "grpc", "unix"}
