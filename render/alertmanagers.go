package render

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	prometheus "github.com/prometheus/prometheus/config"
	targets "github.com/prometheus/prometheus/discovery"
	"github.com/prometheus/prometheus/discovery/dns"
	"github.com/prometheus/prometheus/discovery/kubernetes"
	"github.com/prometheus/prometheus/discovery/targetgroup"
	"github.com/prometheus/prometheus/model/labels"
	relabeling "github.com/prometheus/prometheus/model/relabel"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// alerting is the part of prometheus.yml that says where alerts go.
type alerting struct {
	AlertRelabelConfigs []relabel `yaml:"alert_relabel_configs,omitempty"`
	Alertmanagers       []any     `yaml:"alertmanagers,omitempty"`
}

type alertmanagerTargets struct {
	Scheme              string         `yaml:"scheme,omitempty"`
	BasicAuth           *basicAuth     `yaml:"basic_auth,omitempty"`
	TLSConfig           *tlsConfig     `yaml:"tls_config,omitempty"`
	KubernetesSDConfigs []kubernetesSD `yaml:"kubernetes_sd_configs"`
	RelabelConfigs      []relabel      `yaml:"relabel_configs"`
}

// alertmanagers returns the config that sends alerts to every Alertmanager pod of the stack, and to those of
// alerting.alertmanagers. The pods agree on which of them notifies; for that each needs every alert, which
// a Service would send to one only. It returns nil if alerts go nowhere.
func alertmanagers(cfg *config.Config) *alerting {
	if !cfg.Alerting.Sends() {
		return nil
	}
	file := &alerting{
		// Alertmanager deduplicates alerts with equal labels; the replicas' differ only in this.
		AlertRelabelConfigs: []relabel{{SourceLabels: []string{"replica"}, Regex: podNames(cfg), TargetLabel: "replica", Replacement: ptr("")}},
	}
	if cfg.Alerting.Enabled {
		pods, web := ownPods(cfg, Alertmanager.Name)
		own := alertmanagerTargets{BasicAuth: loginTo(cfg, Alertmanager.Name), KubernetesSDConfigs: pods, RelabelConfigs: web}
		if tls := tlsTo(cfg, Alertmanager); tls != nil {
			own.Scheme, own.TLSConfig = "https", tls
		}
		file.Alertmanagers = append(file.Alertmanagers, own)
	}
	for _, native := range cfg.Alerting.Alertmanagers {
		file.Alertmanagers = append(file.Alertmanagers, native)
	}
	return file
}

// alertmanagersPath returns the config path of the Alertmanagers i outside of the stack.
func alertmanagersPath(i int) string { return fmt.Sprintf("alerting.alertmanagers[%d]", i) }

// otherAlertmanagers returns, of a loaded prometheus.yml, the Alertmanagers outside of the stack; none for an
// agent.
func otherAlertmanagers(cfg *config.Config, loaded *prometheus.Config) prometheus.AlertmanagerConfigs {
	all := loaded.AlertingConfig.AlertmanagerConfigs
	if len(all) == 0 {
		return nil
	}
	return all[len(all)-len(cfg.Alerting.Alertmanagers):]
}

// checkAlertmanagers checks the Alertmanagers outside of the stack in a loaded prometheus.yml.
func checkAlertmanagers(cfg *config.Config, loaded *prometheus.Config) config.Problems {
	var problems config.Problems
	for i, other := range otherAlertmanagers(cfg, loaded) {
		problems.Add(checkAlertmanager(cfg, i, other)...)
	}
	return problems
}

// checkAlertmanager rejects, in the Alertmanagers i outside of the stack, secrets in plain text, addresses to
// which no alert gets, connections out of the cluster that are not encrypted, unless the stack accepts
// those, and what the ruler cannot do. loaded is what the loader has read.
func checkAlertmanager(cfg *config.Config, i int, loaded *prometheus.AlertmanagerConfig) config.Problems {
	path, native := alertmanagersPath(i), cfg.Alerting.Alertmanagers[i]
	problems := prometheusSecrets(cfg).check(path, native, loaded)
	if len(loaded.ServiceDiscoveryConfigs) == 0 {
		problems.Addf(path, "names no Alertmanager; allowed: static_configs, or any service discovery of Prometheus")
	}
	where := addresses{path, "path_prefix", loaded.Scheme, loaded.RelabelConfigs, loaded.ServiceDiscoveryConfigs}
	problems.Add(where.check()...)
	if !cfg.Prometheus.AcknowledgeInsecureRemotes {
		for _, address := range unencrypted(loaded) {
			problems.Addf(path+".scheme", `"http" sends alerts and credentials unencrypted to %s; allowed: https, http for a Service of the cluster such as `+
				"NAME.NAMESPACE.svc:PORT, or any with prometheus.acknowledgeInsecureRemotes: true", address)
		}
	}
	if cfg.HasRuler() {
		problems.Add(checkRulerAlertmanager(path, native, loaded)...)
	}
	return problems
}

