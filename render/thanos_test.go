package render

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	relabeling "github.com/prometheus/prometheus/model/relabel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// longTerm returns a stack with long-term storage: of an object store, and with further settings, in
// YAML.
func longTerm(store, further string) string {
	return "longTermStorage: {enabled: true, objectStore: {" + store + "}" + further + "}"
}

const s3 = "type: S3, config: {bucket: blocks, endpoint: s3.example.com}"

// The file that Thanos reads has the options as they are, the secrets among them, and the prefix.
func TestObjectStore(t *testing.T) {
	stack, err := New(configtest.Config(t, longTerm(`type: S3, config: {bucket: blocks, endpoint: s3.example.com, part_size: 134217728, sse_config: {type: SSE-C}},
  secrets: {access_key: me, secret_key: s3cret, "sse_config.encryption_key": /etc/key}`, "")))
	require.NoError(t, err)
	var file map[string]any
	require.NoError(t, yaml.Unmarshal([]byte(stack.Thanos.Bucket.File.Reveal()), &file))
	assert.Equal(t, map[string]any{
		"type": "S3",
		"config": map[string]any{
			"bucket": "blocks", "endpoint": "s3.example.com", "part_size": 134217728, "access_key": "me", "secret_key": "s3cret",
			"sse_config": map[string]any{"type": "SSE-C", "encryption_key": "/etc/key"},
		},
		"prefix": "test/monitoring",
	}, file)
	assert.Equal(t, "s3://blocks/test/monitoring", stack.Thanos.Bucket.Name)
	assert.NotContains(t, fmt.Sprint(stack.Thanos.Bucket), "s3cret")
	assert.NotContains(t, fmt.Sprint(stack.Config.LongTermStorage.ObjectStore.Config), "s3cret", "the config is not changed")

	for store, name := range map[string]string{
		"type: GCS, config: {bucket: blocks}, prefix: all":                      "gcs://blocks/all",
		"type: AZURE, config: {storage_account: me, container: blocks}":         "azure://blocks/test/monitoring",
		"type: FILESYSTEM, config: {directory: /var/thanos/blocks}, claim: nfs": "filesystem://var/thanos/blocks/test/monitoring",
	} {
		stack, err := New(configtest.Config(t, longTerm(store, "")))
		require.NoError(t, err)
		assert.Equal(t, name, stack.Thanos.Bucket.Name)
	}
	stack, err = New(configtest.Config(t, ""))
	require.NoError(t, err)
	assert.Nil(t, stack.Thanos)
}

// A value in an existing Secret is an environment variable, which Thanos puts into the text of the file
// before it parses it, and what it says does not matter to YAML.
func TestObjectStoreOfExistingSecrets(t *testing.T) {
	stack, err := New(configtest.Config(t, longTerm(`type: S3, config: {bucket: blocks, endpoint: s3.example.com, sse_config: {type: SSE-C}},
  secrets: {access_key: me, secret_key: {secret: minio, key: password}, "sse_config.encryption_key": {secret: minio, key: path}}`, "")))
	require.NoError(t, err)
	bucket := stack.Thanos.Bucket
	assert.Equal(t, map[string]config.SecretKey{
		"OBJSTORE_SECRET_KEY":                {Secret: "minio", Key: "password"},
		"OBJSTORE_SSE_CONFIG_ENCRYPTION_KEY": {Secret: "minio", Key: "path"},
	}, bucket.Env)
	for _, value := range []string{"s3cret", "0123", "1e5", `a: #b"\{&*`, "{\n  \"type\": \"service_account\"\n}"} {
		text := strings.ReplaceAll(bucket.File.Reveal(), "$(OBJSTORE_SECRET_KEY)", value)
		var file struct{ Config map[string]any }
		require.NoError(t, yaml.Unmarshal([]byte(text), &file))
		assert.Equal(t, strings.Fields(value), strings.Fields(file.Config["secret_key"].(string)), "but for the line ends of JSON")
		assert.Equal(t, map[string]any{"type": "SSE-C", "encryption_key": "$(OBJSTORE_SSE_CONFIG_ENCRYPTION_KEY)"}, file.Config["sse_config"])
	}

	// What belongs together is known without the values.
	_, err = New(configtest.Config(t, longTerm("type: S3, config: {bucket: a, endpoint: b}, secrets: {access_key: {secret: c, key: d}}", "")))
	require.ErrorContains(t, err, "access_key and secret_key belong together")
}

