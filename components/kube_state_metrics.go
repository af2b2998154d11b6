package components

import (
	"maps"
	"slices"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	rbacv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/rbac/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// KubeStateMetrics reports the state of Kubernetes objects: a Deployment or, in shards, a
// StatefulSet and a PodDisruptionBudget; a Service, a NetworkPolicy, RBAC to list and watch the
// configured kinds and, if it reports on custom resources, a ConfigMap.
type KubeStateMetrics struct{ pulumi.ResourceState }

// KubeStateMetricsArgs configures a KubeStateMetrics.
type KubeStateMetricsArgs struct{ Site }

// NewKubeStateMetrics deploys kube-state-metrics.
func NewKubeStateMetrics(ctx *pulumi.Context, name string, args *KubeStateMetricsArgs, opts ...pulumi.ResourceOption) (*KubeStateMetrics, error) {
	c := &KubeStateMetrics{}
	a := app{name: render.KubeStateMetrics.Name, role: "exporter", image: config.KubeStateMetricsImage}
	return construct(ctx, "KubeStateMetrics", name, c, args, opts, a, app.deployKubeStateMetrics)
}

func (args *KubeStateMetricsArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image":  pulumi.String(cfg.Images.Ref(config.KubeStateMetricsImage)),
		"shards": pulumi.Int(cfg.Exporters.KubeStateMetrics.Shards),
	}
}

func (a app) deployKubeStateMetrics() (pulumi.Map, error) {
	cfg := a.Stack.Config.Exporters.KubeStateMetrics
	a.account = cfg.ServiceAccount
	account, err := a.serviceAccount()
	if err != nil {
		return nil, err
	}
	rules := watchKinds(a.Stack.ReportedKinds())
	for _, grant := range a.Stack.CustomResourceGrants() {
		rules = append(rules, policyRule(grant))
	}
	if err := a.clusterRole(account, rules); err != nil {
		return nil, err
	}
	metrics, telemetry := tcp("metrics", render.KubeStateMetrics.Port), tcp("telemetry", 8081)
	ports := []port{metrics, telemetry}
	if err := a.service("service", a.name, true, ports...); err != nil {
		return nil, err
	}
	if err := a.networkPolicy(ingressRule{ports: ports, from: []string{render.Prometheus.Name}}); err != nil {
		return nil, err
	}
	if err := a.disruptionBudget(cfg.Shards, cfg.PodDisruptionBudget); err != nil {
		return nil, err
	}
	var volumes corev1.VolumeArray
	var mounts corev1.VolumeMountArray
	if files := a.Stack.CustomResources; len(files.Files) > 0 { // which it reads again when they change
		if _, err := a.configMap("config", files); err != nil {
			return nil, err
		}
		volumes = corev1.VolumeArray{configMapVolume("config", files.Name)}
		mounts = corev1.VolumeMountArray{readOnlyMount("config", render.KubeStateMetricsDir)}
	}
	kind := "Deployment"
	if cfg.Shards > 1 {
		kind = "StatefulSet"
	}
	if err := a.autoscale(kind, cfg.Scheduling); err != nil {
		return nil, err
	}
	spec := &corev1.PodSpecArgs{
		ServiceAccountName:           account,
		AutomountServiceAccountToken: pulumi.Bool(true),
		SecurityContext:              a.nonRoot(nobodyUID),
		Volumes:                      volumes,
	}
	container := &corev1.ContainerArgs{
		Name:           pulumi.String(a.name),
		Args:           pulumi.ToStringArray(a.Stack.KubeStateMetricsFlags()),
		Ports:          containerPorts(ports...),
		ReadinessProbe: probe("/readyz", telemetry.name, 10, 3),
		LivenessProbe:  probe("/livez", metrics.name, 20, 6),
		VolumeMounts:   mounts,
	}
	a.serve(spec, container, render.KubeStateMetrics)
	if cfg.Shards == 1 {
		spec.Containers = corev1.ContainerArray{a.container(container, cfg.Resources)}
		_, err = create(a, "deployment", appsv1.NewDeployment, &appsv1.DeploymentArgs{
			Metadata: a.workloadMetadata(),
			Spec: &appsv1.DeploymentSpecArgs{
				Replicas: pulumi.Int(1),
				// Two pods at once would report every object twice.
				Strategy: &appsv1.DeploymentStrategyArgs{
					Type:          pulumi.String("RollingUpdate"),
					RollingUpdate: &appsv1.RollingUpdateDeploymentArgs{MaxSurge: pulumi.Int(0), MaxUnavailable: pulumi.Int(1)},
				},
				Selector: &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
				Template: a.pod(spec, cfg.Scheduling, nil),
			},
		}, a.readyTimeout(0))
	} else {
		// A pod's index is its shard. A StatefulSet never has two pods with the same
		// index, so no object is reported twice.
		container.Env = corev1.EnvVarArray{fieldEnv("SHARD", "metadata.labels['apps.kubernetes.io/pod-index']")}
		spec.Containers = corev1.ContainerArray{a.container(container, cfg.Resources)}
		a.spreadReplicas(spec, false)
		_, err = create(a, "shards", appsv1.NewStatefulSet, &appsv1.StatefulSetArgs{
			Metadata: a.workloadMetadata(),
			Spec: &appsv1.StatefulSetSpecArgs{
				Replicas:            pulumi.Int(cfg.Shards),
				ServiceName:         pulumi.String(a.name),
				PodManagementPolicy: pulumi.String("Parallel"),
				Selector:            &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
				Template:            a.pod(spec, cfg.Scheduling, nil),
			},
		}, a.readyTimeout(0))
	}
	return pulumi.Map{}, err
}

// watchKinds returns the rules that allow listing and watching kinds, one for each API group.
func watchKinds(kinds []config.Kind) rbacv1.PolicyRuleArray {
	byGroup := map[string][]string{}
	for _, kind := range kinds {
		group := config.KindGroups[kind]
		byGroup[group] = append(byGroup[group], string(kind))
	}
	var rules rbacv1.PolicyRuleArray
	for _, group := range slices.Sorted(maps.Keys(byGroup)) {
		slices.Sort(byGroup[group])
		rules = append(rules, policyRule(render.Grant{Verbs: []string{"list", "watch"}, Group: group, Resources: byGroup[group]}))
	}
	return rules
}
