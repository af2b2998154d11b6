package components

import (
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// ThanosQuery queries Prometheus, the store gateways and other clusters as one: a Deployment, a
// Service, a ServiceAccount, a ConfigMap, a NetworkPolicy and, with several replicas, a
// PodDisruptionBudget.
type ThanosQuery struct {
	pulumi.ResourceState

	GRPCAddress pulumi.StringOutput `pulumi:"grpcAddress"` // in-cluster host:port, for queriers of other clusters
}

// ThanosQueryArgs configures a ThanosQuery.
type ThanosQueryArgs struct{ Site }

// NewThanosQuery deploys the querier.
func NewThanosQuery(ctx *pulumi.Context, name string, args *ThanosQueryArgs, opts ...pulumi.ResourceOption) (*ThanosQuery, error) {
	c := &ThanosQuery{}
	a := app{name: render.ThanosQuery.Name, role: "query", image: config.ThanosImage}
	return construct(ctx, "ThanosQuery", name, c, args, opts, a, func(a app) (pulumi.Map, error) {
		c.GRPCAddress = pulumi.String(render.ThanosQuery.GRPCAddress(a.Stack.Config)).ToStringOutput()
		return pulumi.Map{"grpcAddress": c.GRPCAddress}, a.deployQuery()
	})
}

func (args *ThanosQueryArgs) check() error { return args.checkThanos() }

func (args *ThanosQueryArgs) inputs() pulumi.Map {
	cfg := args.Stack.Config
	return pulumi.Map{
		"image":    pulumi.String(cfg.Images.Ref(config.ThanosImage)),
		"replicas": pulumi.Int(cfg.LongTermStorage.Query.Replicas),
	}
}

func (a app) deployQuery() error {
	cfg := a.Stack.Config.LongTermStorage.Query
	ports := []port{thanosHTTP, thanosGRPC}
	clients := a.withScraper(render.ThanosQueryFrontend.Name)
	if a.Stack.Config.HasRuler() {
		clients = append(clients, render.ThanosRuler.Name)
	}
	if err := a.service("service", a.name, false, ports...); err != nil {
		return err
	}
	var probes []string
	if a.Stack.Config.ThanosCertificate() && a.Stack.Config.Exporters.BlackboxExporter.Enabled {
		probes = append(probes, render.BlackboxExporter.Name) // which reads the certificate
	}
	if err := a.networkPolicy(
		ingressRule{ports: []port{thanosHTTP}, from: clients, webUI: !a.Stack.Config.LongTermStorage.QueryFrontend.Access.Private()},
		ingressRule{ports: []port{thanosGRPC}, from: probes, namespaces: cfg.FromNamespaces},
	); err != nil {
		return err
	}
	container := &corev1.ContainerArgs{Ports: containerPorts(ports...)}
	spec := &corev1.PodSpecArgs{}
	own, err := queryFlags(a.Stack.Config.Prometheus)
	if err != nil {
		return err
	}
	flags := append([]string{
		"query",
		"--endpoint.sd-config-file=" + render.ThanosDir + "/endpoints.yaml",
		"--query.replica-label=replica",
		"--query.auto-downsampling",
	}, own...)
	if prefix := a.Stack.Config.LongTermStorage.QueryFrontend.Access.Path; prefix != "/" {
		flags = append(flags, "--web.external-prefix="+prefix, "--web.route-prefix=/") // of links in its pages, which the frontend passes on
	}
	flags = append(flags, a.addGRPC(spec, container)...)
	return a.thanosDeployment(spec, container, flags, a.Stack.Thanos.Query, thanosPods{render.ThanosQuery, cfg.Replicas, cfg.ServiceAccount, cfg.PodDisruptionBudget, cfg.Resources, cfg.Scheduling})
}

// queryFlags returns the flags with which the querier evaluates a query as Prometheus does.
func queryFlags(prometheus config.Prometheus) ([]string, error) {
	var flags []string
	if value, ok := prometheus.ExtraArgs["query.lookback-delta"]; ok {
		lookback, err := goDuration(value)
		if err != nil {
			return nil, err
		}
		flags = append(flags, "--query.lookback-delta="+lookback)
	}
	if timeout, ok := prometheus.ExtraArgs["query.timeout"]; ok {
		flags = append(flags, "--query.timeout="+timeout)
	}
	if queries, ok := prometheus.ExtraArgs["query.max-concurrency"]; ok {
		flags = append(flags, "--query.max-concurrent="+queries)
	}
	flags = append(flags, "--query.default-evaluation-interval="+prometheus.EvaluationInterval.String()) // of subqueries without a step
	return append(flags, experimentalFunctions), nil
}

// experimentalFunctions has a part of Thanos know the functions of PromQL that Prometheus has by now, and its
// own engine as experimental ones. What Prometheus does not know, the preview refuses.
const experimentalFunctions = "--enable-feature=promql-experimental-functions"

// thanosDeployment completes and creates the Deployment of a part of Thanos without data, with its
// ConfigMap, ServiceAccount and disruption budget. The part restarts when its configuration changes.
func (a app) thanosDeployment(spec *corev1.PodSpecArgs, container *corev1.ContainerArgs, flags []string, files render.ConfigMap, pods thanosPods) error {
	configMap, err := a.configMap("config", files)
	if err != nil {
		return err
	}
	a.account = pods.account
	if spec.ServiceAccountName, err = a.serviceAccount(); err != nil {
		return err
	}
	addVolume(spec, configMapVolume("config", files.Name))
	addMount(container, readOnlyMount("config", render.ThanosDir))
	container.Args = pulumi.ToStringArray(flags)
	if err := a.completePods("Deployment", spec, container, pods); err != nil {
		return err
	}
	_, err = create(a, "deployment", appsv1.NewDeployment, &appsv1.DeploymentArgs{
		Metadata: a.workloadMetadata(),
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(pods.replicas),
			Selector: &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			Template: a.pod(spec, pods.scheduling, pulumi.StringMap{"checksum/config": pulumi.String(checksum(files.Files))}),
		},
	}, pulumi.DependsOn([]pulumi.Resource{configMap}), a.readyTimeout(0))
	return err
}