func TestRejectedObjectStores(t *testing.T) {
	const path = "longTermStorage.objectStore.config"
	for _, test := range []struct{ store, path, message string }{
		{"type: S3, config: {endpoint: b}", path + ".bucket", "missing; it names where the samples are stored"},
		{"type: S3, config: {bucket: a}", path + ".endpoint", "missing; the host of the store, such as s3.eu-central-1.amazonaws.com"},
		{"type: S3, config: {bucket: a, endpoint: 'https://b'}", path + ".endpoint", `"https://b"; allowed: host or host:port, without a scheme`},
		{"type: S3, config: {bucket: a, endpoint: b, acces_key: c}", path, `S3: unknown field "acces_key"`},
		{"type: S3, config: {bucket: a, endpoint: b, insecure: [c]}", path, "S3: cannot unmarshal !!seq into bool"},
		{"type: S3, config: {bucket: a, endpoint: b, access_key: c}, secrets: {secret_key: d}", path + ".access_key",
			"in plain text; move it to longTermStorage.objectStore.secrets with: pulumi config set --secret --path 'kubernetes-prometheus:longTermStorage.objectStore.secrets.access_key'"},
		{"type: S3, config: {bucket: a, endpoint: b, sse_config: {type: SSE-C, encryption_key: c}}", path + ".sse_config.encryption_key",
			`in plain text; move it to longTermStorage.objectStore.secrets with: pulumi config set --secret --path 'kubernetes-prometheus:longTermStorage.objectStore.secrets["sse_config.encryption_key"]'`},
		{"type: S3, config: {bucket: a, endpoint: b}, secrets: {access_key: c}", path, "access_key and secret_key belong together; set both in longTermStorage.objectStore.secrets, or neither"},
		{"type: S3, config: {bucket: a, endpoint: b, aws_sdk_auth: true}, secrets: {access_key: c, secret_key: d}", path + ".aws_sdk_auth",
			"true, and longTermStorage.objectStore.secrets has an access_key; only one of them says who uploads"},
		{"type: S3, config: {bucket: a, endpoint: b, sse_config: {type: KMS}}", path + ".sse_config.type", `"KMS"; allowed: SSE-S3, SSE-KMS, SSE-C`},
		{"type: S3, config: {bucket: a, endpoint: 'b.example.com:9000', insecure: true}", path + ".insecure",
			"true sends samples and credentials to b.example.com:9000 unencrypted; allowed: false, a Service of the cluster such as NAME.NAMESPACE.svc:PORT as endpoint, or any with prometheus.acknowledgeInsecureRemotes: true"},
		{"type: S3, config: {bucket: a, endpoint: b, bucket_lookup_type: dns}", path + ".bucket_lookup_type", `"dns"; allowed: auto, virtual-hosted, path`},
		{"type: GCS", path + ".bucket", "missing; it names where the samples are stored"},
		{"type: GCS, config: {bucket: a, service_account: '{}'}", path + ".service_account",
			"in plain text; move it to longTermStorage.objectStore.secrets with: pulumi config set --secret --path 'kubernetes-prometheus:longTermStorage.objectStore.secrets.service_account'"},
		{"type: AZURE, config: {container: a}", path + ".storage_account", "missing; the name of the storage account"},
		{"type: AZURE, config: {container: a, storage_account: b, client_id: c, az_tenant_id: d}", path,
			"az_tenant_id and client_id belong together, with client_secret in longTermStorage.objectStore.secrets; set all of them, or none"},
		{"type: AZURE, config: {container: a, storage_account: b, user_assigned_id: c}, secrets: {storage_account_key: d}", path + ".user_assigned_id",
			"set besides a key or a client_id; only one of them says who uploads"},
		{"type: AZURE, config: {container: a, storage_account: b, pipeline_config: {try_timeout: 1}}", path, `AZURE: not a valid duration string: "1"`},
		{"type: FILESYSTEM, claim: a, config: {directory: blocks}", path + ".directory", `"blocks"; allowed: a clean absolute path, neither within nor above /thanos, /prometheus, /etc/thanos/config, /etc/prometheus/config`},
		{"type: FILESYSTEM, claim: a, config: {directory: /thanos/blocks}", path + ".directory", `"/thanos/blocks"; allowed: a clean absolute path, neither within nor above /thanos, /prometheus, /etc/thanos/config, /etc/prometheus/config`},
	} {
		_, err := New(configtest.Config(t, longTerm(test.store, "")))
		var problems config.Problems
		require.ErrorAs(t, err, &problems, test.store)
		require.Len(t, problems, 1, test.store)
		assert.Equal(t, test.path, problems[0].Path, test.store)
		assert.Equal(t, test.message, problems[0].Message, test.store)
	}
	_, err := New(configtest.Config(t, longTerm("type: S3, config: {bucket: a, endpoint: 'weed.weed.svc:8333', insecure: true}", "")))
	assert.NoError(t, err, "a Service of the cluster")
}

