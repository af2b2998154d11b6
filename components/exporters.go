package components

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// DeployExporters deploys the enabled exporters.
func DeployExporters(ctx *pulumi.Context, site Site, opts ...pulumi.ResourceOption) error {
	exporters := site.Stack.Config.Exporters
	if exporters.NodeExporter.Enabled {
		if _, err := NewNodeExporter(ctx, "node-exporter", &NodeExporterArgs{site}, opts...); err != nil {
			return err
		}
	}
	if exporters.NodeDirectorySizeMetrics.Enabled {
		if _, err := NewNodeDirectorySizeMetrics(ctx, "node-directory-size-metrics", &NodeDirectorySizeMetricsArgs{site}, opts...); err != nil {
			return err
		}
	}
	if exporters.WindowsExporter.Enabled {
		if _, err := NewWindowsExporter(ctx, "windows-exporter", &WindowsExporterArgs{site}, opts...); err != nil {
			return err
		}
	}
	if exporters.KubeStateMetrics.Enabled {
		if _, err := NewKubeStateMetrics(ctx, "kube-state-metrics", &KubeStateMetricsArgs{site}, opts...); err != nil {
			return err
		}
	}
	if exporters.BlackboxExporter.Enabled {
		if _, err := NewBlackboxExporter(ctx, "blackbox-exporter", &BlackboxExporterArgs{site}, opts...); err != nil {
			return err
		}
	}
	return nil
}
