package components

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/prometheus/common/model"
	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	policyv1 "k8s.io/api/policy/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// Thanos holds the parts of Thanos, apart from the sidecars in the pods of Prometheus. Its fields are
// nil for a stack without long-term storage.
type Thanos struct {
	Store         *ObjectStore          // nil without a Prometheus that uploads
	Certificate   *Certificate          // nil without TLS, or with a Secret that exists
	StoreGateways []*ThanosStoreGateway // by partition; none without a Store
	Compactor     *ThanosCompactor      // nil if another stack compacts the bucket
	Query         *ThanosQuery
	Frontend      *ThanosQueryFrontend
	Ruler         *ThanosRuler // nil without shards
}

// DeployThanos deploys the parts of Thanos onto their storage, if the stack has long-term storage.
func DeployThanos(ctx *pulumi.Context, site Site, storage *Storages, opts ...pulumi.ResourceOption) (*Thanos, error) {
	t, cfg := &Thanos{}, site.Stack.Config.LongTermStorage
	if !cfg.Enabled {
		return t, nil
	}
	var err error
	if tls := cfg.TLS; tls.IssuerRef.Name != "" {
		args := &CertificateArgs{Site: site, Issuer: tls.IssuerRef, SecretName: tls.SecretName, Hosts: render.CertificateHosts(cfg)}
		if t.Certificate, err = NewCertificate(ctx, "thanos-certificate", args, opts...); err != nil {
			return nil, err
		}
	}
	if site.Stack.Config.HasObjectStore() {
		if err := t.deployStore(ctx, site, opts...); err != nil {
			return nil, err
		}
	}
	if storage.Compactor != nil {
		args := &ThanosCompactorArgs{Site: site, Store: t.Store, Claims: storage.Compactor.Claims}
		if t.Compactor, err = NewThanosCompactor(ctx, "thanos-compactor", args, opts...); err != nil {
			return nil, err
		}
	}
	if t.Query, err = NewThanosQuery(ctx, "thanos-query", &ThanosQueryArgs{Site: site}, opts...); err != nil {
		return nil, err
	}
	if t.Frontend, err = NewThanosQueryFrontend(ctx, "thanos-query-frontend", &ThanosQueryFrontendArgs{Site: site}, opts...); err != nil || !site.Stack.Config.HasRuler() {
		return t, err
	}
	t.Ruler, err = NewThanosRuler(ctx, "thanos-ruler", &ThanosRulerArgs{Site: site, Store: t.Store, Claims: storage.Ruler.Claims}, opts...)
	return t, err
}

// deployStore deploys the object store, and the gateways that answer queries from it.
func (t *Thanos) deployStore(ctx *pulumi.Context, site Site, opts ...pulumi.ResourceOption) error {
	var err error
	if t.Store, err = NewObjectStore(ctx, "object-store", &ObjectStoreArgs{Site: site}, opts...); err != nil {
		return err
	}
	for partition := range site.Stack.Config.LongTermStorage.StoreGateway.Partitions {
		gateway, err := NewThanosStoreGateway(ctx, render.StoreGatewayName(site.Stack.Config, partition),
			&ThanosStoreGatewayArgs{Site: site, Store: t.Store, Partition: partition}, opts...)
		if err != nil {
			return err
		}
		t.StoreGateways = append(t.StoreGateways, gateway)
	}
	return nil
}

// checkThanos rejects a Site of a stack without long-term storage.
func (s Site) checkThanos() error {
	if err := s.check(); err != nil {
		return err
	}
	if s.Stack.Thanos == nil {
		return errors.New("Site needs a Stack with long-term storage")
	}
	return nil
}

// Ports of the parts of Thanos. That of a sidecar has a name of its own, because the pods of Prometheus
// have another web UI.
var (
	thanosHTTP  = tcp("web", render.ThanosHTTPPort)
	thanosGRPC  = tcp("grpc", render.ThanosGRPCPort)
	sidecarHTTP = tcp(render.ThanosSidecarPort, render.ThanosHTTPPort)
)