// Every block is in exactly one partition.
func TestPartitions(t *testing.T) {
	stack, err := New(configtest.Config(t, longTerm(s3, ", storeGateway: {partitions: 3}")))
	require.NoError(t, err)
	require.Len(t, stack.Thanos.Selectors, 3)
	var used [3]int
	for i := range 300 {
		block := labels.FromStrings("__block_id", fmt.Sprintf("01M8G8F4RWWKZPVTFGJ5TS%04d", i))
		selected := 0
		for partition, text := range stack.Thanos.Selectors {
			var rules []*relabeling.Config
			require.NoError(t, yaml.Unmarshal([]byte(text), &rules))
			if relabeling.ProcessBuilder(labels.NewBuilder(block), rules...) {
				used[partition]++
				selected++
			}
		}
		assert.Equal(t, 1, selected)
	}
	for partition, blocks := range used {
		assert.Greater(t, blocks, 60, "partition %d", partition)
	}
	stack, err = New(configtest.Config(t, longTerm(s3, "")))
	require.NoError(t, err)
	assert.Equal(t, []string{""}, stack.Thanos.Selectors)
}

func TestQueryEndpoints(t *testing.T) {
	endpoints := func(further string) string {
		stack, err := New(configtest.Config(t, longTerm(s3, further)))
		require.NoError(t, err)
		return stack.Thanos.Query.Files["endpoints.yaml"]
	}
	assert.Equal(t, `endpoints:
  - address: dnssrv+_grpc._tcp.prometheus-headless.monitoring.svc
  - address: dnssrv+_grpc._tcp.thanos-store-gateway.monitoring.svc
`, endpoints(""))
	assert.Equal(t, `default_client_config:
  tls_config:
    enabled: true
    cert_file: /etc/thanos/tls/tls.crt
    key_file: /etc/thanos/tls/tls.key
    ca_file: /etc/thanos/tls/ca.crt
  server_name: thanos
endpoints:
  - address: dnssrv+_grpc._tcp.prometheus-headless.monitoring.svc
  - address: dnssrv+_grpc._tcp.thanos-store-gateway-0.monitoring.svc
  - address: dnssrv+_grpc._tcp.thanos-store-gateway-1.monitoring.svc
  - address: thanos.shop.example.com:443
    client_config:
      tls_config:
        enabled: true
        cert_file: /etc/thanos/tls/tls.crt
        key_file: /etc/thanos/tls/tls.key
        ca_file: /etc/thanos/tls/ca.crt
      server_name: thanos.shop.example.com
`, endpoints(", tls: {secretName: thanos}, storeGateway: {partitions: 2}, query: {endpoints: ['thanos.shop.example.com:443']}"))
}

// The compactor tells servers apart by the labels of what they upload: no setting replaces the cluster and
// the replica, which is the name of the pod.
func TestUploadedLabels(t *testing.T) {
	stack, err := New(configtest.Config(t, longTerm(s3, "")+"\nprometheus: {replicas: 2, externalLabels: {region: eu}}"))
	require.NoError(t, err)
	var file struct {
		Global struct {
			ExternalLabels map[string]string `yaml:"external_labels"`
		} `yaml:"global"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(stack.PrometheusConfigs[0].Files["prometheus.yml"]), &file))
	assert.Equal(t, map[string]string{"cluster": "test", "replica": "${POD_NAME}", "region": "eu"}, file.Global.ExternalLabels)
}

// Grafana asks the query frontend, with the UID that its dashboards have always had.
func TestDatasourceOfLongTermStorage(t *testing.T) {
	stack, err := New(configtest.Config(t, longTerm(s3, "")))
	require.NoError(t, err)
	assert.Equal(t, "http://thanos-query-frontend.monitoring.svc:10902", stack.Datasources[0].URL)
	assert.Equal(t, "prometheus", stack.Datasources[0].UID)
}

// A sidecar shares its pod with Prometheus, which another job scrapes.
func TestSidecarsAreScraped(t *testing.T) {
	pod := own(t, "prometheus", "{name: web, containerPort: 9090}, {name: sidecar, containerPort: 10902}, {name: grpc, containerPort: 10901}", "10.0.0.1")
	gateway := own(t, "thanos-store-gateway", "{name: web, containerPort: 10902}, {name: grpc, containerPort: 10901}", "10.0.0.2")
	targets := cluster{pod, gateway}.targets(t, configtest.Config(t, longTerm(s3, "")))
	expect(t, targets, config.PrometheusJob, "http://10.0.0.1:9090/metrics container=prometheus endpoint=web namespace=monitoring node=node-1 pod=prometheus-0")
	expect(t, targets, config.ThanosSidecarJob, "http://10.0.0.1:10902/metrics container=prometheus endpoint=sidecar namespace=monitoring node=node-1 pod=prometheus-0")
	expect(t, targets, config.ThanosStoreGatewayJob, "http://10.0.0.2:10902/metrics container=thanos-store-gateway endpoint=web namespace=monitoring node=node-1 pod=thanos-store-gateway-0")
}
