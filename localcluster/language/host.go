// Package language is the demo's language host for Go: it builds and runs a Pulumi program.
// It replaces the official pulumi-language-go where that cannot be downloaded.
package language

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/constant"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// stopGrace is the time between SIGTERM and SIGKILL for a cancelled program.
const stopGrace = 5 * time.Second

// Host implements the requests of Pulumi's engine that the demo needs. Code generation,
// packing and plugins written in Go are not implemented.
type Host struct {
	pulumirpc.UnimplementedLanguageRuntimeServer

	engine string // address of the engine's RPC server, for the program

	cancelled context.Context
	cancel    context.CancelFunc
	announce  sync.Once
}

// NewHost returns a host for the engine at an address.
func NewHost(engine string) *Host {
	h := &Host{engine: engine}
	h.cancelled, h.cancel = context.WithCancel(context.Background())
	return h
}

// Handshake sets the address of the engine.
func (h *Host) Handshake(
	_ context.Context, req *pulumirpc.LanguageHandshakeRequest,
) (*pulumirpc.LanguageHandshakeResponse, error) {
	h.engine = req.GetEngineAddress()
	return &pulumirpc.LanguageHandshakeResponse{}, nil
}

// GetPluginInfo reports the version of the SDK that the host is built on.
func (h *Host) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	resp := &pulumirpc.PluginInfo{}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, dep := range build.Deps {
			if dep.Path == "github.com/pulumi/pulumi/sdk/v3" {
				resp.Version = dep.Version
			}
		}
	}
	return resp, nil
}

// Cancel ends the running program.
func (h *Host) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	h.cancel()
	return &emptypb.Empty{}, nil
}

// GetRequiredPackages returns the resource plugins of the modules that the program requires.
func (h *Host) GetRequiredPackages(
	ctx context.Context, req *pulumirpc.GetRequiredPackagesRequest,
) (*pulumirpc.GetRequiredPackagesResponse, error) {
	packages, err := requiredPackages(ctx, req.GetInfo().GetProgramDirectory())
	if err != nil {
		return nil, fmt.Errorf("plugins required by %s: %w", req.GetInfo().GetProgramDirectory(), err)
	}
	return &pulumirpc.GetRequiredPackagesResponse{Packages: packages}, nil
}

// GetProgramDependencies returns the modules in the program's go.mod, for `pulumi about`.
func (h *Host) GetProgramDependencies(
	ctx context.Context, req *pulumirpc.GetProgramDependenciesRequest,
) (*pulumirpc.GetProgramDependenciesResponse, error) {
	mod, err := readModule(ctx, req.GetInfo().GetProgramDirectory())
	if err != nil {
		return nil, err
	}
	resp := &pulumirpc.GetProgramDependenciesResponse{}
	for _, r := range mod.Require {
		if !r.Indirect || req.GetTransitiveDependencies() {
			resp.Dependencies = append(resp.Dependencies, &pulumirpc.DependencyInfo{Name: r.Mod.Path, Version: r.Mod.Version})
		}
	}
	return resp, nil
}

// About returns the path and the version of the go command, for `pulumi about`.
func (h *Host) About(ctx context.Context, _ *pulumirpc.AboutRequest) (*pulumirpc.AboutResponse, error) {
	path, err := exec.LookPath("go")
	if err != nil {
		return nil, err
	}
	out, err := exec.CommandContext(ctx, path, "version").Output()
	if err != nil {
		return nil, fmt.Errorf("go version: %w", err)
	}
	return &pulumirpc.AboutResponse{Executable: path, Version: strings.TrimSpace(string(out))}, nil
}

// InstallDependencies downloads the program's modules. Unlike the official host, it does
// not change go.mod.
func (h *Host) InstallDependencies(
	req *pulumirpc.InstallDependenciesRequest, stream pulumirpc.LanguageRuntime_InstallDependenciesServer,
) error {
	closer, stdout, stderr, err := rpcutil.MakeInstallDependenciesStreams(stream, req.GetIsTerminal())
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(stream.Context(), "go", "mod", "download")
	cmd.Dir = req.GetInfo().GetProgramDirectory()
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Run(); err != nil {
		return errors.Join(fmt.Errorf("go mod download in %s: %w", cmd.Dir, err), closer.Close())
	}
	return closer.Close()
}

