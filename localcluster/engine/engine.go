// Package engine runs the Pulumi CLI for the demo. It keeps a file backend, a passphrase and
// a copy of the project's config in the state directory: nobody has to log in, and the work
// tree does not change.
package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/build"
)

// Engine is the Pulumi CLI with its plugins.
type Engine struct {
	Stack      string // that it deploys
	Root       string // work tree with the project and its program
	Dir        string // directory of the state, the copied config and the plugins
	Kubeconfig string
	Builder    *build.Builder
	// Report prints what the engine does.
	Report func(format string, args ...any)

	cli  string   // path of the pulumi command
	path []string // directories to put before PATH
}

// StackFile returns the name of the file with the config of a stack.
func StackFile(stack string) string { return "Pulumi." + stack + ".yaml" }

// Stacks returns the stacks whose config is in a directory.
func Stacks(dir string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(dir, StackFile("*")))
	if err != nil {
		return nil, err
	}
	var stacks []string
	for _, file := range files {
		stacks = append(stacks, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "Pulumi."), ".yaml"))
	}
	return stacks, nil
}

// Prepare makes the CLI, its plugins, the copy of the project and the stack available. If
// renew is set, it copies the stack's config again, and tries to download the provider if
// it was built here.
func (e *Engine) Prepare(ctx context.Context, renew bool) error {
	for _, dir := range []string{e.home("plugins"), filepath.Join(e.Dir, "state")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := e.findCLI(ctx); err != nil {
		return err
	}
	if err := e.findLanguageHost(ctx); err != nil {
		return err
	}
	if err := e.findProvider(ctx, renew); err != nil {
		return err
	}
	if _, err := ensureRandomText(e.passphrase()); err != nil {
		return err
	}
	if err := e.copyProject(); err != nil {
		return err
	}
	if err := e.copyConfig(renew); err != nil {
		return err
	}
	if err := e.selectStack(ctx); err != nil {
		return err
	}
	return e.setSecrets(ctx)
}

// Set sets a value of the copied config, by path in the project's namespace, such as
// grafana.replicas. Renewing the copy drops it.
func (e *Engine) Set(ctx context.Context, path, value string) error {
	output, err := e.Command(ctx, "config", "set", "--path", config.Project+":"+path, value).CombinedOutput()
	if err != nil {
		return fmt.Errorf("setting %s: %w: %s", path, err, output)
	}
	return nil
}

// ConfigJSON returns the copied config of the stack as JSON, with secrets encrypted.
func (e *Engine) ConfigJSON() (string, error) {
	data, err := os.ReadFile(filepath.Join(e.Dir, StackFile(e.Stack)))
	if err != nil {
		return "", err
	}
	var file struct {
		Config map[string]any `yaml:"config"`
	}
	if err := yaml.Unmarshal(data, &file); err != nil {
		return "", fmt.Errorf("%s: %w", StackFile(e.Stack), err)
	}
	text, err := json.Marshal(file.Config)
	if err != nil {
		return "", fmt.Errorf("%s: %w", StackFile(e.Stack), err)
	}
	return string(text), nil
}

// Command returns the command of the CLI with args and the demo's environment.
func (e *Engine) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, e.cli, args...)
	cmd.Dir = e.Dir
	// A passphrase in the environment would take precedence over the file.
	environ := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PULUMI_CONFIG_PASSPHRASE=") })
	cmd.Env = append(environ,
		"PATH="+strings.Join(append(slices.Clone(e.path), os.Getenv("PATH")), ":"),
		"PULUMI_HOME="+e.home(),
		"PULUMI_BACKEND_URL=file://"+filepath.Join(e.Dir, "state"),
		"PULUMI_CONFIG_PASSPHRASE_FILE="+e.passphrase(),
		"PULUMI_SKIP_UPDATE_CHECK=true",
		"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION=true",
		"KUBECONFIG="+e.Kubeconfig,
		// The setting of the other builds, so that shared packages compile once.
		"CGO_ENABLED=0",
	)
	// When interrupted, the CLI ends its plugins and saves its state.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// findCLI uses pulumi on PATH if there is one, and builds it otherwise.
func (e *Engine) findCLI(ctx context.Context) error {
	e.cli = e.Builder.Path("pulumi")
	if path, err := exec.LookPath("pulumi"); err == nil && path != e.cli {
		e.cli = path
		return nil
	}
	return e.Builder.Ensure(ctx, build.Pulumi)
}

// copyProject copies Pulumi.yaml, and sets main to the directory of the program.
func (e *Engine) copyProject() error {
	data, err := os.ReadFile(filepath.Join(e.Root, "Pulumi.yaml"))
	if err != nil {
		return err
	}
	project := map[string]any{}
	if err := yaml.Unmarshal(data, &project); err != nil {
		return fmt.Errorf("Pulumi.yaml: %w", err)
	}
	project["main"] = e.Root
	if data, err = yaml.Marshal(project); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(e.Dir, "Pulumi.yaml"), data, 0o644)
}

// salt matches the line of a stack's config that belongs to the passphrase.
var salt = regexp.MustCompile(`(?m)^encryptionsalt:.*\n?`)

// copyConfig copies the stack's config, with the salt of an earlier copy. If there is one,
// it does nothing unless renew is set.
func (e *Engine) copyConfig(renew bool) error {
	old, err := os.ReadFile(filepath.Join(e.Dir, StackFile(e.Stack)))
	if err == nil && !renew {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	data, err := os.ReadFile(filepath.Join(e.Root, StackFile(e.Stack)))
	if err != nil {
		return err
	}
	if line := bytes.TrimSpace(salt.Find(old)); len(line) > 0 {
		data = slices.Concat(line, []byte("\n"), salt.ReplaceAll(data, nil))
	}
	return os.WriteFile(filepath.Join(e.Dir, StackFile(e.Stack)), data, 0o600)
}

// selectStack selects the stack, and creates it the first time.
func (e *Engine) selectStack(ctx context.Context) error {
	workspaces := e.home("workspaces") // not empty after a stack was selected
	if entries, err := os.ReadDir(workspaces); err == nil && len(entries) > 0 {
		return nil
	}
	output, err := e.Command(ctx, "stack", "select", "--create", e.Stack).CombinedOutput()
	if err != nil {
		return fmt.Errorf("creating the stack %s: %w: %s", e.Stack, err, output)
	}
	return nil
}

func (e *Engine) home(elem ...string) string {
	return filepath.Join(append([]string{e.Dir, "home"}, elem...)...)
}

func (e *Engine) passphrase() string { return filepath.Join(e.Dir, "passphrase") }
