package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/metrics"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// source is the place of an exporter's metrics: a path of the API server or a file.
type source struct{ exporter, at string }

type cluster struct {
	ctx    context.Context
	client *http.Client
	host   string
}

// sources returns the sources that a stack scrapes: the API server, the nodes, and the pods
// of the stack and of CoreDNS.
func (c cluster) sources(namespace string) ([]source, error) {
	list := []source{{"kube-apiserver", "/metrics"}}
	nodes, err := c.list("/api/v1/nodes")
	if err != nil {
		return nil, err
	}
	for _, node := range nodes {
		proxy := "/api/v1/nodes/" + node.Metadata.Name + "/proxy/metrics"
		list = append(list, source{"kubelet", proxy}, source{"cadvisor", proxy + "/cadvisor"}, source{"kubelet-probes", proxy + "/probes"})
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

// object has the fields of nodes and pods that sources reads.
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

// sources returns the sources of a pod's metrics ports.
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
			proxy := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:%d/proxy", o.Metadata.Namespace, o.Metadata.Name, port.ContainerPort)
			if port.Name == render.ThanosSidecarPort { // in the pods of Prometheus
				list = append(list, source{string(config.ThanosSidecarJob), proxy + path})
			}
			if !slices.Contains([]string{"web", "metrics", "telemetry"}, port.Name) {
				continue
			}
			list = append(list, source{exporter, proxy + path})
			if exporter == string(config.BlackboxExporterJob) { // its probes of itself are a sample
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

// metricOf returns a metric with the labels and bucket bounds of all its series.
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

// versionOf returns the version, without a v, in the labels of a *_build_info.
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
