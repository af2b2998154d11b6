package offline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// Program runs a program in dir with the config of a stack, from Pulumi.STACK.yaml in dir.
// It does not decrypt secrets: the program gets them as in the file, and a placeholder for
// each required secret that the file lacks, and for each output of another stack that the config
// names. It has no kubeconfig, so it asks no cluster for the
// Secrets that the stack names. It returns the errors that the program logged.
func (e *Engine) Program(ctx context.Context, dir, binary, stack string) error {
	file := filepath.Join(dir, "Pulumi."+stack+".yaml")
	values, err := stackConfig(file)
	if err != nil {
		return err
	}
	e.stacks = otherStacks(file)
	secretKeys := []string{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if strings.Contains(values[key], encryptedKey) {
			secretKeys = append(secretKeys, key)
		}
	}
	configJSON, err := json.Marshal(values)
	if err != nil {
		return err
	}
	secretKeysJSON, err := json.Marshal(secretKeys)
	if err != nil {
		return err
	}
	address, stop, err := e.serve()
	if err != nil {
		return err
	}
	defer stop()

	program := exec.CommandContext(ctx, binary)
	program.Dir = dir
	program.Env = append(os.Environ(),
		"KUBECONFIG="+os.DevNull,
		"KUBERNETES_SERVICE_HOST=", // nor that of the cluster whose pod this is
		pulumi.EnvProject+"="+config.Project,
		pulumi.EnvStack+"="+stack,
		pulumi.EnvMonitor+"="+address,
		pulumi.EnvEngine+"="+address,
		pulumi.EnvDryRun+"=false",
		pulumi.EnvConfig+"="+string(configJSON),
		pulumi.EnvConfigSecretKeys+"="+string(secretKeysJSON),
	)
	output, err := program.CombinedOutput()
	if err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		if len(e.errors) > 0 {
			return errors.New(strings.Join(e.errors, "\n"))
		}
		return fmt.Errorf("%s: %w\n%s", binary, err, output)
	}
	return nil
}

// encryptedKey is how a stack file marks an encrypted value.
const encryptedKey = `"secure":`

var encrypted = resource.NewProperty(resource.PropertyMap{"secure": resource.NewProperty("missing")})

// otherStacks returns placeholders for the outputs of other stacks that a stack file names; none if the program
// will reject the file.
func otherStacks(file string) map[string]map[string]any {
	cfg, err := config.FromFile(file)
	if err != nil {
		return nil
	}
	stacks := map[string]map[string]any{}
	for _, stack := range cfg.LongTermStorage.Query.Stacks {
		// An address that needs no certificate, as the stack might have none.
		stacks[stack] = map[string]any{config.QueryEndpoint: strings.ReplaceAll(stack, "/", ".") + ".svc:10901"}
	}
	if from := cfg.Cluster.KubeconfigFrom; from.Stack != "" {
		if stacks[from.Stack] == nil {
			stacks[from.Stack] = map[string]any{}
		}
		stacks[from.Stack][from.Output] = encrypted.Mappable()
	}
	return stacks
}

// stackConfig returns the config of a stack file, with what it says of environments, as the engine passes it to the program:
// strings as they are, other values as JSON.
func stackConfig(file string) (map[string]string, error) {
	inFile, err := config.FileValues(file)
	if err != nil {
		return nil, err
	}
	missing, err := config.MissingSecrets(file)
	if err != nil {
		return nil, err
	}
	// Through JSON, since YAML has more types.
	values := map[string]any{}
	inJSON, err := json.Marshal(inFile)
	if err == nil {
		err = json.Unmarshal(inJSON, &values)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	all := resource.NewProperty(resource.NewPropertyMapFromMap(values))
	for _, name := range missing {
		path, err := resource.ParsePropertyPath(config.Project + "." + name)
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, name, err)
		}
		key := fmt.Sprintf("%s:%s", path[0], path[1])
		added, ok := append(resource.PropertyPath{key}, path[2:]...).Add(all, encrypted)
		if !ok {
			return nil, fmt.Errorf("%s: cannot set the secret %s", file, name)
		}
		all = added
	}
	raw := map[string]string{}
	for key, value := range all.ObjectValue() {
		if value.IsString() {
			raw[string(key)] = value.StringValue()
			continue
		}
		text, err := json.Marshal(value.Mappable())
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", file, key, err)
		}
		raw[string(key)] = string(text)
	}
	return raw, nil
}
