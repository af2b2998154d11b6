package components

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// NewExporters deploys the enabled exporters.
func NewExporters(ctx *pulumi.Context, site Site, opts ...pulumi.ResourceOption) error {
	exporters := site.Config.Exporters
	if exporters.NodeExporter.Enabled {
		if _, err := NewNodeExporter(ctx, "node-exporter", site, opts...); err != nil {
			return err
		}
	}
	if exporters.NodeDirectorySizeMetrics.Enabled {
		if _, err := NewNodeDirectorySizeMetrics(ctx, "node-directory-size-metrics", site, opts...); err != nil {
			return err
		}
	}
	if exporters.KubeStateMetrics.Enabled {
		if _, err := NewKubeStateMetrics(ctx, "kube-state-metrics", site, opts...); err != nil {
			return err
		}
	}
	if exporters.BlackboxExporter.Enabled {
		if _, err := NewBlackboxExporter(ctx, "blackbox-exporter", site, opts...); err != nil {
			return err
		}
	}
	return nil
}
