package config

import (
	"maps"
	"slices"
)

// Platform is a kind of cluster. It determines what can be scraped and run there, and some
// defaults.
type Platform string

func (Platform) Values() []string {
	var names []string
	for _, platform := range slices.Sorted(maps.Keys(Profiles)) {
		names = append(names, string(platform))
	}
	return names
}

// Profile holds the restrictions and the defaults of one platform.
type Profile struct {
	// Why pods may not use the host's files and network; empty if they may.
	NoHostAccess string
	// Whether all nodes run Linux.
	LinuxOnly bool
	// Whether the platform assigns user and group ids to pods, which may not choose their own.
	// Using the host then requires the right to use a SecurityContextConstraints.
	AssignsUsers bool
	// Whether the cluster's CA signs the kubelets' serving certificates.
	SignsKubeletCertificates bool
	// Port of node-exporter where 9100 is taken; 0 for 9100.
	NodeExporterPort int
	// StorageClass on SSD that every cluster has; empty for the default class.
	StorageClass string
	// Where the components of the control plane are scraped. A component that is not listed
	// cannot be scraped, except the API servers, which always have a Service.
	ControlPlane map[Job]ControlPlaneTarget
}

// ControlPlaneTarget is where Prometheus reaches a component of the control plane: pods,
// nodes, a path of the API server, or another job that collects its metrics.
type ControlPlaneTarget struct {
	Namespace   string // of the pods
	Pods        string // label selector
	Nodes       string // label selector of the nodes whose addresses serve the metrics
	APIPath     string // path of the metrics at the API servers
	APIAccess   string // resource of API group EKSMetricsGroup; the right to get it opens APIPath
	CollectedBy Job    // job of a process that serves the component's metrics too

	Port   int  // of the pods or nodes; 0 otherwise
	Secure bool // HTTPS, and only for callers who may get /metrics

	// Port of the same pods or nodes that serves the metrics by HTTPS to clients with a certificate, for
	// jobs that have one; 0 if there is none.
	CertificatePort int

	// What must be changed in the cluster before the job can be enabled; empty if nothing.
	Requires string
}

// EKSMetricsGroup is the API group of the control plane's metrics on EKS:
// https://docs.aws.amazon.com/eks/latest/userguide/view-raw-metrics.html
const EKSMetricsGroup = "metrics.eks.amazonaws.com"

// genericPlatform is the platform of stacks that name none.
const genericPlatform Platform = "generic"

// Profiles maps each platform to its profile.
var Profiles = map[Platform]Profile{
	// Any cluster. Components that a stack enables are expected where kubeadm puts them.
	genericPlatform: {ControlPlane: map[Job]ControlPlaneTarget{
		SchedulerJob:         staticPods("kube-scheduler", 10259, "pods labelled and reachable as on kubeadm"),
		ControllerManagerJob: staticPods("kube-controller-manager", 10257, "pods labelled and reachable as on kubeadm"),
		EtcdJob:              etcd("pods labelled and reachable as on kubeadm"),
		KubeProxyJob:         kubeProxy("k8s-app=kube-proxy", "pods labelled and reachable as on kubeadm"),
		CoreDNSJob:           coreDNS("CoreDNS as the cluster's DNS"),
	}},
	"kubeadm": {ControlPlane: kubeadm},
	"kind":    {LinuxOnly: true, ControlPlane: kubeadm},

	// One process per node runs every component, and each of its endpoints has all metrics:
	// https://docs.k3s.io/reference/metrics
	"k3s": {SignsKubeletCertificates: true, LinuxOnly: true, ControlPlane: map[Job]ControlPlaneTarget{
		APIServersJob:        {CollectedBy: NodesJob},
		SchedulerJob:         {CollectedBy: NodesJob},
		ControllerManagerJob: {CollectedBy: NodesJob},
		KubeProxyJob:         {CollectedBy: NodesJob},
		EtcdJob: {
			Nodes: "node-role.kubernetes.io/etcd=true", Port: 2381, CertificatePort: etcdClients,
			Requires: "embedded etcd and the server flag --etcd-expose-metrics, or " + etcdCertificate,
		},
		CoreDNSJob: coreDNS(""),
	}},

	"eks": {SignsKubeletCertificates: true, ControlPlane: map[Job]ControlPlaneTarget{
		SchedulerJob:         {APIPath: "/apis/" + EKSMetricsGroup + "/v1/ksh/container/metrics", APIAccess: "ksh/metrics"},
		ControllerManagerJob: {APIPath: "/apis/" + EKSMetricsGroup + "/v1/kcm/container/metrics", APIAccess: "kcm/metrics"},
		KubeProxyJob:         kubeProxy("k8s-app=kube-proxy", ""),
		CoreDNSJob:           coreDNS(""),
	}},
	"aks": {StorageClass: "managed-csi-premium", ControlPlane: map[Job]ControlPlaneTarget{
		KubeProxyJob: kubeProxy("component=kube-proxy", "a cluster with kube-proxy, and not Cilium, that serves its metrics on the nodes' addresses"),
		CoreDNSJob:   coreDNS(""),
	}},
	// Its DNS is kube-dns or Cloud DNS, and its control plane reports to Cloud Monitoring only.
	"gke": {StorageClass: "premium-rwo"},
	"gke-autopilot": {
		StorageClass: "premium-rwo",
		NoHostAccess: "Autopilot admits no pod with the host's network or files",
	},

	"openshift": {
		AssignsUsers:     true,
		NodeExporterPort: 9199, // OpenShift's own monitoring uses 9100
		ControlPlane: map[Job]ControlPlaneTarget{
			SchedulerJob:         {Namespace: "openshift-kube-scheduler", Pods: "app=openshift-kube-scheduler", Port: 10259, Secure: true},
			ControllerManagerJob: {Namespace: "openshift-kube-controller-manager", Pods: "app=kube-controller-manager", Port: 10257, Secure: true},
			CoreDNSJob: {
				Namespace: "openshift-dns", Pods: "dns.operator.openshift.io/daemonset-dns=default", Port: 9154, Secure: true,
				Requires: "network policies of openshift-dns that let Prometheus in",
			},
		},
	},
}