// Run builds the program, unless the project has the option binary, and runs it. The output
// of both goes to the streams of this process, which the engine logs.
func (h *Host) Run(ctx context.Context, req *pulumirpc.RunRequest) (*pulumirpc.RunResponse, error) {
	h.announce.Do(func() {
		fmt.Fprintln(os.Stderr, "This pulumi-language-go is a stand-in for `make demo`, not the official plugin: do not use it in production.")
	})
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(h.cancelled, stop)()
	defer recordUsage(time.Now())

	opts, err := parseOptions(req.GetInfo().GetOptions().AsMap())
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	env, err := h.environment(req)
	if err != nil {
		return nil, err
	}

	bin := opts.binary
	if bin != "" {
		bin = resolve(req.GetInfo().GetProgramDirectory(), bin)
	} else {
		var cleanup func()
		if bin, cleanup, err = build(ctx, req.GetInfo().GetProgramDirectory(), opts.buildTarget); err != nil {
			return nil, err
		}
		defer cleanup()
	}

	cmd := exec.CommandContext(ctx, bin)
	cmd.Dir, cmd.Env = req.GetPwd(), env
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	return outcome(cmd.Run()), nil
}

// recordUsage appends the wall and CPU seconds of building and running the program to the
// file in LANGUAGE_GO_USAGE, which benchmarks set.
func recordUsage(started time.Time) {
	path := os.Getenv("LANGUAGE_GO_USAGE")
	if path == "" {
		return
	}
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage); err != nil {
		return
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return
	}
	defer file.Close()
	cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	fmt.Fprintf(file, "%.3f %.3f\n", time.Since(started).Seconds(), cpu.Seconds())
}

// outcome returns the response for the error of a program. After exit code 32 it has none,
// since the program has logged its error to the engine.
func outcome(err error) *pulumirpc.RunResponse {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return &pulumirpc.RunResponse{}
	case errors.As(err, &exit) && exit.ExitCode() == constant.ExitStatusLoggedError:
		return &pulumirpc.RunResponse{Bail: true}
	case errors.As(err, &exit) && exit.ExitCode() > 0:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("program exited with code %d", exit.ExitCode())}
	default:
		return &pulumirpc.RunResponse{Error: fmt.Sprintf("program: %v", err)}
	}
}

// options holds runtime.options of Pulumi.yaml.
type options struct {
	binary      string // program to run instead of building one
	buildTarget string // path of the built program, which is linked only when it changes
}

func parseOptions(raw map[string]any) (options, error) {
	var o options
	for key, dst := range map[string]*string{"binary": &o.binary, "buildTarget": &o.buildTarget} {
		v, ok := raw[key]
		if !ok {
			continue
		}
		s, ok := v.(string)
		if !ok {
			return o, fmt.Errorf("runtime.options.%s: %v is not a path", key, v)
		}
		*dst = s
	}
	if o.binary != "" && o.buildTarget != "" {
		return o, errors.New("runtime.options: binary and buildTarget exclude each other")
	}
	return o, nil
}

// build compiles the program in dir to target, or to a temporary file that cleanup removes
// if target is empty.
func build(ctx context.Context, dir, target string) (bin string, cleanup func(), err error) {
	cleanup = func() {}
	if target == "" {
		tmp, err := os.MkdirTemp("", "pulumi-go-")
		if err != nil {
			return "", nil, err
		}
		cleanup = func() { _ = os.RemoveAll(tmp) }
		target = filepath.Join(tmp, "program")
	}
	bin = resolve(dir, target)
	cmd := exec.CommandContext(ctx, "go", "build", "-o", bin, ".")
	cmd.Dir, cmd.Env = dir, buildEnv(os.Environ())
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		cleanup()
		return "", nil, fmt.Errorf("go build in %s: %w", dir, err)
	}
	return bin, cleanup, nil
}

// buildEnv adds the settings of the demo's other builds, so that shared packages compile
// once.
func buildEnv(env []string) []string {
	return append(slices.Clone(env), "CGO_ENABLED=0", "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -buildvcs=false"))
}

// environment returns the variables with which the program runs; the Pulumi SDK reads them.
func (h *Host) environment(req *pulumirpc.RunRequest) ([]string, error) {
	config, err := json.Marshal(req.GetConfig())
	if err != nil {
		return nil, err
	}
	secretKeys, err := json.Marshal(append([]string{}, req.GetConfigSecretKeys()...))
	if err != nil {
		return nil, err
	}
	run := map[string]string{
		pulumi.EnvOrganization:        req.GetOrganization(),
		pulumi.EnvProject:             req.GetProject(),
		pulumi.EnvStack:               req.GetStack(),
		pulumi.EnvPulumiRootDirectory: req.GetInfo().GetRootDirectory(),
		pulumi.EnvConfig:              string(config),
		pulumi.EnvConfigSecretKeys:    string(secretKeys),
		pulumi.EnvDryRun:              strconv.FormatBool(req.GetDryRun()),
		pulumi.EnvParallel:            strconv.Itoa(int(req.GetParallel())),
		pulumi.EnvMonitor:             req.GetMonitorAddress(),
		pulumi.EnvEngine:              h.engine,
	}
	env := os.Environ()
	for _, k := range slices.Sorted(maps.Keys(run)) {
		env = append(env, k+"="+run[k])
	}
	return env, nil
}

// resolve returns path as an absolute path; a relative one is in dir.
func resolve(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}
