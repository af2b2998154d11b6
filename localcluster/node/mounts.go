package node

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// stateMount is the state directory inside the node. Other mounts have their sources
// here, so that no mount can hide them, wherever the work tree is.
const stateMount = "/run/localcluster"

//go:embed files/kubelet.yaml files/containerd.toml files/10-bridge.conflist
var files embed.FS

// mountAll sets up the node's file system in the mount namespace of this process: the
// machine's file system, with its own directories where the node writes.
func mountAll(dir Dir) error {
	// Mounts must not propagate to the machine. Below, the root becomes shared, for pods
	// with mount propagation.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making / private: %w", err)
	}

	// Open files remain usable when a mount hides their paths.
	state, err := os.Open(dir.State)
	if err != nil {
		return err
	}
	defer state.Close()
	bin, err := os.Open(dir.Bin)
	if err != nil {
		return err
	}
	defer bin.Close()
	if err := mount("tmpfs", "/run", "tmpfs", "mode=755"); err != nil {
		return err
	}
	for _, m := range []struct {
		from *os.File
		to   string
	}{{state, stateMount}, {bin, stateMount + "/bin"}} {
		if err := os.MkdirAll(m.to, 0o755); err != nil {
			return err
		}
		if err := bind(fmt.Sprintf("/proc/self/fd/%d", m.from.Fd()), m.to); err != nil {
			return err
		}
	}

	if err := mount("proc", "/proc", "proc", ""); err != nil {
		return err
	}
	if err := mountSys(); err != nil {
		return err
	}
	for _, m := range []struct{ from, to string }{
		{"node/lib", "/var/lib"},
		{"node/log", "/var/log"},
		{"node/pki", "/run/kubernetes/pki"},
		{"ssd", "/run/ssd"},
	} {
		from := filepath.Join(stateMount, m.from)
		if err := errors.Join(os.MkdirAll(from, 0o755), os.MkdirAll(m.to, 0o755)); err != nil {
			return err
		}
		if err := bind(from, m.to); err != nil {
			return err
		}
	}
	if err := errors.Join(mount("tmpfs", "/tmp", "tmpfs", "mode=1777"), mount("tmpfs", "/mnt", "tmpfs", "mode=755")); err != nil {
		return err
	}
	if err := os.Mkdir("/mnt/ssd", 0o755); err != nil {
		return err
	}
	if err := unix.Mount("/run/ssd", "/mnt/ssd", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("mounting /mnt/ssd: %w", err)
	}
	// Directories of the local volumes, which an administrator creates on a real node.
	for _, program := range []string{"prometheus", "alertmanager", "grafana", "thanos-compactor", "thanos-ruler"} {
		if err := os.MkdirAll(filepath.Join("/mnt/ssd", program), 0o755); err != nil {
			return err
		}
	}

	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("making / shared: %w", err)
	}
	return writeConfig()
}

// mountSys mounts a sysfs with the node's network devices, and keeps the machine's cgroup
// hierarchies in it.
func mountSys() error {
	const keep = "/run/cgroup"
	if err := os.Mkdir(keep, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("/sys/fs/cgroup", keep, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("keeping /sys/fs/cgroup: %w", err)
	}
	if err := mount("sysfs", "/sys", "sysfs", ""); err != nil {
		return err
	}
	if err := unix.Mount(keep, "/sys/fs/cgroup", "", unix.MS_MOVE, ""); err != nil {
		return fmt.Errorf("mounting /sys/fs/cgroup: %w", err)
	}
	return os.Remove(keep)
}

// writeConfig writes the config files of the parts to /run/kubernetes.
func writeConfig() error {
	const conf = "/run/kubernetes"
	for name, to := range map[string]string{
		"kubelet.yaml":       conf + "/kubelet.yaml",
		"containerd.toml":    conf + "/containerd.toml",
		"10-bridge.conflist": conf + "/cni/10-bridge.conflist",
	} {
		data, err := fs.ReadFile(files, "files/"+name)
		if err != nil {
			return err
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(to), 0o755), os.WriteFile(to, data, 0o644)); err != nil {
			return err
		}
	}
	// Pods use CoreDNS only.
	return os.WriteFile(conf+"/resolv.conf", nil, 0o644)
}

func mount(source, target, kind, options string) error {
	if err := unix.Mount(source, target, kind, 0, options); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", kind, target, err)
	}
	return nil
}

func bind(source, target string) error {
	if err := unix.Mount(source, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", source, target, err)
	}
	return nil
}