// unencrypted returns the addresses out of the cluster to which alerts go, or may go, over http: those of static
// targets, as relabelling leaves them, and those that are discovered or that a rule makes of discovered ones.
func unencrypted(loaded *prometheus.AlertmanagerConfig) []string {
	var found []string
	outside := func(address string) {
		if isAddress(address) && !config.InCluster(strings.TrimSuffix(hostOf(address), ".")) {
			found = append(found, address)
		}
	}
	plain := loaded.Scheme == "http" || slices.ContainsFunc(loaded.RelabelConfigs, func(rule *relabeling.Config) bool {
		return rule.TargetLabel == model.SchemeLabel && rule.Replacement != "https"
	})
	for _, discovery := range loaded.ServiceDiscoveryConfigs {
		if groups, static := discovery.(targets.StaticConfig); static {
			for _, group := range groups {
				for _, target := range group.Targets {
					if scheme, address := relabelled(loaded, group.Labels.Merge(target)); scheme == "http" {
						outside(address)
					}
				}
			}
			continue
		}
		if !plain {
			continue
		}
		unknown := "whatever " + discovery.Name() + "_sd_configs finds"
		switch discovery := discovery.(type) {
		case *dns.SDConfig:
			for _, name := range discovery.Names {
				outside(name)
			}
		case *kubernetes.SDConfig:
			if discovery.APIServer.URL != nil || discovery.KubeConfig != "" || discovery.Role == kubernetes.RoleIngress {
				found = append(found, unknown)
			}
		default:
			found = append(found, unknown)
		}
		for _, rule := range loaded.RelabelConfigs {
			if rule.TargetLabel == model.AddressLabel {
				outside(capture.ReplaceAllString(rule.Replacement, "x")) // part of a name, or an address of the cluster
			}
		}
	}
	return found
}

// capture matches what refers to a part of a label's value in the replacement of a rule.
var capture = regexp.MustCompile(`\$(\w+|\{\w+\})`)

// relabelled returns the scheme and the address of a target as a server connects to it; both are empty if
// relabelling drops it.
func relabelled(loaded *prometheus.AlertmanagerConfig, target model.LabelSet) (scheme, address string) {
	b := labels.NewBuilder(labels.EmptyLabels())
	for name, value := range target {
		b.Set(string(name), string(value))
	}
	b.Set(model.SchemeLabel, loaded.Scheme)
	if !relabeling.ProcessBuilder(b, loaded.RelabelConfigs...) {
		return "", ""
	}
	return b.Get(model.SchemeLabel), b.Get(model.AddressLabel)
}

// rulerAlertmanagersFile is what the ruler reads:
// https://thanos.io/tip/components/rule.md/#alertmanager
type rulerAlertmanagersFile struct {
	Alertmanagers []rulerAlertmanagers `yaml:"alertmanagers"`
}

type rulerAlertmanagers struct {
	HTTPConfig    *rulerHTTP     `yaml:"http_config,omitempty"`
	StaticConfigs []string       `yaml:"static_configs"`
	Scheme        string         `yaml:"scheme"`
	PathPrefix    string         `yaml:"path_prefix,omitempty"`
	Timeout       model.Duration `yaml:"timeout,omitempty"`
	APIVersion    string         `yaml:"api_version"`
}

type rulerHTTP struct {
	BasicAuth       *basicAuth `yaml:"basic_auth,omitempty"`
	BearerTokenFile string     `yaml:"bearer_token_file,omitempty"`
	ProxyURL        string     `yaml:"proxy_url,omitempty"`
	TLSConfig       tlsConfig  `yaml:"tls_config,omitempty"`
}

// rulerOptions holds the options of Prometheus' alertmanager_config that the ruler has too, each with those in it
// if it is an object.
var rulerOptions = map[string][]string{
	"api_version":       nil,
	"authorization":     {"credentials_file", "type"},
	"basic_auth":        {"password_file", "username"},
	"bearer_token_file": nil,
	"path_prefix":       nil,
	"proxy_url":         nil,
	"scheme":            nil,
	"static_configs":    nil,
	"timeout":           nil,
	"tls_config":        {"ca_file", "cert_file", "insecure_skip_verify", "key_file", "server_name"},
}

