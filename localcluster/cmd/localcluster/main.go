// Command localcluster runs the demo: a single-node Kubernetes cluster in Linux namespaces
// of its own, and the Pulumi engine.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/localcluster/node"
)

const usage = `usage: localcluster COMMAND

  up           start the node and load the images of the stack
  down         stop the node, or without STACK every node; its data remains in .local
  status       show whether the node runs and which of its parts failed
  demo         up, then pulumi up of the stack
  pulumi ARGS  run the pulumi CLI with the demo's environment
  build NAMES  build programs into .local/bin, such as prometheus
  exec CMD     run a command on the node, as ssh would on a real one
  stop PART    kill a part of the node, such as kubelet
  start PART   start it again

The stack is dev, or the one that the environment variable STACK names. Each stack has a node of its own.`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "localcluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	if args[0] == initCommand && len(args) == 3 {
		return node.Init(node.Dir{State: args[1], Bin: args[2]})
	}
	d, err := newDemo()
	if err != nil {
		return err
	}
	switch command, args := args[0], args[1:]; command {
	case "up":
		return d.up(ctx)
	case "down":
		return d.down(ctx)
	case "status":
		return d.status(ctx)
	case "demo":
		return d.deploy(ctx)
	case "pulumi":
		return d.pulumi(ctx, args)
	case "build":
		return d.build(ctx, args)
	case "exec":
		return d.exec(args)
	case "stop":
		return d.setPart(args, false)
	case "start":
		return d.setPart(args, true)
	default:
		return fmt.Errorf("unknown command %q\n%s", command, usage)
	}
}
