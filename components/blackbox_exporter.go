package components

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// BlackboxExporter probes what the jobs kubernetes-services,
// kubernetes-ingresses and blackbox-targets name: a Deployment, its modules in
// a ConfigMap, a Secret if there are any, and its Service.
type BlackboxExporter struct{ pulumi.ResourceState }

// NewBlackboxExporter deploys the blackbox exporter. It fails on modules that
// its own parser refuses.
func NewBlackboxExporter(ctx *pulumi.Context, name string, site Site, opts ...pulumi.ResourceOption) (*BlackboxExporter, error) {
	modules, err := render.BlackboxModules(site.Config)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := &BlackboxExporter{}
	if err := register(ctx, "BlackboxExporter", name, c, opts...); err != nil {
		return nil, err
	}
	cfg := site.Config.Exporters.BlackboxExporter
	a := app{site: site, name: "blackbox-exporter", role: "exporter", image: config.BlackboxExporterImage}
	_, err = corev1.NewConfigMap(ctx, name+"-config", &corev1.ConfigMapArgs{
		Metadata: a.metadata(a.name),
		Data:     pulumi.StringMap{"blackbox.yml": pulumi.String(modules)},
	}, pulumi.Parent(c))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	web := tcp("web", 9115)
	if _, err := a.service(ctx, name+"-service", a.name, false, []port{web}, pulumi.Parent(c)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := a.admit(ctx, name+"-network", []entry{{ports: []port{web}, from: []string{"prometheus"}}}, pulumi.Parent(c)); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	volumes := corev1.VolumeArray{configMapVolume("config", a.name)}
	mounts := corev1.VolumeMountArray{readOnlyMount("config", render.BlackboxDir)}
	var before []pulumi.Resource
	if len(cfg.Secrets) > 0 {
		secret, err := a.secret(ctx, name+"-secrets", "blackbox-exporter-secrets", cfg.Secrets, pulumi.Parent(c))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		before = append(before, secret)
		volumes = append(volumes, secretVolume("secrets", "blackbox-exporter-secrets"))
		mounts = append(mounts, readOnlyMount("secrets", render.BlackboxSecretsDir))
	}
	_, err = appsv1.NewDeployment(ctx, name+"-deployment", &appsv1.DeploymentArgs{
		Metadata: a.metadata(a.name),
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(1),
			Selector: &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			Template: a.pod(&corev1.PodSpecArgs{
				SecurityContext: a.nonRoot(nobody),
				Volumes:         volumes,
				Containers: corev1.ContainerArray{a.container(&corev1.ContainerArgs{
					Name:           pulumi.String(a.name),
					Args:           pulumi.ToStringArray([]string{"--config.file=" + render.BlackboxDir + "/blackbox.yml", "--config.enable-auto-reload"}),
					Ports:          containerPorts(web),
					ReadinessProbe: probe("/-/healthy", web.name, 10, 3),
					LivenessProbe:  probe("/-/healthy", web.name, 20, 6),
					VolumeMounts:   mounts,
				}, cfg.Resources)},
			}, cfg.Scheduling, nil),
		},
	}, pulumi.Parent(c), a.readyTimeout(0), pulumi.DependsOn(before))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return c, ctx.RegisterResourceOutputs(c, pulumi.Map{})
}
