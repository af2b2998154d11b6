package components

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/directorysize"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// NodeDirectorySizeMetrics reports the sizes of directories on every node: a DaemonSet, a
// ConfigMap with its scripts, a headless Service and a NetworkPolicy. One container of its
// pod reads the node's files and another answers requests; they share only the file with the
// metrics.
type NodeDirectorySizeMetrics struct{ pulumi.ResourceState }

// Paths in the containers.
const (
	sizesWWW = "/www" // document root of the HTTP server
)

// NodeDirectorySizeMetricsArgs configures a NodeDirectorySizeMetrics.
type NodeDirectorySizeMetricsArgs struct{ Site }

// NewNodeDirectorySizeMetrics deploys node-directory-size-metrics.
func NewNodeDirectorySizeMetrics(ctx *pulumi.Context, name string, args *NodeDirectorySizeMetricsArgs, opts ...pulumi.ResourceOption) (*NodeDirectorySizeMetrics, error) {
	c := &NodeDirectorySizeMetrics{}
	a := app{name: "node-directory-size-metrics", role: "exporter", image: config.BusyboxImage}
	return construct(ctx, "NodeDirectorySizeMetrics", name, c, args, opts, a, app.deployNodeDirectorySizeMetrics)
}

func (args *NodeDirectorySizeMetricsArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image":       pulumi.String(cfg.Images.Ref(config.BusyboxImage)),
		"directories": pulumi.ToStringArray(cfg.Exporters.NodeDirectorySizeMetrics.Directories),
	}
}

func (a app) deployNodeDirectorySizeMetrics() (pulumi.Map, error) {
	if _, err := a.configMap("scripts", a.Stack.SizesScripts); err != nil {
		return nil, err
	}
	web := tcp("metrics", 9102)
	if err := a.service("service", a.name, true, web); err != nil {
		return nil, err
	}
	if err := a.networkPolicy(ingressRule{ports: []port{web}, from: []string{render.Prometheus.Name}}); err != nil {
		return nil, err
	}
	cfg := a.Stack.Config.Exporters.NodeDirectorySizeMetrics
	if err := a.autoscale("DaemonSet", cfg.Scheduling); err != nil {
		return nil, err
	}
	spec := &corev1.PodSpecArgs{
		// A scan can be killed: the next pod starts another.
		TerminationGracePeriodSeconds: pulumi.Int(1),
		Volumes:                       sizesVolumes(a, cfg.Directories),
		Containers:                    corev1.ContainerArray{sizesScanner(a, cfg), sizesServer(a, cfg, web)},
	}
	if err := a.hostAccess(spec, &corev1.PodSecurityContextArgs{
		SeccompProfile: &corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
	}); err != nil {
		return nil, err
	}
	return pulumi.Map{}, a.daemonSet(a.pod(spec, cfg.Scheduling, pulumi.StringMap{"checksum/scripts": pulumi.String(checksum(a.Stack.SizesScripts.Files))}), cfg.UpdateStrategy)
}

// sizesVolumes returns the volumes of the pod: volume directory-N is the directory N.
func sizesVolumes(a app, directories []string) corev1.VolumeArray {
	volumes := corev1.VolumeArray{
		&corev1.VolumeArgs{
			Name: pulumi.String("scripts"),
			ConfigMap: &corev1.ConfigMapVolumeSourceArgs{
				Name:        pulumi.String(a.name),
				DefaultMode: pulumi.Int(0o555), // httpd executes metrics
			},
		},
		&corev1.VolumeArgs{
			Name: pulumi.String("metrics"),
			// In memory, so that a full disk can still be reported.
			EmptyDir: &corev1.EmptyDirVolumeSourceArgs{Medium: pulumi.String("Memory"), SizeLimit: pulumi.String("32Mi")},
		},
	}
	for i, directory := range directories {
		volumes = append(volumes, &corev1.VolumeArgs{
			Name:     pulumi.Sprintf("directory-%d", i),
			HostPath: &corev1.HostPathVolumeSourceArgs{Path: pulumi.String(directory)},
		})
	}
	return volumes
}

// sizesScanner returns the container that measures the directories. It runs as root with the
// only capability that it needs to read the files of every user.
func sizesScanner(a app, cfg config.NodeDirectorySizeMetrics) *corev1.ContainerArgs {
	settings := directorysize.Settings{
		Out:       render.SizesMetricsDir,
		Host:      render.HostDir,
		Depth:     cfg.Depth,
		Threshold: cfg.Threshold.Value(),
		Interval:  cfg.Interval.Duration,
		Timeout:   cfg.Timeout.Duration,
	}
	mounts := corev1.VolumeMountArray{readOnlyMount("scripts", render.SizesScriptsDir), mount("metrics", render.SizesMetricsDir)}
	for i, directory := range cfg.Directories {
		m := readOnlyMount(fmt.Sprintf("directory-%d", i), hostPath(directory))
		// A file system that the node unmounts below is unmounted here too, not kept busy.
		m.MountPropagation = pulumi.String("HostToContainer")
		mounts = append(mounts, m)
	}
	scanner := a.container(&corev1.ContainerArgs{
		Name:         pulumi.String("scan"),
		Command:      pulumi.ToStringArray(directorysize.Command(render.SizesScriptsDir, cfg.Directories)),
		Env:          environment(settings.Env()),
		VolumeMounts: mounts,
	}, cfg.Resources)
	scanner.SecurityContext = &corev1.SecurityContextArgs{
		RunAsUser:                pulumi.Int(0),
		RunAsGroup:               pulumi.Int(0),
		AllowPrivilegeEscalation: pulumi.Bool(false),
		ReadOnlyRootFilesystem:   pulumi.Bool(true),
		Capabilities: &corev1.CapabilitiesArgs{
			Drop: pulumi.ToStringArray([]string{"ALL"}),
			Add:  pulumi.ToStringArray([]string{"DAC_READ_SEARCH"}),
		},
	}
	return scanner
}

// hostPath returns the path of a directory of the node in the scanner's container.
func hostPath(directory string) string {
	if directory == "/" {
		return render.HostDir
	}
	return render.HostDir + directory
}

// sizesServer returns the container that serves the metrics. It has no access to the node's
// files.
func sizesServer(a app, cfg config.NodeDirectorySizeMetrics, web port) *corev1.ContainerArgs {
	script := readOnlyMount("scripts", sizesWWW+"/cgi-bin/metrics")
	script.SubPath = pulumi.String("metrics")
	server := a.container(&corev1.ContainerArgs{
		Name:           pulumi.String("serve"),
		Command:        pulumi.ToStringArray([]string{"httpd", "-f", "-p", fmt.Sprint(web.number), "-h", sizesWWW}),
		Env:            environment(map[string]string{"OUT": render.SizesMetricsDir}),
		Ports:          containerPorts(web),
		ReadinessProbe: probe("/cgi-bin/metrics", web.name, 10, 3),
		LivenessProbe:  probe("/cgi-bin/metrics", web.name, 20, 6),
		VolumeMounts:   corev1.VolumeMountArray{script, readOnlyMount("metrics", render.SizesMetricsDir)},
	}, cfg.Resources)
	server.SecurityContext = &corev1.SecurityContextArgs{
		RunAsNonRoot:             pulumi.Bool(true),
		RunAsUser:                pulumi.Int(nobodyUID),
		RunAsGroup:               pulumi.Int(nobodyUID),
		AllowPrivilegeEscalation: pulumi.Bool(false),
		ReadOnlyRootFilesystem:   pulumi.Bool(true),
		Capabilities:             &corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
	}
	return server
}
