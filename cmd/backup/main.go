// Command backup copies what only the volumes of a stack have into a directory, and back: `make backup STACK=prod TO=dir`
// and `make restore STACK=prod FROM=dir`. It asks the cluster of the stack's kubeconfig context.
//
//	backup [-restore] STACKFILE DIR
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/backup"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func main() {
	restore := flag.Bool("restore", false, "put what is in DIR into the running stack")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, flag.Args(), *restore); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, restore bool) error {
	if len(args) != 2 {
		return fmt.Errorf("backup needs a stack file and a directory, not %d arguments", len(args))
	}
	cfg, err := config.FromFile(args[0])
	if err != nil {
		return err
	}
	started := time.Now()
	report := func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "[%5.1fs] %s\n", time.Since(started).Seconds(), fmt.Sprintf(format, args...))
	}
	for _, unread := range cfg.Unread() {
		report("%s", unread)
	}
	stack, err := backup.Connect(cfg, report)
	if err != nil {
		return err
	}
	if restore {
		return stack.Restore(ctx, args[1])
	}
	return stack.Backup(ctx, args[1])
}
