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
		output, err := outputOf(ctx, path, name, name, config.QueryEndpoint)
		if err != nil {
			return err
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

// outputOf reads an output of another stack, for the setting at a config path. reference is the name of the resource with
// which Pulumi reads it.
func outputOf(ctx *pulumi.Context, path, reference, stack, output string) (*pulumi.StackReferenceOutputDetails, error) {
	other, err := pulumi.NewStackReference(ctx, reference, &pulumi.StackReferenceArgs{Name: pulumi.String(stack)})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	details, err := other.GetOutputDetails(output)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return details, nil
}
