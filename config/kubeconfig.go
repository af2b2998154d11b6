package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// KubeconfigFrom names an output of another stack, such as the one that creates the cluster.
type KubeconfigFrom struct {
	// Stack with the output, organization/project/stack; empty for none.
	Stack string `json:"stack"`
	// Name of the output, whose value is the text of a kubeconfig, or a kubeconfig as an object.
	Output string `json:"output"`
}

// SetKubeconfig sets cluster.kubeconfig to the value of an output that cluster.kubeconfigFrom names: the text of a
// kubeconfig, or an object, which is one in JSON.
func (c *Config) SetKubeconfig(value any) Problems {
	const path = "cluster.kubeconfigFrom.output"
	var p Problems
	object, isObject := value.(map[string]any)
	if isObject && !isEncrypted(value) {
		text, err := json.Marshal(object)
		if err != nil {
			p.Addf(path, "the output is not a kubeconfig: %v", err)
			return p
		}
		value = string(text)
	}
	if text, ok := value.(string); !isEncrypted(value) && (!ok || text == "") {
		p.Addf(path, "stack %q has no kubeconfig in its output %q; allowed: an output with the text of a kubeconfig, or with a kubeconfig as an object",
			c.Cluster.KubeconfigFrom.Stack, c.Cluster.KubeconfigFrom.Output)
		return p
	}
	c.Cluster.Kubeconfig = &Secret{}
	d := decoder{isPlaintext: func(string) bool { return false }}
	d.secret(path, value, c.Cluster.Kubeconfig)
	return d.problems
}

// validateKubeconfig rejects a second way to the cluster, and an output of no stack.
func (c Cluster) validateKubeconfig() Problems {
	var p Problems
	var given []string
	for _, way := range waysToCluster {
		if way.set(c) {
			given = append(given, way.path)
		}
	}
	if len(given) > 1 {
		last := len(given) - 1
		p.Addf(given[last], "is set beside %s; keep one: a context of the kubeconfig that whoever runs Pulumi has, or a kubeconfig of the stack itself",
			strings.Join(given[:last], " and "))
	}
	if c.Kubeconfig != nil && c.Kubeconfig.existing != nil {
		p.Addf("cluster.kubeconfig", "is in an existing Secret, which cannot be read without it; set the text itself with: %s", SecretCommand("cluster.kubeconfig"))
	}
	if from := c.KubeconfigFrom; from != defaultCluster().KubeconfigFrom {
		const stack = "cluster.kubeconfigFrom.stack"
		if from.Stack == "" {
			p.Addf(stack, "missing; allowed: organization/project/stack")
		} else {
			p.invalidStack(stack, from.Stack)
		}
		if from.Output == "" {
			p.Addf("cluster.kubeconfigFrom.output", "missing; the name of an output of that stack")
		}
	}
	return p
}

// invalidStack appends a Problem if name is not the full name of a stack.
func (p *Problems) invalidStack(path, name string) {
	if names := strings.Split(name, "/"); len(names) != 3 || slices.Contains(names, "") {
		p.Addf(path, "%q; allowed: organization/project/stack", name)
	}
}

// waysToCluster lists the settings that say which cluster it is.
var waysToCluster = []wayToCluster{
	{"cluster.context", func(c Cluster) bool { return c.Context != "" }},
	{"cluster.kubeconfig", func(c Cluster) bool { return c.Kubeconfig != nil }},
	{"cluster.kubeconfigFrom", func(c Cluster) bool { return c.KubeconfigFrom != defaultCluster().KubeconfigFrom }},
}

type wayToCluster struct {
	path string
	set  func(Cluster) bool
}

// unconnected reports whether nothing says which cluster it is.
func (c Cluster) unconnected() bool {
	return c.Context == "" && c.Kubeconfig == nil && c.KubeconfigFrom.Stack == ""
}

// NeedsKubeconfig returns an error if the stack has a kubeconfig of its own, or may have one or a context in an environment
// of Pulumi, and environment, the value of KUBECONFIG, is empty. Commands that read no more than the stack's file would
// connect to another cluster.
func (c *Config) NeedsKubeconfig(environment string) error {
	command := ""
	switch from := c.Cluster.KubeconfigFrom; {
	case environment != "":
		return nil
	case c.elsewhere:
		return fmt.Errorf("which cluster the stack connects to may be in its environment, which is not read here; set KUBECONFIG to a file whose current context is that cluster")
	case c.Cluster.Kubeconfig != nil:
		command = fmt.Sprintf("pulumi config get --stack STACK --path '%s:cluster.kubeconfig'", Project)
	case from.Stack != "":
		command = fmt.Sprintf("pulumi stack output --stack %s --show-secrets %s", from.Stack, from.Output)
	default:
		return nil
	}
	return fmt.Errorf("the stack has a kubeconfig of its own, which is not read here; write it to a file, and set KUBECONFIG to that file: %s", command)
}
