package components

import (
	"fmt"
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/directorysize"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// NodeDirectorySizeMetrics reports the sizes of every node's directories: a
// DaemonSet, its scripts in a ConfigMap, a headless Service and a
// NetworkPolicy. In its pod, what reads the node's files and what answers
// requests are two containers that share nothing but the metrics file.
type NodeDirectorySizeMetrics struct{ pulumi.ResourceState }

// Paths in the containers.
const (
	sizesHost    = "/host"
	sizesMetrics = "/metrics"
	sizesScripts = "/scripts"
	sizesHome    = "/www"
)

// NodeDirectorySizeMetricsArgs configures NodeDirectorySizeMetrics.
type NodeDirectorySizeMetricsArgs struct{ Site }

// NewNodeDirectorySizeMetrics deploys node-directory-size-metrics.
func NewNodeDirectorySizeMetrics(ctx *pulumi.Context, name string, args *NodeDirectorySizeMetricsArgs, opts ...pulumi.ResourceOption) (*NodeDirectorySizeMetrics, error) {
	c := &NodeDirectorySizeMetrics{}
	a := app{name: "node-directory-size-metrics", role: "exporter", image: config.BusyboxImage}
	return c, construct(ctx, "NodeDirectorySizeMetrics", name, c, args, opts, a, app.deployNodeDirectorySizeMetrics)
}

func (args *NodeDirectorySizeMetricsArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image":       pulumi.String(cfg.Images.Ref(config.BusyboxImage)),
		"directories": pulumi.ToStringArray(cfg.Exporters.NodeDirectorySizeMetrics.Directories),
	}
}

func (a app) deployNodeDirectorySizeMetrics() (pulumi.Map, error) {
	scripts := maps.Clone(directorysize.Scripts)
	scripts["metrics"] = directorysize.CGI
	if _, err := a.configMap("scripts", render.ConfigMap{Name: a.name, Files: scripts}); err != nil {
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
	spec := &corev1.PodSpecArgs{
		// Nothing is lost with a scan that is cut short.
		TerminationGracePeriodSeconds: pulumi.Int(1),
		Volumes:                       sizesVolumes(a, cfg.Directories),
		Containers:                    corev1.ContainerArray{sizesScanner(a, cfg), sizesServer(a, cfg, web)},
	}
	if err := a.hostAccess(spec, &corev1.PodSecurityContextArgs{
		SeccompProfile: &corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
	}); err != nil {
		return nil, err
	}
	return pulumi.Map{}, a.daemonSet(a.pod(spec, cfg.Scheduling, pulumi.StringMap{"checksum/scripts": pulumi.String(checksum(scripts))}))
}

func sizesVolumes(a app, directories []string) corev1.VolumeArray {
	volumes := corev1.VolumeArray{
		&corev1.VolumeArgs{
			Name: pulumi.String("scripts"),
			ConfigMap: &corev1.ConfigMapVolumeSourceArgs{
				Name:        pulumi.String(a.name),
				DefaultMode: pulumi.Int(0o555), // httpd runs its one
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

// sizesScanner measures the directories, as root, because their files are
// everyone's, and with the one capability that lets root read them all.
func sizesScanner(a app, cfg config.NodeDirectorySizeMetrics) *corev1.ContainerArgs {
	env := directorysize.Settings{
		Out:       sizesMetrics,
		Host:      sizesHost,
		Depth:     cfg.Depth,
		Threshold: cfg.Threshold.Value(),
		Interval:  cfg.Interval.Duration,
		Timeout:   cfg.Timeout.Duration,
	}.Env()
	var variables corev1.EnvVarArray
	for _, name := range slices.Sorted(maps.Keys(env)) {
		variables = append(variables, &corev1.EnvVarArgs{Name: pulumi.String(name), Value: pulumi.String(env[name])})
	}
	mounts := corev1.VolumeMountArray{readOnlyMount("scripts", sizesScripts), mount("metrics", sizesMetrics)}
	for i, directory := range cfg.Directories {
		m := readOnlyMount(fmt.Sprintf("directory-%d", i), hostPath(directory))
		// What the node unmounts below is unmounted here too, and not kept busy.
		m.MountPropagation = pulumi.String("HostToContainer")
		mounts = append(mounts, m)
	}
	scanner := a.container(&corev1.ContainerArgs{
		Name:         pulumi.String("scan"),
		Command:      pulumi.ToStringArray(directorysize.Command(sizesScripts, cfg.Directories)),
		Env:          variables,
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

// hostPath is where a directory of the node is in the scanner's container.
func hostPath(directory string) string {
	if directory == "/" {
		return sizesHost
	}
	return sizesHost + directory
}

// sizesServer answers requests for the metrics; it sees none of the node's files.
func sizesServer(a app, cfg config.NodeDirectorySizeMetrics, web port) *corev1.ContainerArgs {
	script := readOnlyMount("scripts", sizesHome+"/cgi-bin/metrics")
	script.SubPath = pulumi.String("metrics")
	server := a.container(&corev1.ContainerArgs{
		Name:           pulumi.String("serve"),
		Command:        pulumi.ToStringArray([]string{"httpd", "-f", "-p", fmt.Sprint(web.number), "-h", sizesHome}),
		Env:            corev1.EnvVarArray{&corev1.EnvVarArgs{Name: pulumi.String("OUT"), Value: pulumi.String(sizesMetrics)}},
		Ports:          containerPorts(web),
		ReadinessProbe: probe("/cgi-bin/metrics", web.name, 10, 3),
		LivenessProbe:  probe("/cgi-bin/metrics", web.name, 20, 6),
		VolumeMounts:   corev1.VolumeMountArray{script, readOnlyMount("metrics", sizesMetrics)},
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
