package tests

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// constructor creates a component with args, which may be nil.
type constructor func(ctx *pulumi.Context, name string) error

func of[Args, Component any](construct func(*pulumi.Context, string, *Args, ...pulumi.ResourceOption) (*Component, error), args *Args) constructor {
	return func(ctx *pulumi.Context, name string) error {
		_, err := construct(ctx, name, args)
		return err
	}
}

// Every component rejects args that it cannot be built from, and registers nothing.
func TestArgs(t *testing.T) {
	stack, err := render.New(configtest.Config(t, ""))
	require.NoError(t, err)
	longTerm, err := render.New(configtest.Config(t, "longTermStorage: {enabled: true, objectStore: {type: GCS, config: {bucket: blocks}}}"))
	require.NoError(t, err)
	for name, construct := range map[string]constructor{
		"cluster":    of(components.NewCluster, nil),
		"storage":    of(components.NewStorage, nil),
		"discovery":  of(components.NewDiscovery, nil),
		"rules":      of(components.NewRules, nil),
		"server":     of(components.NewPrometheus, nil),
		"manager":    of(components.NewAlertmanager, nil),
		"grafana":    of(components.NewGrafana, nil),
		"import":     of(components.NewGrafanaImport, nil),
		"nodes":      of(components.NewNodeExporter, nil),
		"sizes":      of(components.NewNodeDirectorySizeMetrics, nil),
		"state":      of(components.NewKubeStateMetrics, nil),
		"probes":     of(components.NewBlackboxExporter, nil),
		"bucket":     of(components.NewObjectStore, nil),
		"certs":      of(components.NewCertificate, nil),
		"no issuer":  of(components.NewCertificate, &components.CertificateArgs{Site: site(stack), SecretName: "a", Hosts: []string{"b"}}),
		"login":      of(components.NewBasicLogin, nil),
		"no login":   of(components.NewBasicLogin, &components.BasicLoginArgs{Site: site(stack)}),
		"tls":        of(components.NewTLS, nil),
		"no tls":     of(components.NewTLS, &components.TLSArgs{Site: site(stack)}),
		"gateway":    of(components.NewThanosStoreGateway, nil),
		"compactor":  of(components.NewThanosCompactor, nil),
		"query":      of(components.NewThanosQuery, nil),
		"frontend":   of(components.NewThanosQueryFrontend, nil),
		"proxy":      of(components.NewOAuth2Proxy, nil),
		"no proxy":   of(components.NewOAuth2Proxy, &components.OAuth2ProxyArgs{Site: site(stack)}),
		"no bucket":  of(components.NewObjectStore, &components.ObjectStoreArgs{Site: site(stack)}),
		"no Thanos":  of(components.NewThanosQuery, &components.ThanosQueryArgs{Site: site(stack)}),
		"no store":   of(components.NewThanosCompactor, &components.ThanosCompactorArgs{Site: site(longTerm)}),
		"partition":  of(components.NewThanosStoreGateway, &components.ThanosStoreGatewayArgs{Site: site(longTerm), Store: &components.ObjectStore{}, Partition: 1}),
		"no uploads": of(components.NewPrometheus, &components.PrometheusArgs{Site: site(longTerm), ConfigMap: "a", Rules: "b"}),
		"no stack":   of(components.NewCluster, &components.ClusterArgs{}),
		"no site":    of(components.NewPrometheus, &components.PrometheusArgs{}),
		"no files":   of(components.NewPrometheus, &components.PrometheusArgs{Site: site(stack)}),
		"no Grafana": of(components.NewGrafanaImport, &components.GrafanaImportArgs{Site: site(stack)}),
		"no storage": of(components.NewStorage, &components.StorageArgs{}),
	} {
		t.Run(name, func(t *testing.T) {
			recorder, err := Run(func(ctx *pulumi.Context) error { return construct(ctx, name) })
			require.ErrorContains(t, err, name+": ")
			assert.Empty(t, recorder.Snapshot(t))
		})
	}
}

// What a component is built from is in its state.
func TestInputs(t *testing.T) {
	s := Component(t, configtest.Config(t, "prometheus: {replicas: 2, retention: 30d}"), prometheus)
	inputs := map[string]map[string]any{}
	for _, r := range s {
		if kind, ok := strings.CutPrefix(r.Type, "kubernetes-prometheus:components:"); ok {
			inputs[kind] = r.Inputs.Mappable()
		}
	}
	assert.Equal(t, map[string]map[string]any{
		"Storage":    {"mode": "dynamic", "replicas": 2.0},
		"Prometheus": {"image": "quay.io/prometheus/prometheus:v3.16.0", "replicas": 2.0, "retention": "30d", "retentionSize": "40Gi"},
	}, inputs)
}
