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
	program string       // main package
	modules string       // directory of its go.mod, below the flag -modules
	image   config.Image // image with the same version; empty: the version is that of the module
	only    []string     // packages and files to read; empty: all
	except  []string     // packages and files whose metrics are at another address
	off     string       // files that pass this name to a function have metrics that are off by default
	labels  []string     // labels that the program finds at run time
}

// Packages and files with metrics of the kubelet's other addresses, from
// https://github.com/kubernetes/kubernetes/blob/v1.36.3/test/instrumentation/endpoint-mappings.yaml
const (
	cadvisor = "github.com/google/cadvisor/"
	probes   = "k8s.io/kubernetes/pkg/kubelet/prober/"
	resource = "k8s.io/kubernetes/pkg/kubelet/metrics/collectors/resource_metrics.go"
	slis     = "k8s.io/component-base/metrics/prometheus/slis/"
)

// registered lists packages whose metrics one component registers when it starts. Other
// components link these packages, but never register their metrics.
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

// others returns the packages whose metrics a component of Kubernetes does not expose: those
// of registered, except below its own path, and those at another address.
func others(own string, elsewhere ...string) []string {
	theirs := slices.DeleteFunc(slices.Clone(registered), func(path string) bool { return strings.HasPrefix(path, own) })
	return slices.Concat(theirs, elsewhere)
}

// blackboxProbes contains the metrics that the blackbox exporter returns for a probe.
const blackboxProbes = "github.com/prometheus/blackbox_exporter/prober/"

// prometheusLog creates metrics that get a prefix when they are registered, and are in
// metrics/additional.txt instead.
const prometheusLog = "github.com/prometheus/prometheus/tsdb/wlog/wlog.go"

// exporters lists the exporters whose sources are Go modules.
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
	{name: "kubelet-probes", program: "k8s.io/kubernetes/cmd/kubelet", only: []string{probes}},
}

// counts reports whether the exporter exposes the metrics of a source file; name is its
// package and file name.
func (e exporter) counts(name string, file *ast.File) bool {
	in := func(paths []string) bool {
		return slices.ContainsFunc(paths, func(path string) bool { return strings.HasPrefix(name, path) })
	}
	return (len(e.only) == 0 || in(e.only)) && !in(e.except) && (e.off == "" || !passes(file, e.off))
}

// passes reports whether a file passes an identifier to a function.
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

// version returns the exporter's version without a v.
func (e exporter) version(s *sources) string {
	version := s.packages[e.program].Module.Version
	if e.image != "" {
		version = config.Images{}.Version(e.image)
	}
	return strings.TrimPrefix(version, "v")
}
