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

// Resources builds the program of a work tree and returns what it registers for
// one of the tree's stacks. A tree that does not have the stack has none.
func Resources(ctx context.Context, tree, stack string) ([]offline.Resource, error) {
	if _, err := os.Stat(filepath.Join(tree, "Pulumi."+stack+".yaml")); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	// Where Pulumi.yaml has it built, so that the next preview finds it.
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

// Base checks out the commit at which a change began, the last that HEAD and
// ref have in common, and returns the work tree. It is at the same place each
// time, so that the next build finds what it compiled.
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

// run returns what a command prints, and has what it complains about in its error.
func run(ctx context.Context, dir string, name string, args ...string) (string, error) {
	var output, complaints strings.Builder
	command := exec.CommandContext(ctx, name, args...)
	command.Dir, command.Stdout, command.Stderr = dir, &output, &complaints
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s", strings.Join(command.Args, " "), err, complaints.String())
	}
	return strings.TrimSpace(output.String()), nil
}
