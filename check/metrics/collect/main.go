// Command collect writes the files of check/metrics from live scrapes of a
// cluster that runs the stack: `make metrics`. Everything is scraped by way of
// the API server, with the one credential of a kubeconfig.
//
// A metric that a file has stays in it: what a component exposes depends on what
// it has had to do so far. To start anew, delete the file.
//
//	collect [-kubeconfig FILE] [-namespace NAME] [-kube-state-metrics-docs DIR] [EXPORTER=SOURCE...]
//
// A further SOURCE is a path of the API server, or a file with what an exporter
// answered that the API server cannot reach, such as a scheduler's.
package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/check/metrics"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

func main() {
	kubeconfig := flag.String("kubeconfig", ".local/kubeconfig", "of the cluster")
	namespace := flag.String("namespace", "monitoring", "of the stack")
	docs := flag.String("kube-state-metrics-docs", "", "directory docs/metrics of kube-state-metrics' source, for the metrics of objects that the cluster has none of")
	out := flag.String("out", "check/metrics", "directory to write to")
	flag.Parse()
	if err := run(context.Background(), *kubeconfig, *namespace, *docs, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "collect:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig, namespace, docs, out string, further []string) error {
	cfg, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return err
	}
	c := &collector{cluster: cluster{ctx, client, cfg.Host}, found: map[string]*exposition{}}
	sources, err := c.cluster.sources(namespace)
	if err != nil {
		return err
	}
	for _, argument := range further {
		exporter, at, ok := strings.Cut(argument, "=")
		if !ok {
			return fmt.Errorf("%q; want EXPORTER=SOURCE", argument)
		}
		sources = append(sources, source{exporter, at})
	}
	for _, s := range sources {
		if err := c.scrape(s); err != nil {
			return fmt.Errorf("%s: %w", s.exporter, err)
		}
	}
	if docs != "" {
		if err := c.documented(docs); err != nil {
			return err
		}
	}
	for _, exporter := range slices.Sorted(maps.Keys(c.found)) {
		if err := c.found[exporter].write(out, exporter); err != nil {
			return err
		}
	}
	return nil
}

// source is where an exporter's metrics are: a path of the API server or a file.
type source struct{ exporter, at string }

type cluster struct {
	ctx    context.Context
	client *http.Client
	host   string
}

// sources of what a stack scrapes: the API server, the nodes and the pods of
// the stack and of CoreDNS.
func (c cluster) sources(namespace string) ([]source, error) {
	list := []source{{"kube-apiserver", "/metrics"}}
	nodes, err := c.list("/api/v1/nodes")
	if err != nil {
		return nil, err
	}
	for _, node := range nodes {
		proxy := "/api/v1/nodes/" + node.Metadata.Name + "/proxy/metrics"
		list = append(list, source{"kubelet", proxy}, source{"cadvisor", proxy + "/cadvisor"})
	}
	for namespace, selector := range map[string]string{
		namespace:     "app.kubernetes.io/part-of=" + config.Project,
		"kube-system": "k8s-app=kube-dns",
	} {
		pods, err := c.list("/api/v1/namespaces/" + namespace + "/pods?labelSelector=" + url.QueryEscape(selector))
		if err != nil {
			return nil, err
		}
		for _, pod := range pods {
			list = append(list, pod.sources()...)
		}
	}
	return list, nil
}

type object struct {
	Metadata struct {
		Name, Namespace string
		Labels          map[string]string
	}
	Spec struct {
		Containers []struct {
			Ports []struct {
				Name          string
				ContainerPort int
			}
		}
	}
}

func (c cluster) list(path string) ([]object, error) {
	body, err := c.get(path)
	if err != nil {
		return nil, err
	}
	var list struct{ Items []object }
	return list.Items, json.Unmarshal(body, &list)
}

// sources are those of a pod's metrics ports.
func (o object) sources() []source {
	exporter, path := o.Metadata.Labels["app.kubernetes.io/name"], "/metrics"
	switch {
	case exporter == "":
		exporter = "coredns"
	case exporter == string(config.NodeDirectorySizeMetricsJob):
		path = "/cgi-bin/metrics"
	}
	var list []source
	for _, container := range o.Spec.Containers {
		for _, port := range container.Ports {
			if !slices.Contains([]string{"web", "metrics", "telemetry"}, port.Name) {
				continue
			}
			proxy := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:%d/proxy", o.Metadata.Namespace, o.Metadata.Name, port.ContainerPort)
			list = append(list, source{exporter, proxy + path})
			if exporter == string(config.BlackboxExporterJob) { // which probes itself for a sample
				for _, probe := range []string{"module=http_2xx&target=http://127.0.0.1:9115", "module=tcp_connect&target=127.0.0.1:9115"} {
					list = append(list, source{"probe", proxy + "/probe?" + probe})
				}
			}
		}
	}
	return list
}

