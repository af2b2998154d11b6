package components

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// NodeExporter reports on every node's hardware and kernel: a DaemonSet and a headless
// Service. It is in the host's network, whose traffic it counts, where no NetworkPolicy
// applies.
type NodeExporter struct{ pulumi.ResourceState }

// NodeExporterArgs configures a NodeExporter.
type NodeExporterArgs struct{ Site }

// NewNodeExporter deploys node-exporter.
func NewNodeExporter(ctx *pulumi.Context, name string, args *NodeExporterArgs, opts ...pulumi.ResourceOption) (*NodeExporter, error) {
	c := &NodeExporter{}
	a := app{name: render.NodeExporter.Name, role: "exporter", image: config.NodeExporterImage}
	return construct(ctx, "NodeExporter", name, c, args, opts, a, app.deployNodeExporter)
}

func (args *NodeExporterArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image": pulumi.String(cfg.Images.Ref(config.NodeExporterImage)),
		"port":  pulumi.Int(cfg.Exporters.NodeExporter.Port),
	}
}

func (a app) deployNodeExporter() (pulumi.Map, error) {
	cfg := a.Stack.Config.Exporters.NodeExporter
	metrics := tcp("metrics", cfg.Port)
	if err := a.service("service", a.name, true, metrics); err != nil {
		return nil, err
	}
	if err := a.autoscale("DaemonSet", cfg.Scheduling); err != nil {
		return nil, err
	}
	spec := nodeExporterPod(a, cfg, metrics)
	if err := a.hostAccess(spec, &corev1.PodSecurityContextArgs{
		RunAsNonRoot:   pulumi.Bool(true),
		RunAsUser:      pulumi.Int(nobodyUID),
		RunAsGroup:     pulumi.Int(nobodyUID),
		SeccompProfile: &corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
	}); err != nil {
		return nil, err
	}
	return pulumi.Map{}, a.daemonSet(a.pod(spec, cfg.Scheduling, nil), cfg.UpdateStrategy)
}

// nodeExporterPod returns the pod of each node.
func nodeExporterPod(a app, cfg config.NodeExporter, metrics port) *corev1.PodSpecArgs {
	spec := &corev1.PodSpecArgs{
		HostNetwork: pulumi.Bool(true),
		Volumes: corev1.VolumeArray{&corev1.VolumeArgs{
			Name:     pulumi.String("root"),
			HostPath: &corev1.HostPathVolumeSourceArgs{Path: pulumi.String("/")},
		}},
	}
	container := a.container(&corev1.ContainerArgs{
		Name: pulumi.String(a.name),
		Args: pulumi.ToStringArray([]string{
			// Only on the address of the node in the cluster, not on all of its addresses.
			fmt.Sprintf("--web.listen-address=[$(HOST_IP)]:%d", cfg.Port),
			"--path.rootfs=/host",
			"--path.procfs=/host/proc",
			"--path.sysfs=/host/sys",
			"--path.udev.data=/host/run/udev/data",
			// Without the mounts and interfaces of pods, which cadvisor reports.
			`--collector.filesystem.mount-points-exclude=^/(dev|proc|sys|run/credentials/.+|run/k3s/containerd/.+|run/containerd/.+|var/lib/docker/.+|var/lib/containers/.+|var/lib/kubelet/.+)($|/)`,
			`--collector.filesystem.fs-types-exclude=^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|efivarfs|erofs|fusectl|hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|sysfs|tracefs)$`,
			`--collector.netclass.ignored-devices=^(veth|cali|lxc|cilium_|flannel|nodelocaldns).*$`,
			`--collector.netdev.device-exclude=^(veth|cali|lxc|cilium_|flannel|nodelocaldns).*$`,
			"--no-collector.wifi",
		}),
		Env:            corev1.EnvVarArray{fieldEnv("HOST_IP", "status.hostIP")},
		Ports:          containerPorts(metrics),
		ReadinessProbe: probe("/", metrics.name, 10, 3),
		LivenessProbe:  probe("/", metrics.name, 20, 6),
		VolumeMounts: corev1.VolumeMountArray{&corev1.VolumeMountArgs{
			Name:             pulumi.String("root"),
			MountPath:        pulumi.String(render.HostDir),
			MountPropagation: pulumi.String("HostToContainer"), // shows disks that are mounted later
			ReadOnly:         pulumi.Bool(true),
		}},
	}, cfg.Resources)
	a.serve(spec, container, render.NodeExporter)
	spec.Containers = corev1.ContainerArray{container}
	return spec
}
