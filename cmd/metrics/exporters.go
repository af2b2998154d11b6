package main

import (
	"go/ast"
	"slices"
	"strings"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// exporter is a program that exposes metrics at one address.
type exporter struct {
	name    string
	program string       // the package that it is linked from
	modules string       // folder of its go.mod, below that of the others'
	image   config.Image // whose version it has; that of its module without one
	only    []string     // packages and files whose metrics these are; all, without any
	except  []string     // packages and files whose metrics are at another address
	off     string       // what files pass to a function whose metrics are off unless asked for
	labels  []string     // that the program finds at run time for what it exposes
}

// Metrics of the kubelet's other addresses, as Kubernetes' own list of metrics
// has them: test/instrumentation/endpoint-mappings.yaml, of 1.36.
const (
	cadvisor = "github.com/google/cadvisor/"
	probes   = "k8s.io/kubernetes/pkg/kubelet/prober/"
	resource = "k8s.io/kubernetes/pkg/kubelet/metrics/collectors/resource_metrics.go"
	slis     = "k8s.io/component-base/metrics/prometheus/slis/"
)

// registered are packages whose metrics one component registers when it starts,
// those of k8s.io/apiserver with its address for metrics; other components are
// linked with them and never do.
var registered = []string{
	"k8s.io/apiserver/pkg/endpoints/metrics/",
	"k8s.io/apiserver/pkg/endpoints/handlers/metrics/",
	"k8s.io/apiserver/pkg/storage/cacher/metrics/",
	"k8s.io/apiserver/pkg/storage/etcd3/metrics/",
	"k8s.io/apiserver/pkg/storage/metrics/",
	"k8s.io/apiserver/pkg/util/flowcontrol/metrics/",
	"k8s.io/apiserver/pkg/util/peerproxy/metrics/",
	"k8s.io/kubernetes/pkg/controller/",
	"k8s.io/kubernetes/pkg/kubelet/",
	"k8s.io/kubernetes/pkg/proxy/",
	"k8s.io/kubernetes/pkg/scheduler/",
}

// others returns what a component of Kubernetes does not expose: what others
// register, its own packages being below a path, and what is at another address.
func others(own string, elsewhere ...string) []string {
	theirs := slices.DeleteFunc(slices.Clone(registered), func(path string) bool { return strings.HasPrefix(path, own) })
	return slices.Concat(theirs, elsewhere)
}

// blackboxProbes are what the blackbox exporter answers of a probe with.
const blackboxProbes = "github.com/prometheus/blackbox_exporter/prober/"

// prometheusLog makes metrics that get a prefix where they are registered: they
// are in additional.txt.
const prometheusLog = "github.com/prometheus/prometheus/tsdb/wlog/wlog.go"

// exporters are those whose sources are modules.
var exporters = []exporter{
	{name: "prometheus", program: "github.com/prometheus/prometheus/cmd/prometheus", image: config.PrometheusImage, except: []string{prometheusLog}},
	{name: "alertmanager", modules: "older", program: "github.com/prometheus/alertmanager/cmd/alertmanager", image: config.AlertmanagerImage},
	{name: "node-exporter", program: "github.com/prometheus/node_exporter", image: config.NodeExporterImage, off: "defaultDisabled"},
	{name: "kube-state-metrics", modules: "older", program: "k8s.io/kube-state-metrics/v2", image: config.KubeStateMetricsImage},
	{name: "blackbox-exporter", program: "github.com/prometheus/blackbox_exporter", image: config.BlackboxExporterImage, except: []string{blackboxProbes}},
	{name: "probe", program: "github.com/prometheus/blackbox_exporter", image: config.BlackboxExporterImage, only: []string{blackboxProbes}},
	{name: "coredns", program: "github.com/coredns/coredns"},
	{name: "kube-apiserver", program: "k8s.io/kubernetes/cmd/kube-apiserver", except: others("k8s.io/apiserver/", slis)},
	{name: "kube-controller-manager", program: "k8s.io/kubernetes/cmd/kube-controller-manager", except: others("k8s.io/kubernetes/pkg/controller/", slis)},
	{name: "kube-scheduler", program: "k8s.io/kubernetes/cmd/kube-scheduler", except: others("k8s.io/kubernetes/pkg/scheduler/", slis)},
	{name: "kube-proxy", program: "k8s.io/kubernetes/cmd/kube-proxy", except: others("k8s.io/kubernetes/pkg/proxy/", slis)},
	{name: "kubelet", program: "k8s.io/kubernetes/cmd/kubelet", except: others("k8s.io/kubernetes/pkg/kubelet/", slis, cadvisor, probes, resource)},
	{name: "cadvisor", program: "k8s.io/kubernetes/cmd/kubelet", only: []string{cadvisor},
		labels: []string{"container", "id", "image", "name", "namespace", "pod"}},
}

// counts reports whether the metrics of a source file are the exporter's.
func (e exporter) counts(name string, file *ast.File) bool {
	in := func(paths []string) bool {
		return slices.ContainsFunc(paths, func(path string) bool { return strings.HasPrefix(name, path) })
	}
	return (len(e.only) == 0 || in(e.only)) && !in(e.except) && (e.off == "" || !passes(file, e.off))
}

// passes reports whether a file passes a name to a function.
func passes(file *ast.File, name string) bool {
	found := false
	ast.Inspect(file, func(node ast.Node) bool {
		call, ok := node.(*ast.CallExpr)
		found = found || ok && slices.ContainsFunc(call.Args, func(arg ast.Expr) bool {
			passed, ok := arg.(*ast.Ident)
			return ok && passed.Name == name
		})
		return !found
	})
	return found
}

func (e exporter) version(s *sources) string {
	version := s.packages[e.program].Module.Version
	if e.image != "" {
		version = config.Images{}.Version(e.image)
	}
	return strings.TrimPrefix(version, "v")
}
