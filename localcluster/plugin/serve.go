// Package plugin serves a Pulumi plugin to the engine that started it.
package plugin

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"google.golang.org/grpc"
)

// engineCheck is how often a plugin looks whether its engine is still there.
const engineCheck = 5 * time.Second

// Serve runs a plugin until it is told to stop or its engine is gone. register adds the
// plugin's service; engine is the address of the engine's RPC server, the last argument
// on the plugin's command line. The port goes to stdout, where the engine waits for it.
func Serve(register func(srv *grpc.Server, engine string) error) error {
	if len(os.Args) < 2 {
		return fmt.Errorf("usage: %s ENGINE_ADDRESS; the Pulumi CLI starts this plugin", os.Args[0])
	}
	engine := os.Args[len(os.Args)-1]

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := rpcutil.Healthcheck(ctx, engine, engineCheck, stop); err != nil {
		return fmt.Errorf("engine at %s: %w", engine, err)
	}
	cancel := make(chan bool)
	context.AfterFunc(ctx, func() { close(cancel) })

	handle, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{
		Cancel: cancel,
		Init:   func(srv *grpc.Server) error { return register(srv, engine) },
	})
	if err != nil {
		return err
	}
	fmt.Println(handle.Port)
	return <-handle.Done
}
