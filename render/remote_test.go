package render

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// Native histograms leave in a form that the receiver takes, unless the stack says how.
func TestRemoteWriteHistograms(t *testing.T) {
	for name, test := range map[string]struct {
		options, discovery string
		message            string
		native, classic    bool
	}{
		"2.0 by default":             {"", "", writeV2, true, false},
		"1.0 has no native ones":     {", protobuf_message: prometheus.WriteRequest", "", writeV1, false, true},
		"none asked for":             {", send_native_histograms: false", "", writeV1, false, true},
		"classic ones asked for":     {", convert_nhcb_to_classic: true", "", writeV1, false, true},
		"1.0 without histograms":     {", protobuf_message: prometheus.WriteRequest, convert_nhcb_to_classic: false", "", writeV1, false, false},
		"a stack of classic ones":    {"", "discovery: {histograms: classic}", writeV1, false, false},
		"2.0 and classic ones alike": {", protobuf_message: io.prometheus.write.v2.Request, convert_nhcb_to_classic: true", "", writeV2, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			remotes := server(t, configtest.Config(t, `
prometheus: {remoteWrite: [{name: central, url: 'https://example.com/api/v1/write'`+test.options+`}]}
`+test.discovery)).RemoteWriteConfigs
			require.Len(t, remotes, 1)
			assert.Equal(t, test.message, string(remotes[0].ProtobufMessage))
			assert.Equal(t, test.native, remotes[0].SendNativeHistograms, "send_native_histograms")
			assert.Equal(t, test.classic, remotes[0].ConvertNHCBToClassic, "convert_nhcb_to_classic")
		})
	}
}

func TestRemoteWriteIsPassedOn(t *testing.T) {
	remotes := server(t, configtest.Config(t, `
prometheus:
  secrets: {central: s3cret}
  remoteWrite:
    - name: central
      url: https://example.com/api/v1/write
      authorization: {credentials_file: /etc/prometheus/secrets/central}
      headers: {X-Scope-OrgID: shop}
      write_relabel_configs: [{source_labels: [__name__], regex: 'up', action: drop}]
      queue_config: {max_shards: 7}
    - {name: archive, url: 'http://mimir.mimir.svc:8080/api/v1/push'}`)).RemoteWriteConfigs
	require.Len(t, remotes, 2)
	assert.Equal(t, "/etc/prometheus/secrets/central", remotes[0].HTTPClientConfig.Authorization.CredentialsFile)
	assert.Equal(t, 7, remotes[0].QueueConfig.MaxShards)
	assert.Len(t, remotes[0].WriteRelabelConfigs, 1)
	assert.Equal(t, "archive", remotes[1].Name)
}

func TestRemoteURLs(t *testing.T) {
	for remote, allowed := range map[string]bool{
		"https://example.com/write":                   true,
		"http://mimir:8080/push":                      true,
		"http://mimir.mimir.svc/push":                 true,
		"http://mimir.mimir.svc.cluster.local:8080/x": true,
		"http://example.com/write":                    false,
		"http://192.0.2.1:9090/write":                 false,
		"http://[2001:db8::1]:9090/write":             false,
		"ftp://example.com/write":                     false,
		"/write":                                      false,
	} {
		cfg := configtest.Config(t, "prometheus: {remoteWrite: [{name: central, url: '"+remote+"'}]}")
		_, _, err := (&Stack{Config: cfg}).prometheusConfig(0)
		assert.Equal(t, allowed, err == nil, "%s: %v", remote, err)
	}
	cfg := configtest.Config(t, "prometheus: {acknowledgeInsecureRemotes: true, remoteWrite: [{name: central, url: 'http://example.com/write'}]}")
	_, _, err := (&Stack{Config: cfg}).prometheusConfig(0)
	require.NoError(t, err)
}

