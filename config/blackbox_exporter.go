package config

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/prometheus/common/model"
)

// BlackboxExporter configures https://github.com/prometheus/blackbox_exporter.
type BlackboxExporter struct {
	// Deploy the exporter. The jobs kubernetes-services, kubernetes-ingresses and
	// blackbox-targets require it.
	Enabled bool `json:"enabled"`
	// Probe modules in the exporter's own format, in addition to http_2xx, http_2xx_insecure
	// and tcp_connect, which they may replace:
	// https://github.com/prometheus/blackbox_exporter/blob/master/CONFIGURATION.md
	Modules map[string]map[string]any `json:"modules"`
	// Secrets of modules: name to value. A module's *_file option reads
	// /etc/blackbox/secrets/NAME.
	Secrets map[string]Secret `json:"secrets"`
	// Targets to probe, inside or outside the cluster, by the job blackbox-targets. The provider of
	// login.oidc is one by itself.
	Targets []ProbeTarget `json:"targets"`
	// Compute resources of the pod.
	Resources Resources `json:"resources"`
	Scheduling
}

// ProbeTarget is one target of the job blackbox-targets.
type ProbeTarget struct {
	// What to probe: a URL for modules with prober http, host:port for tcp and grpc, a host for
	// icmp and dns.
	URL string `json:"url"`
	// Probe module; http_2xx unless set.
	Module string `json:"module"`
	// Labels of the target's series, in addition to instance (the URL) and module.
	Labels map[string]string `json:"labels"`
}

// DefaultModule is the probe module of targets that name none.
const DefaultModule = "http_2xx"

// insecureModule is the probe module that accepts any certificate.
const insecureModule = "http_2xx_insecure"

// AllModules returns the shipped probe modules and the stack's own, which replace shipped ones of
// the same name.
func (b BlackboxExporter) AllModules() map[string]map[string]any {
	modules := map[string]map[string]any{
		DefaultModule:  {"prober": "http", "http": map[string]any{"preferred_ip_protocol": "ip4"}},
		insecureModule: {"prober": "http", "http": map[string]any{"preferred_ip_protocol": "ip4", "tls_config": map[string]any{"insecure_skip_verify": true}}},
		"tcp_connect":  {"prober": "tcp", "tcp": map[string]any{"preferred_ip_protocol": "ip4"}},
	}
	maps.Copy(modules, b.Modules)
	return modules
}

// complete sets the module of targets that name none.
func (b *BlackboxExporter) complete() {
	for i := range b.Targets {
		if b.Targets[i].Module == "" {
			b.Targets[i].Module = DefaultModule
		}
	}
}

const blackboxExporterPath = "exporters.blackboxExporter"

func (b BlackboxExporter) validate() Problems {
	const path = blackboxExporterPath
	var p Problems
	modules := b.AllModules()
	type probe struct{ url, module string }
	probes := map[probe]bool{}
	for i, target := range b.Targets {
		at := fmt.Sprintf("%s.targets[%d]", path, i)
		if module, known := modules[target.Module]; known {
			target.validateURL(&p, at+".url", module["prober"])
		} else {
			p.Add(UnknownName(at+".module", target.Module, slices.Sorted(maps.Keys(modules))))
		}
		if probes[probe{target.URL, target.Module}] {
			p.Addf(at, "%s is probed with %s twice", target.URL, target.Module)
		}
		probes[probe{target.URL, target.Module}] = true
		for _, name := range slices.Sorted(maps.Keys(target.Labels)) {
			at := fmt.Sprintf("%s.labels[%q]", at, name)
			if !model.LegacyValidation.IsValidLabelName(name) || strings.HasPrefix(name, "__") {
				p.Addf(at, "not a label name; allowed: letters, digits and _, not starting with a digit or __")
			}
			if slices.Contains([]string{"cluster", "instance", "job", "module"}, name) {
				p.Addf(at, "%s is set by this program", name)
			}
		}
	}
	p.Add(validateSecretNames(path+".secrets", b.Secrets)...)
	p.Add(b.Resources.validate(path + ".resources")...)
	p.Add(b.Scheduling.validate(path)...)
	return p
}

// validateURL rejects a URL, at path at, that the module's prober cannot probe or that holds a
// credential.
func (t ProbeTarget) validateURL(p *Problems, at string, prober any) {
	parsed, err := url.Parse(t.URL)
	switch {
	case err == nil && parsed.User != nil:
		p.Addf(at, "has a user name or password, which would become part of a label; set a module's basic_auth, whose password_file reads %s.secrets", blackboxExporterPath)
	case prober == "http":
		if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
			p.Addf(at, "%q; allowed for module %s: an absolute http:// or https:// URL", t.URL, t.Module)
		}
	case prober == "tcp" || prober == "grpc":
		host, port, err := net.SplitHostPort(t.URL)
		if n, bad := strconv.ParseUint(port, 10, 16); err != nil || bad != nil || host == "" || n == 0 {
			p.Addf(at, "%q; allowed for module %s: host:port", t.URL, t.Module)
		}
	case t.URL == "" || strings.ContainsFunc(t.URL, unicode.IsSpace):
		p.Addf(at, "%q; allowed for module %s: a host", t.URL, t.Module)
	}
}
