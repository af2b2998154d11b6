package stacks

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/tests"
)

// Preview is the program as Pulumi runs it, with the raw values of a stack in the RunInfo.
type Preview func(*pulumi.Context, pulumi.RunInfo) error

// run runs the program with the values of a stack, in YAML. The keys grafana and alerting default
// to what makes a stack without them valid.
func (p Preview) run(text string) (*tests.Recorder, error) {
	values, err := configtest.Values(text)
	if err != nil {
		return nil, err
	}
	raw, secretKeys, err := configtest.Raw(values)
	if err != nil {
		return nil, err
	}
	return p.with(raw, secretKeys)
}

// with runs the program with values as Pulumi passes them: by full key, strings or JSON.
func (p Preview) with(raw map[string]string, secretKeys []string) (*tests.Recorder, error) {
	return tests.Run(func(ctx *pulumi.Context) error {
		return p(ctx, pulumi.RunInfo{Config: raw, ConfigSecretKeys: slices.Clone(secretKeys)})
	})
}