// thanosPods is a part of Thanos, and what a stack says about its pods.
type thanosPods struct {
	program    render.Program
	replicas   int
	account    config.ServiceAccount
	budget     *policyv1.PodDisruptionBudgetSpec // nil for the default one, or for a part that has only one pod
	resources  config.Resources
	scheduling config.Scheduling
}

// thanosStatefulSet completes set with what the parts of Thanos that work on the object store have in common, and
// creates it with its disruption budget and its autoscaler. spec has the volumes and container the ports, flags and
// mounts, all including those of the store; the pods restart when annotations change.
func (a app) thanosStatefulSet(set *appsv1.StatefulSetSpecArgs, spec *corev1.PodSpecArgs, container *corev1.ContainerArgs, annotations pulumi.StringMap,
	store *ObjectStore, pods thanosPods, opts ...pulumi.ResourceOption,
) error {
	a.account = pods.account
	if err := a.completePods("StatefulSet", spec, container, pods); err != nil {
		return err
	}
	spec.ServiceAccountName = store.accountName
	set.Replicas = pulumi.Int(pods.replicas)
	set.ServiceName = pulumi.String(a.objectName())
	set.Selector = &metav1.LabelSelectorArgs{MatchLabels: a.selector()}
	set.Template = a.pod(spec, pods.scheduling, annotations)
	_, err := create(a, "statefulset", appsv1.NewStatefulSet, &appsv1.StatefulSetArgs{Metadata: a.workloadMetadata(), Spec: set},
		append(opts, pulumi.DependsOn([]pulumi.Resource{store.Secret}))...)
	return err
}

// completePods completes spec and container with what the pods of all parts of Thanos have in common but a sidecar, and
// creates the disruption budget and the autoscaler of their workload, which is of the given kind.
func (a app) completePods(kind string, spec *corev1.PodSpecArgs, container *corev1.ContainerArgs, pods thanosPods) error {
	if err := a.disruptionBudget(pods.replicas, pods.budget); err != nil {
		return err
	}
	if err := a.autoscale(kind, pods.scheduling); err != nil {
		return err
	}
	container.Name = pulumi.String(a.name)
	container.ReadinessProbe = probe("/-/ready", thanosHTTP.name, 5, 6)
	container.LivenessProbe = probe("/-/healthy", thanosHTTP.name, 10, 6)
	a.serve(spec, container, pods.program)
	spec.SecurityContext = a.nonRoot(nobodyUID)
	spec.TerminationGracePeriodSeconds = pulumi.Int(150) // queries get two minutes to end
	spec.Containers = corev1.ContainerArray{a.container(container, pods.resources)}
	if pods.replicas > 1 {
		a.spreadReplicas(spec, false)
	}
	return nil
}

// thanosTLSVolume names the volume with the certificate of the parts of Thanos.
const thanosTLSVolume = "thanos-tls"

// addGRPC mounts the certificate of the parts of Thanos, if there is one, and returns the flags with
// which a server presents it over gRPC, and asks clients for one of the same authority.
func (a app) addGRPC(spec *corev1.PodSpecArgs, container *corev1.ContainerArgs) []string {
	secret := a.Stack.Config.LongTermStorage.TLS.SecretName
	if secret == "" {
		return nil
	}
	addVolume(spec, secretVolume(thanosTLSVolume, secret))
	addMount(container, readOnlyMount(thanosTLSVolume, render.ThanosTLSDir))
	return []string{
		"--grpc-server-tls-cert=" + render.ThanosTLSDir + "/tls.crt",
		"--grpc-server-tls-key=" + render.ThanosTLSDir + "/tls.key",
		"--grpc-server-tls-client-ca=" + render.ThanosTLSDir + "/ca.crt",
	}
}

// addVolume and addMount append to a pod and a container.
func addVolume(spec *corev1.PodSpecArgs, volume *corev1.VolumeArgs) {
	volumes, _ := spec.Volumes.(corev1.VolumeArray)
	spec.Volumes = append(volumes, volume)
}