// kubeadm holds the targets of clusters that kubeadm installs. It binds most components to the
// loopback address, where no other pod reaches them.
var kubeadm = map[Job]ControlPlaneTarget{
	SchedulerJob:         staticPods("kube-scheduler", 10259, "the kube-scheduler flag --bind-address=0.0.0.0"),
	ControllerManagerJob: staticPods("kube-controller-manager", 10257, "the kube-controller-manager flag --bind-address=0.0.0.0"),
	EtcdJob:              etcd("the etcd flag --listen-metrics-urls=http://0.0.0.0:2381, or " + etcdCertificate),
	KubeProxyJob:         kubeProxy("k8s-app=kube-proxy", "metricsBindAddress: 0.0.0.0:10249 in the kube-proxy ConfigMap"),
	CoreDNSJob:           coreDNS(""),
}

// staticPods returns the target of a component that runs as static pods.
func staticPods(name string, port int, requires string) ControlPlaneTarget {
	return ControlPlaneTarget{Namespace: "kube-system", Pods: "component=" + name, Port: port, Secure: true, Requires: requires}
}

const (
	etcdClients     = 2379 // port of etcd for its clients, who need a certificate
	etcdCertificate = "discovery.jobs.etcd.tlsConfig with a certificate of a client of etcd"
)

// etcd returns the target of etcd in static pods. Its port for metrics alone has no TLS.
func etcd(requires string) ControlPlaneTarget {
	return ControlPlaneTarget{Namespace: "kube-system", Pods: "component=etcd", Port: 2381, CertificatePort: etcdClients, Requires: requires}
}

// kubeProxy returns the target of kube-proxy in pods that the label selector pods matches.
func kubeProxy(pods, requires string) ControlPlaneTarget {
	return ControlPlaneTarget{Namespace: "kube-system", Pods: pods, Port: 10249, Requires: requires}
}

// coreDNS returns the target of CoreDNS, which nearly everywhere has the label of its predecessor,
// kube-dns.
func coreDNS(requires string) ControlPlaneTarget {
	return ControlPlaneTarget{Namespace: "kube-system", Pods: "k8s-app=kube-dns", Port: 9153, Requires: requires}
}

// Profile returns the profile of the stack's platform.
func (c Cluster) Profile() Profile { return Profiles[c.Platform] }

// ControlPlaneTarget returns where the component that job scrapes is reached on the stack's
// platform; false if the platform's profile does not list it. A stack without a Prometheus queries
// clusters of any platform: there, the generic one adds what its own does not list.
func (c *Config) ControlPlaneTarget(job Job) (ControlPlaneTarget, bool) {
	target, ok := c.Cluster.Profile().ControlPlane[job]
	if !ok && !c.HasPrometheus() {
		target, ok = Profiles[genericPlatform].ControlPlane[job]
	}
	return target, ok
}

// platformOf returns the platform that the values of a stack name; generic if that is unknown.
func platformOf(values map[string]any) Platform {
	cluster, _ := values["cluster"].(map[string]any)
	name, _ := cluster["platform"].(string)
	if _, known := Profiles[Platform(name)]; !known { // decoding reports it
		return genericPlatform
	}
	return Platform(name)
}

// applyPlatform applies the platform's defaults to c.
func (c *Config) applyPlatform(platform Platform) {
	c.Cluster.Platform = platform
	profile := c.Cluster.Profile()
	c.Discovery.VerifyKubeletCertificates = profile.SignsKubeletCertificates
	if profile.NoHostAccess != "" {
		for _, exporter := range c.Exporters.hostExporters() {
			*exporter.enabled = false
		}
	}
	if profile.NodeExporterPort != 0 {
		c.Exporters.NodeExporter.Port = profile.NodeExporterPort
	}
	for job, target := range profile.ControlPlane {
		if target.Requires != "" {
			settings := c.Discovery.Jobs[job]
			settings.Enabled = new(bool)
			c.Discovery.Jobs[job] = settings
		}
	}
}

// validatePlatform rejects what the platform does not allow.
func (c *Config) validatePlatform() Problems {
	var p Problems
	profile := c.Cluster.Profile()
	if profile.LinuxOnly && c.Exporters.WindowsExporter.Enabled {
		p.Addf("exporters.windowsExporter.enabled", "true, but cluster.platform is %s, whose nodes all run Linux", c.Cluster.Platform)
	}
	if reason := profile.NoHostAccess; reason != "" {
		const message = "%v, but cluster.platform is %s: %s"
		for _, path := range c.Exporters.UsingHost() {
			p.Addf(path+".enabled", message, true, c.Cluster.Platform, reason)
		}
		if c.Storage.Mode == StorageLocal {
			p.Addf("storage.mode", message, c.Storage.Mode, c.Cluster.Platform, reason)
		}
	}
	return p
}
