// Command review renders a stack, and describes what a change does to it:
//
//	review render STACK DIR    write all objects as YAML to DIR, secrets redacted
//	review diff STACK BASE     print the changes since the git ref BASE as Markdown
//
// It runs in the work tree, and needs no cluster, no engine and no decrypted secrets.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	stacks "github.com/kubernetes-prometheus/kubernetes-prometheus/render"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/review"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "review:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: review render STACK DIR | review diff STACK BASE")
	}
	project, err := os.Getwd()
	if err != nil {
		return err
	}
	if err := os.Setenv(config.ProjectDirVariable, project); err != nil { // also for the program of the base
		return err
	}
	warn(os.Stderr, args[1])
	switch command, stack, argument := args[0], args[1], args[2]; command {
	case "render":
		return render(ctx, stack, argument)
	case "diff":
		return diff(ctx, stack, argument)
	default:
		return fmt.Errorf("unknown %q; allowed: render, diff", command)
	}
}

// warn says what the file of a stack does not have of its environment.
func warn(out io.Writer, stack string) {
	file := "Pulumi." + stack + ".yaml"
	cfg, err := config.FromFile(file)
	if err != nil { // the program will say so
		return
	}
	for _, unread := range cfg.Unread() {
		fmt.Fprintf(out, "%s: warning: %s\n", file, unread)
	}
}

func render(ctx context.Context, stack, dir string) error {
	if err := checkExists(stack); err != nil {
		return err
	}
	resources, err := review.Resources(ctx, ".", stack)
	if err != nil {
		return err
	}
	manifests, err := review.Manifests(stack, resources)
	if err != nil {
		return err
	}
	return review.WriteManifests(dir, manifests)
}

// checkExists returns an error with the existing stack files if a stack has none.
func checkExists(stack string) error {
	file := "Pulumi." + stack + ".yaml"
	if _, err := os.Stat(file); err != nil {
		stacks, _ := filepath.Glob("Pulumi.*.yaml")
		return fmt.Errorf("STACK=%s: %w; there are %v", stack, err, stacks)
	}
	return nil
}

func diff(ctx context.Context, stack, ref string) error {
	if err := checkExists(stack); err != nil {
		return err
	}
	base, commit, err := review.Base(ctx, ".", ref)
	if err != nil {
		return err
	}
	before, err := review.Resources(ctx, base, stack)
	if err != nil {
		return fmt.Errorf("%s, before the change: %w", commit, err)
	}
	after, err := review.Resources(ctx, ".", stack)
	if err != nil {
		return err
	}
	report, err := review.Compare(stack, before, after)
	if err != nil {
		return err
	}
	file := "Pulumi." + stack + ".yaml"
	report.Sections = append(report.Sections, review.Series(estimate(filepath.Join(base, file)), estimate(file)))
	_, err = fmt.Print(report.Markdown())
	return err
}

// estimate returns zero for a stack that does not have the size of its cluster, and for a
// file that this version of the program cannot read or render.
func estimate(file string) check.Estimate {
	cfg, err := config.FromFile(file)
	if err != nil || cfg.Cluster.Nodes == 0 {
		return check.Estimate{}
	}
	rendered, err := stacks.New(cfg)
	if err != nil {
		return check.Estimate{}
	}
	e, _ := check.EstimateOf(check.Analyse(rendered))
	return e
}