func addMount(container *corev1.ContainerArgs, mount *corev1.VolumeMountArgs) {
	mounts, _ := container.VolumeMounts.(corev1.VolumeMountArray)
	container.VolumeMounts = append(mounts, mount)
}

// addSidecar adds to the pods of Prometheus the container that uploads its blocks and answers queries
// of its samples: https://thanos.io/tip/components/sidecar.md/
func (a app) addSidecar(spec *corev1.PodSpecArgs, annotations pulumi.StringMap, store *ObjectStore) {
	a.image = config.ThanosImage
	cfg := a.Stack.Config
	container := &corev1.ContainerArgs{
		Name:           pulumi.String("thanos-sidecar"),
		Ports:          containerPorts(sidecarHTTP, thanosGRPC),
		ReadinessProbe: probe("/-/ready", sidecarHTTP.name, 5, 6),
		LivenessProbe:  probe("/-/healthy", sidecarHTTP.name, 10, 6),
		// It notes in Prometheus' directory which blocks it has uploaded.
		VolumeMounts: corev1.VolumeMountArray{mount(dataVolumeName, render.PrometheusDataDir)},
	}
	flags := []string{
		"sidecar",
		"--prometheus.url=" + prometheusHere(cfg),
		"--prometheus.ready_timeout=" + cfg.Prometheus.StartupTimeout.Duration.String(), // as long as a replay may take
		"--tsdb.path=" + render.PrometheusDataDir,
	}
	read := map[string]string{}                           // once, when the sidecar starts; it reads only the password and certificates again
	if render.AsksForLogin(cfg, render.Prometheus.Name) { // the server has mounted the volume
		addMount(container, readOnlyMount(loginVolume, render.LoginDir))
		read["user"] = cfg.Login.Basic.Client.User
	}
	if cfg.TLS.Enabled() { // that one too
		addMount(container, readOnlyMount(tlsVolume, render.TLSDir))
		read["tls"] = a.Stack.TLS.Files[render.HTTPClientFile]
	}
	if file := render.Prometheus.ClientFile(cfg); file != "" {
		flags = append(flags, "--prometheus.http-client-file="+file)
		annotations["checksum/login"] = pulumi.String(checksum(read))
	}
	flags = append(flags, store.add(spec, container, annotations)...)
	flags = append(flags, a.addGRPC(spec, container)...)
	container.Args = pulumi.ToStringArray(flags)
	a.answer(container, render.ThanosSidecar)
	containers, _ := spec.Containers.(corev1.ContainerArray)
	spec.Containers = append(containers, a.container(container, cfg.LongTermStorage.Sidecar.Resources))
}

// add mounts what a container needs to reach the store, sets the annotation that restarts its pods when
// that changes, and returns the flags.
func (s *ObjectStore) add(spec *corev1.PodSpecArgs, container *corev1.ContainerArgs, annotations pulumi.StringMap) []string {
	addVolume(spec, secretVolume("object-store", config.ObjectStoreSecret))
	addMount(container, readOnlyMount("object-store", render.ThanosObjectStoreDir))
	if s.claim != "" {
		addVolume(spec, &corev1.VolumeArgs{
			Name:                  pulumi.String("bucket"),
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSourceArgs{ClaimName: pulumi.String(s.claim)},
		})
		addMount(container, mount("bucket", s.dir))
	}
	env, _ := container.Env.(corev1.EnvVarArray)
	for _, name := range slices.Sorted(maps.Keys(s.env)) {
		env = append(env, secretEnv(name, s.env[name]))
	}
	if len(env) > 0 {
		container.Env = env
	}
	annotations["version/object-store"] = s.Secret.Metadata.ResourceVersion().Elem()
	return []string{"--objstore.config-file=" + render.ThanosObjectStoreDir + "/" + objectStoreFile}
}

// goDuration returns a duration of Prometheus as most flags of Thanos read it, which know no days and weeks.
func goDuration(value string) (string, error) {
	duration, err := model.ParseDuration(value)
	return time.Duration(duration).String(), err
}
