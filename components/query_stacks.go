package components

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// AddQueryStacks reads the output config.QueryEndpoint of the stacks of longTermStorage.query.stacks, and adds it to the
// endpoints that the config queries. The error is config.Problems if a stack does not have it.
func AddQueryStacks(ctx *pulumi.Context, cfg *config.Config) error {
	if !cfg.LongTermStorage.Enabled {
		return nil
	}
	var problems config.Problems
	for i, name := range cfg.LongTermStorage.Query.Stacks {
		path := fmt.Sprintf("longTermStorage.query.stacks[%d]", i)
		stack, err := pulumi.NewStackReference(ctx, name, nil)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		output, err := stack.GetOutputDetails(config.QueryEndpoint)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		endpoint, ok := output.Value.(string)
		if !ok {
			problems.Addf(path, "%q has no output %s; set longTermStorage.query.externalAddress in that stack, and run: pulumi up --stack %[1]s", name, config.QueryEndpoint)
			continue
		}
		problems.Add(cfg.AddEndpoint(path, endpoint)...)
	}
	return problems.Err()
}
