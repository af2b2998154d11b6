package render

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"regexp"
	"slices"

	prometheus "github.com/prometheus/prometheus/config"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// remoteWritePath returns the config path of the remote write i.
func remoteWritePath(i int) string { return fmt.Sprintf("prometheus.remoteWrite[%d]", i) }

// remoteReadPath returns the config path of the remote read i.
func remoteReadPath(i int) string { return fmt.Sprintf("prometheus.remoteRead[%d]", i) }

// remoteWrites returns the stack's remote writes. If the stack stores native histograms, each sends
// them in a form that its receiver takes, unless it says how itself.
func remoteWrites(cfg *config.Config) []map[string]any {
	var remotes []map[string]any
	for _, native := range cfg.Prometheus.RemoteWrite {
		remote := maps.Clone(native)
		if cfg.StoresNative() {
			for option, value := range histogramOptions(native) {
				if _, set := native[option]; !set {
					remote[option] = value
				}
			}
		}
		remotes = append(remotes, remote)
	}
	return remotes
}

// The messages of remote write 1.0 and 2.0: https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/
const (
	writeV1 = "prometheus.WriteRequest"
	writeV2 = "io.prometheus.write.v2.Request"
)

// histogramOptions returns the options with which a remote write sends native histograms. They have
// the buckets of classic ones, which remote write 2.0 can send; for a receiver of 1.0, which has no
// such histograms, they become classic ones.
func histogramOptions(remote map[string]any) map[string]any {
	message := remote["protobuf_message"]
	if message == writeV1 || remote["send_native_histograms"] == false || remote["convert_nhcb_to_classic"] == true {
		return map[string]any{"convert_nhcb_to_classic": true}
	}
	return map[string]any{"protobuf_message": writeV2, "send_native_histograms": true}
}

// tracingPath is the config path of where traces go.
const tracingPath = "prometheus.tracing"

// checkRemotes rejects, in whatever the server sends to or reads from, secrets in plain text and what
// checkRemoteURL rejects. loaded is what the loader has read.
func checkRemotes(cfg *config.Config, loaded *prometheus.Config) config.Problems {
	problems := checkTracing(cfg, loaded.TracingConfig)
	for i, remote := range loaded.RemoteWriteConfigs {
		problems.Add(checkRemoteWrite(cfg, i, remote)...)
	}
	for i, remote := range loaded.RemoteReadConfigs {
		problems.Add(checkRemoteRead(cfg, i, remote)...)
	}
	return problems
}

// checkRemoteWrite checks the remote write i, which the loader has read as loaded.
func checkRemoteWrite(cfg *config.Config, i int, loaded *prometheus.RemoteWriteConfig) config.Problems {
	return checkRemote(cfg, remoteWritePath(i), cfg.Prometheus.RemoteWrite[i], loaded, loaded.Headers, loaded.URL.URL)
}

// checkRemoteRead checks the remote read i, which the loader has read as loaded.
func checkRemoteRead(cfg *config.Config, i int, loaded *prometheus.RemoteReadConfig) config.Problems {
	return checkRemote(cfg, remoteReadPath(i), cfg.Prometheus.RemoteRead[i], loaded, loaded.Headers, loaded.URL.URL)
}

// checkRemote checks the remote native at path, which the loader has read as loaded.
func checkRemote(cfg *config.Config, path string, native map[string]any, loaded any, headers map[string]string, remote *url.URL) config.Problems {
	problems := prometheusSecrets(cfg).check(path, native, loaded)
	problems.Add(checkHeaders(path, headers)...)
	problems.Add(checkRemoteURL(cfg, path+".url", remote)...)
	return problems
}

// checkTracing checks where traces go, which the loader has read as tracing.
func checkTracing(cfg *config.Config, tracing prometheus.TracingConfig) config.Problems {
	if len(cfg.Prometheus.Tracing) == 0 {
		return nil
	}
	problems := prometheusSecrets(cfg).check(tracingPath, cfg.Prometheus.Tracing, tracing)
	for _, name := range slices.Sorted(maps.Keys(tracing.Headers)) {
		if secretHeader.MatchString(name) {
			problems.Addf(tracingPath+".headers."+name, "in plain text, and there is no option for its file; send traces to a collector in the cluster, which adds it")
		}
	}
	return problems
}

// checkHeaders rejects headers below path whose values are secrets.
func checkHeaders(path string, headers map[string]string) config.Problems {
	var problems config.Problems
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if secretHeader.MatchString(name) {
			problems.Addf(path+".headers."+name, "in plain text; put it into prometheus.secrets and name its file: http_headers: {%s: {files: [%s/NAME]}}", name, PrometheusSecretsDir)
		}
	}
	return problems
}

// secretHeader matches names of headers whose values are secrets.
var secretHeader = regexp.MustCompile(`(?i)(api|access|private|license|auth)[-_]?key|token|secret|password`)

// checkRemoteURL rejects the URL of a remote that no server can have, and one outside the cluster
// whose connections are not encrypted, unless the stack accepts that.
func checkRemoteURL(cfg *config.Config, path string, remote *url.URL) config.Problems {
	var problems config.Problems
	switch {
	case remote.Scheme != "http" && remote.Scheme != "https" || remote.Hostname() == "":
		problems.Addf(path, "%q; allowed: %s", remote.Redacted(), config.URL{}.Allowed())
	case remote.Scheme == "http" && !config.InCluster(remote.Hostname()) && !cfg.Prometheus.AcknowledgeInsecureRemotes:
		problems.Addf(path, "%q sends samples and credentials unencrypted; allowed: https://, a Service of the cluster such as http://NAME.NAMESPACE.svc:PORT, "+
			"or any with prometheus.acknowledgeInsecureRemotes: true", remote.Redacted())
	}
	return problems
}

// hostOf returns the host of a host:port.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
