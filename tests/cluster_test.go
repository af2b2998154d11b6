package tests

import (
	"os"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// cluster deploys the cluster's provider and namespace.
func cluster(t *testing.T, text string) Snapshot {
	t.Helper()
	return Deploy(t, func(ctx *pulumi.Context, stack *render.Stack) error {
		_, err := components.NewCluster(ctx, "cluster", &components.ClusterArgs{Stack: stack})
		return err
	}, configtest.Config(t, text))
}

func TestClusterConnection(t *testing.T) {
	inputs := func(s Snapshot) map[string]any {
		for _, r := range s {
			if r.Type == "pulumi:providers:kubernetes" {
				return r.Inputs.Mappable()
			}
		}
		require.Fail(t, "no provider")
		return nil
	}
	withoutKubeconfig(t)
	provider := inputs(cluster(t, "cluster: {name: test, context: production}"))
	assert.Equal(t, "production", provider["context"])
	assert.Equal(t, "test", provider["clusterIdentifier"])
	// Otherwise an edited ConfigMap would replace every StatefulSet that mounts it.
	assert.Contains(t, []any{true, "true"}, provider["enableConfigMapMutable"])
	assert.Contains(t, []any{true, "true"}, provider["enableSecretMutable"])

	current := inputs(cluster(t, ""))
	assert.NotContains(t, current, "context", "the kubeconfig's current context")
	assert.NotContains(t, current, "kubeconfig")
}

// withoutKubeconfig unsets KUBECONFIG, which the SDK would pass on, for the time of the test.
func withoutKubeconfig(t *testing.T) {
	t.Helper()
	t.Setenv("KUBECONFIG", "")
	require.NoError(t, os.Unsetenv("KUBECONFIG"))
}

// A kubeconfig of the stack is all that the provider connects with, and secret in the state.
func TestKubeconfigOfTheStack(t *testing.T) {
	withoutKubeconfig(t)
	for _, r := range cluster(t, "cluster: {name: test, kubeconfig: hunter2}") {
		if r.Type == "pulumi:providers:kubernetes" {
			assert.Equal(t, "hunter2", r.Inputs["kubeconfig"].StringValue())
			assert.Equal(t, []string{"kubeconfig"}, r.Secrets)
			assert.NotContains(t, r.Inputs, "context")
			return
		}
	}
	require.Fail(t, "no provider")
}

func TestNamespace(t *testing.T) {
	s := cluster(t, "cluster: {name: test, namespace: observability}")
	namespace := Get[*corev1.Namespace](t, s, "observability")
	assert.Equal(t, "privileged", namespace.Labels["pod-security.kubernetes.io/enforce"], "otherwise node-exporter is rejected")
	assert.True(t, s.Of(namespace).Protect, "its deletion would delete the claims")

	s = cluster(t, "storage: {protect: false}")
	assert.False(t, s.Of(Get[*corev1.Namespace](t, s, "monitoring")).Protect)

	assert.Empty(t, cluster(t, "cluster: {name: test, createNamespace: false}").objects())
}

// A namespace that the stack creates exists before what is in it.
func TestNamespaceComesFirst(t *testing.T) {
	s := Deploy(t, func(ctx *pulumi.Context, stack *render.Stack) error {
		cluster, err := components.NewCluster(ctx, "cluster", &components.ClusterArgs{Stack: stack})
		if err != nil {
			return err
		}
		_, err = components.NewDiscovery(ctx, "discovery", &components.DiscoveryArgs{Site: cluster.Site}, pulumi.Provider(cluster.Provider))
		return err
	}, configtest.Config(t, ""))
	depends := s.Of(Get[*corev1.ConfigMap](t, s, "prometheus-config")).Depends
	require.Len(t, depends, 1)
	assert.Contains(t, depends[0], "kubernetes:core/v1:Namespace::cluster-namespace")
}
