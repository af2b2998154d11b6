package components

import (
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// ExampleExporter is a Deployment, its Service and its NetworkPolicy.
type ExampleExporter struct{ pulumi.ResourceState }

// ExampleExporterArgs configures an ExampleExporter.
type ExampleExporterArgs struct{ Site }

// NewExampleExporter deploys the example exporter.
func NewExampleExporter(ctx *pulumi.Context, name string, args *ExampleExporterArgs, opts ...pulumi.ResourceOption) (*ExampleExporter, error) {
	c := &ExampleExporter{}
	a := app{name: "example-exporter", role: "exporter", image: config.ExampleExporterImage}
	return construct(ctx, "ExampleExporter", name, c, args, opts, a, app.deployExampleExporter)
}

func (args *ExampleExporterArgs) inputs() pulumi.Map {
	return pulumi.Map{"image": pulumi.String(args.Stack.Config.Images.Ref(config.ExampleExporterImage))}
}

func (a app) deployExampleExporter() (pulumi.Map, error) {
	cfg := a.Stack.Config.Exporters.ExampleExporter
	metrics := tcp("metrics", 9900)
	if err := a.service("service", a.name, true, metrics); err != nil {
		return nil, err
	}
	if err := a.networkPolicy(ingressRule{ports: []port{metrics}, from: []string{render.Prometheus.Name}}); err != nil {
		return nil, err
	}
	if err := a.autoscale("Deployment", cfg.Scheduling); err != nil {
		return nil, err
	}
	_, err := create(a, "deployment", appsv1.NewDeployment, &appsv1.DeploymentArgs{
		Metadata: a.workloadMetadata(),
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(1),
			Selector: &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			Template: a.pod(&corev1.PodSpecArgs{
				SecurityContext: a.nonRoot(nobodyUID),
				Containers: corev1.ContainerArray{a.container(&corev1.ContainerArgs{
					Name:           pulumi.String(a.name),
					Ports:          containerPorts(metrics),
					ReadinessProbe: probe("/-/healthy", metrics.name, 10, 3),
					LivenessProbe:  probe("/-/healthy", metrics.name, 20, 6),
				}, cfg.Resources)},
			}, cfg.Scheduling, nil),
		},
	}, a.readyTimeout(0))
	return pulumi.Map{}, err
}
