package tests

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/components"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config/configtest"
)

// nodeExporter deploys node-exporter alone.
func nodeExporter(ctx *pulumi.Context, site components.Site) error {
	_, err := components.NewNodeExporter(ctx, "node-exporter", &components.NodeExporterArgs{Site: site})
	return err
}

func TestNodeExporter(t *testing.T) {
	s := Component(t, configtest.Config(t, "exporters: {nodeExporter: {port: 19100}}"), nodeExporter)
	set := Get[*appsv1.DaemonSet](t, s, "node-exporter")
	spec := set.Spec.Template.Spec
	assert.True(t, spec.HostNetwork, "it reports the host's traffic")
	assert.Equal(t, []corev1.Toleration{{Operator: corev1.TolerationOpExists}}, spec.Tolerations, "it runs on every node")
	require.Len(t, spec.Volumes, 1)
	assert.Equal(t, "/", spec.Volumes[0].HostPath.Path)
	container := spec.Containers[0]
	assert.Equal(t, int32(19100), container.Ports[0].ContainerPort)
	assert.Contains(t, container.Args, "--web.listen-address=[$(HOST_IP)]:19100")
	assert.Equal(t, "status.hostIP", container.Env[0].ValueFrom.FieldRef.FieldPath)
	assert.Equal(t, corev1.MountPropagationHostToContainer, *container.VolumeMounts[0].MountPropagation)
	for _, arg := range container.Args {
		if name, path, ok := strings.Cut(arg, "="); ok && strings.HasPrefix(name, "--path.") {
			assert.True(t, strings.HasPrefix(path, container.VolumeMounts[0].MountPath), "%s is not below the host's root", arg)
		}
	}
	assert.Equal(t, int32(19100), Get[*corev1.Service](t, s, "node-exporter").Spec.Ports[0].Port)
	assert.Empty(t, All[*networkingv1.NetworkPolicy](s), "NetworkPolicies do not apply to the host's network")
}

// node-exporter reports the node's own file systems and interfaces; cAdvisor reports those of pods.
func TestNodeExporterExcludesPods(t *testing.T) {
	s := Component(t, configtest.Config(t, ""), nodeExporter)
	args := Get[*appsv1.DaemonSet](t, s, "node-exporter").Spec.Template.Spec.Containers[0].Args
	excluded := func(flag, value string) bool {
		i := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "--"+flag+"=") })
		require.GreaterOrEqual(t, i, 0, flag)
		return regexp.MustCompile(strings.TrimPrefix(args[i], "--"+flag+"=")).MatchString(value)
	}
	for flag, values := range map[string]map[string]bool{
		"collector.filesystem.mount-points-exclude": {
			"/": false, "/boot": false, "/mnt/ssd": false, "/var": false, "/var/lib": false, "/home": false, "/run": false,
			"/dev": true, "/dev/shm": true, "/proc": true, "/sys/fs/cgroup": true, "/var/lib/kubelet/pods/1/volumes/x": true,
			"/run/containerd/io.containerd.grpc.v1.cri/sandboxes/1/shm": true, "/devices": false, "/system": false,
		},
		"collector.filesystem.fs-types-exclude": {
			"ext4": false, "xfs": false, "btrfs": false, "vfat": false, "nfs4": false, "zfs": false,
			"overlay": true, "tmpfs": false, "cgroup": true, "cgroup2": true, "proc": true, "squashfs": true,
		},
		"collector.netdev.device-exclude": {
			"eth0": false, "ens3": false, "bond0": false, "wg0": false, "veth1a2b": true, "cali123": true, "lxc9": true, "cilium_host": true, "flannel.1": true,
		},
		"collector.netclass.ignored-devices": {"eth0": false, "veth1a2b": true},
	} {
		for value, want := range values {
			assert.Equal(t, want, excluded(flag, value), "--%s %s", flag, value)
		}
	}
}
