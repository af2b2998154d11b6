package language

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
)

// engineCheck is the interval between checks that the engine is still running.
const engineCheck = 5 * time.Second

// Serve runs the language host until SIGTERM, SIGINT or the end of its engine. The address of
// the engine's RPC server is the last argument of the command line. Serve prints the host's
// port to standard output, from which the engine reads it.
func Serve() error {
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
		Init: func(srv *grpc.Server) error {
			pulumirpc.RegisterLanguageRuntimeServer(srv, NewHost(engine))
			return nil
		},
	})
	if err != nil {
		return err
	}
	fmt.Println(handle.Port)
	return <-handle.Done
}
