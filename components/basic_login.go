package components

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// BasicLogin holds what programs need that ask for a user name and a password, and those that log in to them: a
// Secret. Pods that mount it wait until it is there.
type BasicLogin struct{ pulumi.ResourceState }

// BasicLoginArgs configures a BasicLogin.
type BasicLoginArgs struct{ Site }

// NewBasicLogin creates the Secret.
func NewBasicLogin(ctx *pulumi.Context, name string, args *BasicLoginArgs, opts ...pulumi.ResourceOption) (*BasicLogin, error) {
	a := app{name: config.BasicLoginSecret, role: "login"}
	return construct(ctx, "BasicLogin", name, &BasicLogin{}, args, opts, a, func(a app) (pulumi.Map, error) {
		_, err := a.secret("secret", config.BasicLoginSecret, a.Stack.BasicLogin)
		return pulumi.Map{}, err
	})
}

func (args *BasicLoginArgs) check() error {
	if err := args.Site.check(); err != nil {
		return err
	}
	if args.Stack.BasicLogin == nil {
		return errors.New("BasicLoginArgs needs a Stack with a program that asks for login.basic")
	}
	return nil
}

func (args *BasicLoginArgs) inputs() pulumi.Map {
	return pulumi.Map{"users": pulumi.ToStringArray(slices.Sorted(maps.Keys(args.Stack.Config.Login.Basic.Users)))}
}

// DeployBasicLogin deploys the BasicLogin, if a program of the stack asks for login.basic.
func DeployBasicLogin(ctx *pulumi.Context, site Site, opts ...pulumi.ResourceOption) error {
	if site.Stack.BasicLogin == nil {
		return nil
	}
	_, err := NewBasicLogin(ctx, "basic-login", &BasicLoginArgs{Site: site}, opts...)
	return err
}

// loginVolume names the volume with the Secret of the BasicLogin.
const loginVolume = "login"

// addLogin mounts the Secret of the BasicLogin.
func addLogin(spec *corev1.PodSpecArgs, container *corev1.ContainerArgs) {
	addVolume(spec, secretVolume(loginVolume, config.BasicLoginSecret))
	addMount(container, readOnlyMount(loginVolume, render.LoginDir))
}

// prometheusReady returns a probe that asks the server whether it has replayed its write-ahead log, with promtool
// of its image and the file with which others connect to it: https://prometheus.io/docs/prometheus/latest/command-line/promtool/#promtool-check-ready
func prometheusReady(cfg *config.Config, period, failures int) *corev1.ProbeArgs {
	return &corev1.ProbeArgs{
		Exec: &corev1.ExecActionArgs{Command: pulumi.ToStringArray([]string{
			"promtool", "check", "ready",
			"--url=" + prometheusHere(cfg),
			"--http.config.file=" + render.Prometheus.ClientFile(cfg),
		})},
		PeriodSeconds:    pulumi.Int(period),
		TimeoutSeconds:   pulumi.Int(5),
		FailureThreshold: pulumi.Int(failures),
	}
}

// prometheusHere returns the URL of the server in its own pod.
func prometheusHere(cfg *config.Config) string {
	return fmt.Sprintf("%s://localhost:%d", render.Prometheus.Scheme(cfg), render.Prometheus.Port)
}
