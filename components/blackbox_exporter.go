package components

import (
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// BlackboxExporter probes the targets of the jobs kubernetes-services, kubernetes-ingresses
// and blackbox-targets: a Deployment, a ConfigMap with its modules, a Service, a
// NetworkPolicy and, if the stack has the values of exporters.blackboxExporter.secrets, a Secret.
type BlackboxExporter struct{ pulumi.ResourceState }

// BlackboxExporterArgs configures a BlackboxExporter.
type BlackboxExporterArgs struct{ Site }

// NewBlackboxExporter deploys the blackbox exporter.
func NewBlackboxExporter(ctx *pulumi.Context, name string, args *BlackboxExporterArgs, opts ...pulumi.ResourceOption) (*BlackboxExporter, error) {
	c := &BlackboxExporter{}
	a := app{name: render.BlackboxExporter.Name, role: "exporter", image: config.BlackboxExporterImage}
	return construct(ctx, "BlackboxExporter", name, c, args, opts, a, app.deployBlackboxExporter)
}

func (args *BlackboxExporterArgs) inputs() pulumi.Map {
	return pulumi.Map{"image": pulumi.String(args.Stack.Config.Images.Ref(config.BlackboxExporterImage))}
}

func (a app) deployBlackboxExporter() (pulumi.Map, error) {
	cfg, files := a.Stack.Config.Exporters.BlackboxExporter, a.Stack.BlackboxConfig
	if _, err := a.configMap("config", files); err != nil {
		return nil, err
	}
	web := tcp("web", render.BlackboxExporter.Port)
	if err := a.service("service", a.name, false, web); err != nil {
		return nil, err
	}
	if err := a.networkPolicy(ingressRule{ports: []port{web}, from: []string{render.Prometheus.Name}}); err != nil {
		return nil, err
	}
	if err := a.autoscale("Deployment", cfg.Scheduling); err != nil {
		return nil, err
	}
	volumes := corev1.VolumeArray{configMapVolume("config", files.Name)}
	mounts := corev1.VolumeMountArray{readOnlyMount("config", render.BlackboxDir)}
	secret, err := a.secret("secrets", config.BlackboxSecret, cfg.Secrets)
	if err != nil {
		return nil, err
	}
	var before []pulumi.Resource
	if secret != nil {
		before = append(before, secret)
	}
	if len(cfg.Secrets) > 0 {
		volumes = append(volumes, secretFiles("secrets", config.BlackboxSecret, cfg.Secrets))
		mounts = append(mounts, readOnlyMount("secrets", render.BlackboxSecretsDir))
	}
	spec := &corev1.PodSpecArgs{SecurityContext: a.nonRoot(nobodyUID), Volumes: volumes}
	container := a.container(&corev1.ContainerArgs{
		Name:           pulumi.String(a.name),
		Args:           pulumi.ToStringArray([]string{"--config.file=" + render.BlackboxDir + "/blackbox.yml", "--config.enable-auto-reload"}),
		Ports:          containerPorts(web),
		ReadinessProbe: probe("/-/healthy", web.name, 10, 3),
		LivenessProbe:  probe("/-/healthy", web.name, 20, 6),
		VolumeMounts:   mounts,
	}, cfg.Resources)
	a.serve(spec, container, render.BlackboxExporter)
	spec.Containers = corev1.ContainerArray{container}
	_, err = create(a, "deployment", appsv1.NewDeployment, &appsv1.DeploymentArgs{
		Metadata: a.workloadMetadata(),
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(1),
			Selector: &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			Template: a.pod(spec, cfg.Scheduling, nil),
		},
	}, a.readyTimeout(0), pulumi.DependsOn(before))
	return pulumi.Map{}, err
}
