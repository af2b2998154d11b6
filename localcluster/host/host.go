// Package host checks what the node needs of the machine, and installs Debian packages.
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

// alternative is advice for a machine that cannot run the node.
const alternative = "to use a cluster of your own instead, set cluster.context in a stack's config and run `pulumi up`"

// packages lists the Debian packages that the node needs, each with one of its files: a
// program on PATH or an absolute path.
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

// Check returns an error if the machine cannot run the node, apart from missing packages. It
// adds the directories of system programs to PATH.
func Check() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("the demo's node needs root, for namespaces and mounts of its own; %s", alternative)
	}
	// A user's PATH may not include these.
	return os.Setenv("PATH", os.Getenv("PATH")+":/usr/local/sbin:/usr/sbin:/sbin")
}

// Missing returns the packages whose files are not on this machine, sorted.
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

// Install installs packages with apt-get, without starting their services.
func Install(ctx context.Context, names []string) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("install the programs of these Debian packages, as this machine has no apt-get: %s; or, %s", strings.Join(names, " "), alternative)
	}
	allow, err := denyServices()
	if err != nil {
		return err
	}
	defer allow()
	install := append([]string{"install", "--yes", "--no-install-recommends"}, names...)
	if aptGet(ctx, install...) != nil {
		// The package lists may be missing or outdated.
		if err := aptGet(ctx, "update"); err != nil {
			return err
		}
		if err := aptGet(ctx, install...); err != nil {
			return err
		}
	}
	if missing := Missing(); len(missing) > 0 {
		return fmt.Errorf("installed, but their files are still missing: %s", strings.Join(missing, " "))
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

// denyServices prevents Debian's package scripts from starting services until allow is
// called. It keeps a policy that the machine already has.
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

// disableServices disables the services of newly installed packages, so that they do not
// start at boot. The node runs their programs itself.
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