func TestSecretsOfRemotes(t *testing.T) {
	const path = "prometheus.remoteWrite"
	plain := func(option string) string {
		return "in plain text; put it into prometheus.secrets and name its file: " + option
	}
	const identity = "in plain text, and there is no option for its file; have the cloud identify the pods instead: prometheus.serviceAccount"
	_, _, err := (&Stack{Config: configtest.Config(t, `
prometheus:
  secrets: {central: hunter2}
  remoteWrite:
    - {name: a, url: 'https://a', basic_auth: {username: me, password: hunter2}}
    - {name: b, url: 'https://me:hunter2@b'}
    - {name: c, url: 'https://c', sigv4: {region: eu, access_key: me, secret_key: hunter2}}
    - {name: d, url: 'https://d', azuread: {oauth: {client_id: 00000000-0000-0000-0000-000000000000, client_secret: hunter2, tenant_id: 00000000-0000-0000-0000-000000000000}}}
    - {name: e, url: 'https://e', headers: {X-Api-Key: hunter2, X-Scope-OrgID: shop}}
    - {name: f, url: 'https://f', authorization: {credentials_file: /etc/prometheus/secrets/centrall}}`)}).prometheusConfig(0)
	assert.Equal(t, map[string]string{
		path + "[0].basic_auth.password": plain("password_file: /etc/prometheus/secrets/NAME"),
		path + "[1].url": "has a user name or password in its URL, in plain text; put the password into prometheus.secrets and name its file, " +
			"or the whole URL if there is an option for its file: /etc/prometheus/secrets/NAME",
		path + "[2].sigv4.secret_key":               identity,
		path + "[3].azuread.oauth.client_secret":    identity,
		path + "[4].headers.X-Api-Key":              plain("http_headers: {X-Api-Key: {files: [/etc/prometheus/secrets/NAME]}}"),
		path + "[5].authorization.credentials_file": `/etc/prometheus/secrets/centrall: prometheus.secrets has no "centrall"; did you mean "central"?`,
	}, rejected(t, err))
}

// Rules and the dashboard about remotes are those of stacks that have some.
func TestOnlyRemotesAreWatched(t *testing.T) {
	files := func(text string) (found []string) {
		s, err := New(configtest.Config(t, text))
		require.NoError(t, err)
		for _, file := range s.Rules {
			found = append(found, file.Name)
		}
		for _, d := range s.Dashboards {
			found = append(found, d.File)
		}
		return found
	}
	without, with := files(""), files("prometheus: {remoteWrite: [{name: central, url: 'https://example.com'}]}")
	ofAgents := files("prometheus: {remoteWriteReceiver: {enabled: true}}")
	for _, name := range []string{"remote-write.yaml", "remote-write.json"} {
		assert.NotContains(t, without, name)
		assert.Contains(t, with, name)
		assert.Contains(t, ofAgents, name)
	}
}

const agent = "prometheus: {mode: agent, remoteWrite: [{name: central, url: 'https://example.com'}]}\nalerting: {enabled: false}\ngrafana: {enabled: false}"

// An agent has no rules, Alertmanagers or storage of its own, and stores what the rules and dashboards
// of whoever receives its samples need.
func TestAgent(t *testing.T) {
	s, err := New(configtest.Config(t, agent))
	require.NoError(t, err)
	assert.Empty(t, s.Prometheus.RuleFiles)
	assert.Empty(t, s.Prometheus.AlertingConfig.AlertmanagerConfigs)
	assert.NotContains(t, s.PrometheusConfigs[0].Files["prometheus.yml"], "storage:")
	assert.Empty(t, s.PrometheusRules.Files)
	assert.Empty(t, s.Dashboards)
	server, err := New(configtest.Config(t, "prometheus: {remoteWrite: [{name: central, url: 'https://example.com'}]}\nalerting: {enabled: false}"))
	require.NoError(t, err)
	for job, ingest := range s.Ingest {
		assert.Equal(t, server.Ingest[job].Names, ingest.Names, job)
	}
}

func TestReceivers(t *testing.T) {
	file := server(t, configtest.Config(t, `
prometheus:
  remoteWriteReceiver: {enabled: true}
  otlpReceiver: {enabled: true}
  otlp: {promote_resource_attributes: [service.name]}
  tracing: {endpoint: "collector.tracing.svc:4317", insecure: true}
  remoteRead: [{name: archive, url: 'https://example.com/read'}]`))
	assert.Equal(t, []string{"service.name"}, file.OTLPConfig.PromoteResourceAttributes)
	assert.Equal(t, "collector.tracing.svc:4317", file.TracingConfig.Endpoint)
	require.Len(t, file.RemoteReadConfigs, 1)
	assert.Equal(t, (30 * time.Minute).Milliseconds(), file.StorageConfig.TSDBConfig.OutOfOrderTimeWindow, "senders try again")

	file = server(t, configtest.Config(t, "prometheus: {remoteWriteReceiver: {enabled: true}, outOfOrderTimeWindow: 0s}"))
	assert.Zero(t, file.StorageConfig.TSDBConfig.OutOfOrderTimeWindow)
	assert.Zero(t, server(t, configtest.Config(t, "")).StorageConfig.TSDBConfig.OutOfOrderTimeWindow)
}
