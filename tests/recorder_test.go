package tests

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
)

// What an engine would reject fails a run, even though the mocks accept it and the program ignores
// the error.
func TestRunRejects(t *testing.T) {
	component := func(ctx *pulumi.Context, name string, opts ...pulumi.ResourceOption) error {
		return ctx.RegisterComponentResource("test:index:Component", name, &pulumi.ResourceState{}, opts...)
	}
	hooked := func(ctx *pulumi.Context, name, hookName string) error {
		hook, err := ctx.RegisterResourceHook(hookName, func(*pulumi.ResourceHookArgs) error { return nil }, nil)
		if err != nil {
			return err
		}
		return component(ctx, name, pulumi.ResourceHooks(&pulumi.ResourceHookBinding{BeforeUpdate: []*pulumi.ResourceHook{hook}}))
	}
	for name, test := range map[string]struct {
		program pulumi.RunFunc
		want    string
	}{
		"two resources with one name": {func(ctx *pulumi.Context) error {
			_ = component(ctx, "a")
			return component(ctx, "a")
		}, "registered twice: test:index:Component a"},
		"two hooks with one name": {func(ctx *pulumi.Context) error {
			_ = hooked(ctx, "a", "hook")
			return hooked(ctx, "b", "hook")
		}, "b: another hook is also called hook"},
		"a resource of another program": {func(ctx *pulumi.Context) error {
			return ctx.ReadResource("test:index:Resource", "a", pulumi.ID("a"), nil, &pulumi.CustomResourceState{})
		}, "test:index:Resource a is read, which is not mocked"},
		"a function": {func(ctx *pulumi.Context) error {
			_ = ctx.Invoke("test:index:function", nil, &struct{}{})
			return nil
		}, "test:index:function is called, which is not mocked"},
		"an input that cannot be computed": {func(ctx *pulumi.Context) error {
			input := pulumi.String("").ToStringOutput().ApplyT(func(string) (string, error) { return "", assert.AnError })
			return ctx.RegisterResource("test:index:Resource", "a", pulumi.Map{"input": input}, &pulumi.CustomResourceState{})
		}, assert.AnError.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Run(test.program)
			assert.ErrorContains(t, err, test.want)
		})
	}
	recorder, err := Run(func(ctx *pulumi.Context) error {
		_ = hooked(ctx, "a", "first")
		return hooked(ctx, "b", "second")
	})
	assert.NoError(t, err)
	assert.NotNil(t, recorder.Hook("first"))
	assert.Nil(t, recorder.Hook("third"))
}