func (c cluster) get(path string) (body []byte, err error) {
	request, err := http.NewRequestWithContext(c.ctx, http.MethodGet, c.host+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := c.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, response.Status)
	}
	return io.ReadAll(response.Body)
}

// exposition is what an exporter was seen to expose.
type exposition struct {
	metrics metrics.Exposition
	version string
}

type collector struct {
	cluster cluster
	found   map[string]*exposition
}

func (c *collector) scrape(s source) error {
	var text []byte
	var err error
	if _, missing := os.Stat(s.at); missing == nil {
		text, err = os.ReadFile(s.at)
	} else {
		text, err = c.cluster.get(s.at)
	}
	if err != nil {
		return err
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		return fmt.Errorf("%s: %w", s.at, err)
	}
	e := c.of(s.exporter)
	for _, family := range families {
		e.metrics.Add(metricOf(family))
		if strings.HasSuffix(family.GetName(), "_build_info") {
			e.version = cmp.Or(versionOf(family), e.version)
		}
	}
	fmt.Printf("%-28s %5d metrics from %s\n", s.exporter, len(families), s.at)
	return nil
}

func (c *collector) of(exporter string) *exposition {
	if c.found[exporter] == nil {
		c.found[exporter] = &exposition{metrics: metrics.Exposition{}}
	}
	return c.found[exporter]
}

func metricOf(family *dto.MetricFamily) metrics.Metric {
	m := metrics.Metric{Name: family.GetName(), Type: model.MetricType(strings.ToLower(family.GetType().String()))}
	if family.GetType() == dto.MetricType_UNTYPED {
		m.Type = model.MetricTypeUnknown
	}
	for _, series := range family.GetMetric() {
		for _, label := range series.GetLabel() {
			m.Labels = append(m.Labels, label.GetName())
		}
		for _, bucket := range series.GetHistogram().GetBucket() {
			m.Bounds = append(m.Bounds, bucket.GetUpperBound())
		}
		slices.Sort(m.Labels)
		slices.Sort(m.Bounds)
		m.Labels, m.Bounds = slices.Compact(m.Labels), slices.Compact(m.Bounds)
	}
	return m
}

// versionOf is the version in the labels of a *_build_info.
func versionOf(family *dto.MetricFamily) string {
	for _, series := range family.GetMetric() {
		for _, label := range series.GetLabel() {
			if label.GetName() == "version" || label.GetName() == "git_version" {
				return strings.TrimPrefix(label.GetValue(), "v")
			}
		}
	}
	return ""
}

// A row of a table in kube-state-metrics' documents, and a label in it.
var (
	documentedMetric = regexp.MustCompile(`^\| *(kube_\w+) *\| *(\w+) *\|`)
	documentedLabel  = regexp.MustCompile("`([a-zA-Z_]+)` *=")
)

// documented adds the metrics that kube-state-metrics documents.
func (c *collector) documented(dir string) error {
	e := c.found[string(config.KubeStateMetricsJob)]
	if e == nil {
		return errors.New("-kube-state-metrics-docs: no kube-state-metrics was scraped, whose documents these could be")
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(text)) {
			row := documentedMetric.FindStringSubmatch(line)
			if row == nil {
				continue
			}
			m := metrics.Metric{Name: row[1], Type: model.MetricType(strings.ToLower(row[2]))}
			for _, label := range documentedLabel.FindAllStringSubmatch(line, -1) {
				if strings.ToLower(label[1]) == label[1] {
					m.Labels = append(m.Labels, label[1])
				} else { // label_POD_LABEL
					m.Open = true
				}
			}
			e.metrics.Add(m)
		}
		return nil
	})
}

// write merges the exposition into its file.
func (e *exposition) write(dir, exporter string) error {
	name := exporter + ".txt"
	if e.version != "" {
		name = exporter + "-v" + e.version + ".txt"
	}
	path := filepath.Join(dir, name)
	switch text, err := os.ReadFile(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	default:
		known, err := metrics.Parse(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, metric := range known {
			e.metrics.Add(metric)
		}
	}
	text := fmt.Sprintf("# What %s exposes: name type labels le. Written by `make metrics`.\n%s", exporter, e.metrics)
	return os.WriteFile(path, []byte(text), 0o644)
}
