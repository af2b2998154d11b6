package components

import (
	"fmt"
	"regexp"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// WindowsExporter reports on the hardware and the services of every Windows node: a DaemonSet and a headless
// Service. Its pods are HostProcess containers, which are in the host's network, where no NetworkPolicy applies:
// https://kubernetes.io/docs/tasks/configure-pod-container/create-hostprocess-pod/
type WindowsExporter struct{ pulumi.ResourceState }

// WindowsExporterArgs configures a WindowsExporter.
type WindowsExporterArgs struct{ Site }

// NewWindowsExporter deploys windows_exporter.
func NewWindowsExporter(ctx *pulumi.Context, name string, args *WindowsExporterArgs, opts ...pulumi.ResourceOption) (*WindowsExporter, error) {
	c := &WindowsExporter{}
	a := app{name: "windows-exporter", role: "exporter", image: config.WindowsExporterImage, os: config.Windows}
	return construct(ctx, "WindowsExporter", name, c, args, opts, a, app.deployWindowsExporter)
}

func (args *WindowsExporterArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image": pulumi.String(cfg.Images.Ref(config.WindowsExporterImage)),
		"port":  pulumi.Int(cfg.Exporters.WindowsExporter.Port),
	}
}

func (a app) deployWindowsExporter() (pulumi.Map, error) {
	cfg := a.Stack.Config.Exporters.WindowsExporter
	metrics := tcp("metrics", cfg.Port)
	if err := a.service("service", a.name, true, metrics); err != nil {
		return nil, err
	}
	if err := a.autoscale("DaemonSet", cfg.Scheduling); err != nil {
		return nil, err
	}
	spec := &corev1.PodSpecArgs{
		Os:          &corev1.PodOSArgs{Name: pulumi.String(config.Windows)},
		HostNetwork: pulumi.Bool(true),
		Containers: corev1.ContainerArray{a.container(&corev1.ContainerArgs{
			Name:           pulumi.String(a.name),
			Args:           pulumi.ToStringArray(windowsExporterFlags(cfg)),
			Env:            corev1.EnvVarArray{fieldEnv("HOST_IP", "status.hostIP")},
			Ports:          containerPorts(metrics),
			ReadinessProbe: probe("/health", metrics.name, 10, 3),
			LivenessProbe:  probe("/health", metrics.name, 20, 6),
		}, cfg.Resources)},
	}
	if cfg.OpenFirewall {
		spec.InitContainers = corev1.ContainerArray{a.container(&corev1.ContainerArgs{
			Name:    pulumi.String("open-firewall"),
			Command: pulumi.ToStringArray([]string{"powershell.exe", "-NoProfile", "-Command", openFirewall(cfg.Port)}),
		}, cfg.Resources)}
	}
	// No lesser account may read every performance counter and ask for every service.
	if err := a.hostAccess(spec, &corev1.PodSecurityContextArgs{WindowsOptions: &corev1.WindowsSecurityContextOptionsArgs{
		HostProcess:   pulumi.Bool(true),
		RunAsUserName: pulumi.String(`NT AUTHORITY\SYSTEM`),
	}}); err != nil {
		return nil, err
	}
	return pulumi.Map{}, a.daemonSet(a.pod(spec, cfg.Scheduling, nil), cfg.UpdateStrategy)
}

// windowsExporterFlags returns the command line of windows_exporter: the collectors that it has on by default, and
// only the services that have to run, of which a node has hundreds.
// https://github.com/prometheus-community/windows_exporter/blob/v0.31.8/README.md
func windowsExporterFlags(cfg config.WindowsExporter) []string {
	collectors := "cpu,logical_disk,memory,net,os,physical_disk,system"
	var names []string
	for _, name := range cfg.Services {
		names = append(names, regexp.QuoteMeta(name))
	}
	if len(names) > 0 {
		collectors += ",service"
	}
	flags := []string{
		// Only on the address of the node in the cluster, not on all of its addresses.
		fmt.Sprintf("--web.listen-address=[$(HOST_IP)]:%d", cfg.Port),
		"--collectors.enabled=" + collectors,
		// Without partitions that have no letter, such as those to recover from.
		"--collector.logical_disk.volume-exclude=HarddiskVolume.+",
	}
	if len(names) > 0 {
		flags = append(flags, "--collector.service.include=(?i:"+strings.ReplaceAll(strings.Join(names, "|"), "$", "$$")+")")
	}
	return flags
}

// openFirewall returns the PowerShell commands that let others connect to a port, in place of the one that an
// earlier version of the pod opened.
func openFirewall(port int) string {
	return fmt.Sprintf("Remove-NetFirewallRule -Name %[1]s -ErrorAction SilentlyContinue; "+
		"New-NetFirewallRule -Name %[1]s -DisplayName '%[1]s: windows_exporter' -Direction Inbound -Action Allow -Protocol TCP -LocalPort %[2]d -ErrorAction Stop", config.Project, port)
}
