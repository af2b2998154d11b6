package components

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// NodeExporter reports every node's hardware and kernel: a DaemonSet and a
// headless Service. It uses the host's network, whose traffic it counts, so no
// NetworkPolicy applies to it.
type NodeExporter struct{ pulumi.ResourceState }

// NodeExporterArgs configures a NodeExporter.
type NodeExporterArgs struct{ Site }

// NewNodeExporter deploys node-exporter.
func NewNodeExporter(ctx *pulumi.Context, name string, args *NodeExporterArgs, opts ...pulumi.ResourceOption) (*NodeExporter, error) {
	c := &NodeExporter{}
	a := app{name: "node-exporter", role: "exporter", image: config.NodeExporterImage}
	return c, construct(ctx, "NodeExporter", name, c, args, opts, a, app.deployNodeExporter)
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
	spec := nodeExporterPod(a, cfg, metrics)
	if err := a.hostAccess(spec, &corev1.PodSecurityContextArgs{
		RunAsNonRoot:   pulumi.Bool(true),
		RunAsUser:      pulumi.Int(nobodyUID),
		RunAsGroup:     pulumi.Int(nobodyUID),
		SeccompProfile: &corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
	}); err != nil {
		return nil, err
	}
	return pulumi.Map{}, a.daemonSet(a.pod(spec, cfg.Scheduling, nil))
}

// daemonSet runs a pod on every node.
func (a app) daemonSet(template *corev1.PodTemplateSpecArgs) error {
	_, err := create(a, "daemonset", appsv1.NewDaemonSet, &appsv1.DaemonSetArgs{
		Metadata: a.workload(),
		Spec: &appsv1.DaemonSetSpecArgs{
			Selector: &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			UpdateStrategy: &appsv1.DaemonSetUpdateStrategyArgs{
				RollingUpdate: &appsv1.RollingUpdateDaemonSetArgs{MaxUnavailable: pulumi.String("10%")},
			},
			Template: template,
		},
	}, a.readyTimeout(0))
	return err
}

func nodeExporterPod(a app, cfg config.NodeExporter, metrics port) *corev1.PodSpecArgs {
	return &corev1.PodSpecArgs{
		HostNetwork: pulumi.Bool(true),
		Volumes: corev1.VolumeArray{&corev1.VolumeArgs{
			Name:     pulumi.String("root"),
			HostPath: &corev1.HostPathVolumeSourceArgs{Path: pulumi.String("/")},
		}},
		Containers: corev1.ContainerArray{a.container(&corev1.ContainerArgs{
			Name: pulumi.String(a.name),
			Args: pulumi.ToStringArray([]string{
				// Only on the node's own address, not on every one it has.
				fmt.Sprintf("--web.listen-address=[$(HOST_IP)]:%d", cfg.Port),
				"--path.rootfs=/host",
				"--path.procfs=/host/proc",
				"--path.sysfs=/host/sys",
				"--path.udev.data=/host/run/udev/data",
				// Pods' mounts and interfaces come and go and are cadvisor's to report.
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
				MountPath:        pulumi.String("/host"),
				MountPropagation: pulumi.String("HostToContainer"), // to see disks mounted later
				ReadOnly:         pulumi.Bool(true),
			}},
		}, cfg.Resources)},
	}
}
