package review

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
)

// Resources builds the program of a work tree and returns the resources that it
// registers for a stack. It returns none if the tree does not have the stack.
func Resources(ctx context.Context, tree, stack string) ([]offline.Resource, error) {
	if _, err := os.Stat(filepath.Join(tree, "Pulumi."+stack+".yaml")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	// The next preview uses the same binary.
	binary, err := filepath.Abs(filepath.Join(tree, ".local", "bin", "kubernetes-prometheus"))
	if err != nil {
		return nil, err
	}
	if _, err := run(ctx, tree, "go", "build", "-o", binary, "."); err != nil {
		return nil, err
	}
	engine := &offline.Engine{}
	if err := engine.Program(ctx, tree, binary, stack); err != nil {
		return nil, err
	}
	return engine.Resources()
}

// Base checks out the merge base of HEAD and ref, and returns its work tree and commit.
// The tree is always in the same directory, so that the next build reuses the last.
func Base(ctx context.Context, repository, ref string) (tree, commit string, err error) {
	if commit, err = run(ctx, repository, "git", "merge-base", ref, "HEAD"); err != nil {
		return "", "", fmt.Errorf("BASE=%s: %w", ref, err)
	}
	tree = filepath.Join(repository, ".local", "review", "base")
	if _, err := os.Stat(filepath.Join(tree, ".git")); err == nil {
		_, err = run(ctx, tree, "git", "checkout", "--quiet", "--force", "--detach", commit)
		return tree, commit, err
	}
	_, err = run(ctx, repository, "git", "worktree", "add", "--quiet", "--force", "--detach", tree, commit)
	return tree, commit, err
}

// run returns the output of a command. Its error contains what the command prints to
// standard error.
func run(ctx context.Context, dir string, name string, args ...string) (string, error) {
	var stdout, stderr strings.Builder
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Stdout, command.Stderr = dir, &stdout, &stderr
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(command.Args, " "), err, stderr.String())
	}
	return strings.TrimSpace(stdout.String()), nil
}