// checkRulerAlertmanager rejects what the ruler cannot do, in a native alertmanager_config at path that the
// loader has read as loaded.
func checkRulerAlertmanager(path string, native map[string]any, loaded *prometheus.AlertmanagerConfig) config.Problems {
	var problems config.Problems
	refuse := func(path string, allowed []string) {
		problems.Addf(path, "the ruler of the shards sends alerts too, and does not have this option; allowed: %s", strings.Join(allowed, ", "))
	}
	for _, option := range slices.Sorted(maps.Keys(native)) {
		within, known := rulerOptions[option]
		if !known {
			refuse(path+"."+option, slices.Sorted(maps.Keys(rulerOptions)))
		}
		inner, _ := native[option].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(inner)) {
			if known && !slices.Contains(within, name) {
				refuse(path+"."+option+"."+name, within)
			}
		}
	}
	for _, discovery := range loaded.ServiceDiscoveryConfigs {
		groups, _ := discovery.(targets.StaticConfig)
		if slices.ContainsFunc(groups, func(group *targetgroup.Group) bool { return len(group.Labels) > 0 }) {
			problems.Addf(path+".static_configs", "has labels, and the ruler of the shards, which sends alerts too, relabels no targets; allowed: targets")
		}
	}
	if auth := loaded.HTTPClientConfig.Authorization; auth != nil && auth.Type != "Bearer" {
		problems.Addf(path+".authorization.type", "%q; allowed: Bearer, the only one that the ruler of the shards has", auth.Type)
	}
	walk(path, native, func(path, _, value string) {
		if strings.HasPrefix(value, serviceAccountDir) {
			problems.Addf(path, "%s is not a file in the pods of the ruler of the shards; put its content into prometheus.secrets and name it: %s/NAME", value, PrometheusSecretsDir)
		}
	})
	return problems
}

// rulerAlertmanagersOf returns what the ruler reads. As the servers of Prometheus do, it sends alerts to every
// Alertmanager pod of the stack, which it finds by the SRV records of their headless Service, and to those of
// alerting.alertmanagers, which the loader of Prometheus has read as others.
func rulerAlertmanagersOf(cfg *config.Config, others prometheus.AlertmanagerConfigs) rulerAlertmanagersFile {
	file := rulerAlertmanagersFile{Alertmanagers: []rulerAlertmanagers{}}
	if cfg.Alerting.Enabled {
		file.Alertmanagers = append(file.Alertmanagers, rulerAlertmanagers{
			HTTPConfig:    rulerTo(cfg, Alertmanager),
			StaticConfigs: []string{fmt.Sprintf("dnssrv+_web._tcp.%s.%s.svc", Alertmanager.Headless(), cfg.Cluster.Namespace)},
			Scheme:        Alertmanager.Scheme(cfg),
			APIVersion:    "v2",
		})
	}
	for _, other := range others {
		file.Alertmanagers = append(file.Alertmanagers, rulerAlertmanagers{
			HTTPConfig:    rulerHTTPOf(other),
			StaticConfigs: addresses{discoveries: other.ServiceDiscoveryConfigs}.static(),
			Scheme:        other.Scheme,
			PathPrefix:    other.PathPrefix,
			Timeout:       other.Timeout,
			APIVersion:    string(other.APIVersion),
		})
	}
	return file
}

// rulerTo returns how the ruler connects to a program of the stack; nil if that answers everyone over HTTP.
func rulerTo(cfg *config.Config, program Program) *rulerHTTP {
	asks, tls := AsksForLogin(cfg, program.Name), tlsTo(cfg, program)
	if !asks && tls == nil {
		return nil
	}
	client := &rulerHTTP{}
	if asks {
		client.BasicAuth = namedLogin(cfg)
	}
	if tls != nil {
		client.TLSConfig = *tls
	}
	return client
}

// rulerHTTPOf returns how the ruler connects to Alertmanagers as a server of Prometheus does.
func rulerHTTPOf(other *prometheus.AlertmanagerConfig) *rulerHTTP {
	client := other.HTTPClientConfig
	tls := client.TLSConfig
	ruler := &rulerHTTP{TLSConfig: tlsConfig{tls.CAFile, tls.CertFile, tls.KeyFile, tls.ServerName, tls.InsecureSkipVerify}}
	if auth := client.BasicAuth; auth != nil {
		ruler.BasicAuth = &basicAuth{Username: auth.Username, PasswordFile: auth.PasswordFile}
	}
	if auth := client.Authorization; auth != nil {
		ruler.BearerTokenFile = auth.CredentialsFile
	}
	if proxy := client.ProxyURL.URL; proxy != nil && *proxy != (url.URL{}) {
		ruler.ProxyURL = proxy.String()
	}
	if *ruler == (rulerHTTP{}) {
		return nil
	}
	return ruler
}

// rulerSecrets returns those of prometheus.secrets that the ruler reads as files.
func rulerSecrets(cfg *config.Config) map[string]config.Secret {
	secrets := map[string]config.Secret{}
	for i, native := range cfg.Alerting.Alertmanagers {
		walk(alertmanagersPath(i), native, func(_, _, value string) {
			name, file := strings.CutPrefix(value, PrometheusSecretsDir+"/")
			if secret, known := cfg.Prometheus.Secrets[name]; file && known {
				secrets[name] = secret
			}
		})
	}
	return secrets
}
