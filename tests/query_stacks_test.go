package tests

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// otherStacks implements Pulumi's mocks for a program that reads other stacks: their outputs, by name.
type otherStacks map[string]map[string]any

func (s otherStacks) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	return args.ID, resource.NewPropertyMapFromMap(map[string]any{"name": args.ID, "outputs": s[args.ID]}), nil
}

func (otherStacks) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) { return nil, nil }

func TestQueryStacks(t *testing.T) {
	others := otherStacks{
		"acme/metrics/shop": {"queryEndpoint": "thanos.shop.example.com:443"},
		"acme/metrics/bank": {"namespace": "monitoring"},
		"acme/metrics/odd":  {"queryEndpoint": "https://example.com"},
	}
	read := func(cfg *config.Config) error {
		return pulumi.RunErr(func(ctx *pulumi.Context) error { return components.AddQueryStacks(ctx, cfg) }, pulumi.WithMocks(config.Project, "test", others))
	}
	stack := func(stacks, further string) *config.Config {
		return configtest.Config(t, "longTermStorage: {enabled: true, objectStore: {type: S3, config: {bucket: a, endpoint: b}}, query: {endpoints: ['other.monitoring.svc:1'], stacks: ["+stacks+"]}"+further+"}")
	}

	cfg := stack("acme/metrics/shop", ", tls: {secretName: thanos}")
	require.NoError(t, read(cfg))
	assert.Equal(t, []string{"other.monitoring.svc:1", "thanos.shop.example.com:443"}, cfg.LongTermStorage.Query.Endpoints)

	err := read(stack("acme/metrics/bank, acme/metrics/shop, acme/metrics/odd", ""))
	assert.ErrorContains(t, err, `longTermStorage.query.stacks[0]: "acme/metrics/bank" has no output queryEndpoint; set longTermStorage.query.externalAddress in that stack, and run: pulumi up --stack acme/metrics/bank`)
	assert.ErrorContains(t, err, `longTermStorage.query.stacks[1]: "thanos.shop.example.com:443" would answer unencrypted`)
	assert.ErrorContains(t, err, `longTermStorage.query.stacks[2]: "https://example.com"; allowed: host:port`)
}
