// Package host sees to it that the machine can run the node.
package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// elsewhere is what a person can do on a machine that cannot run the node.
const elsewhere = "to use a cluster of your own instead, set cluster.context in a stack's config and run `pulumi up`"

// files that the node needs, each of which one Debian package brings: programs on
// PATH, and files by absolute path.
var packages = []struct{ file, name string }{
	{"etcd", "etcd-server"},
	{"containerd", "containerd"},
	{"ctr", "containerd"},
	{"runc", "runc"},
	{"/usr/lib/cni/bridge", "containernetworking-plugins"},
	{"busybox", "busybox-static"},
	{"iptables", "iptables"},
	{"ip", "iproute2"},
	{"mount", "mount"},
	{"nsenter", "util-linux"},
	{"/etc/ssl/certs/ca-certificates.crt", "ca-certificates"},
}

// Check returns why this machine cannot run the node, whatever is installed.
func Check() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("the demo's node needs root, for namespaces and mounts of its own; %s", elsewhere)
	}
	// Debian keeps some programs where a user's PATH may not look.
	return os.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin")
}

// Missing are the packages whose files are not on this machine.
func Missing() []string {
	var missing []string
	for _, p := range packages {
		if _, err := exec.LookPath(p.file); err == nil {
			continue
		} else if _, err := os.Stat(p.file); err == nil {
			continue
		}
		missing = append(missing, p.name)
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// Install installs packages with apt-get, without starting the services that
// some of them bring.
func Install(ctx context.Context, names []string) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("install what these Debian packages bring, there is no apt-get to do it: %s; or, %s", strings.Join(names, " "), elsewhere)
	}
	allow, err := denyServices()
	if err != nil {
		return err
	}
	defer allow()
	install := append([]string{"install", "--yes", "--no-install-recommends"}, names...)
	if aptGet(ctx, install...) != nil {
		// The lists may be missing or too old.
		if err := aptGet(ctx, "update"); err != nil {
			return err
		}
		if err := aptGet(ctx, install...); err != nil {
			return err
		}
	}
	if missing := Missing(); len(missing) > 0 {
		return fmt.Errorf("installed, but what they should bring is still not there: %s", strings.Join(missing, " "))
	}
	disableServices(ctx, names)
	return nil
}

func aptGet(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"--quiet"}, args...)...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	output, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w:\n%s", strings.Join(cmd.Args, " "), err, output)
	}
	return nil
}

// denyServices keeps Debian's package scripts from starting services, and returns
// what ends that. A policy that the machine has already stays as it is.
func denyServices() (allow func(), err error) {
	const policy = "/usr/sbin/policy-rc.d" // see invoke-rc.d(8)
	file, err := os.OpenFile(policy, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, os.ErrExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = file.WriteString("#!/bin/sh\nexit 101\n")
	return func() { _ = os.Remove(policy) }, errors.Join(err, file.Close())
}

// disableServices keeps the services of newly installed packages from starting
// with the machine: the node runs their programs itself.
func disableServices(ctx context.Context, names []string) {
	if _, err := exec.LookPath("systemctl"); err != nil {
		return
	}
	for pkg, service := range map[string]string{"etcd-server": "etcd", "containerd": "containerd"} {
		if slices.Contains(names, pkg) {
			_ = exec.CommandContext(ctx, "systemctl", "disable", service).Run() // it may not be enabled
		}
	}
}
