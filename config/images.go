package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Image names one container image of the system.
type Image string

// The images of the system.
const (
	PrometheusImage       Image = "prometheus"
	AlertmanagerImage     Image = "alertmanager"
	NodeExporterImage     Image = "node-exporter"
	KubeStateMetricsImage Image = "kube-state-metrics"
	BlackboxExporterImage Image = "blackbox-exporter"
	BusyboxImage          Image = "busybox" // of node-directory-size-metrics
	GrafanaImage          Image = "grafana"
	CurlImage             Image = "curl" // of Grafana's import job
	ThanosImage           Image = "thanos"
	OAuth2ProxyImage      Image = "oauth2-proxy"
	WindowsExporterImage  Image = "windows-exporter"
	K8sSidecarImage       Image = "k8s-sidecar" // of Grafana's dashboards in ConfigMaps
)

// pins maps each image to its pinned reference: registry, repository and the tag of one release, and a
// digest if one is pinned too: registry/repository:tag@sha256:digest.
var pins = map[Image]string{
	PrometheusImage:       "quay.io/prometheus/prometheus:v3.16.0",
	AlertmanagerImage:     "quay.io/prometheus/alertmanager:v0.34.2",
	NodeExporterImage:     "quay.io/prometheus/node-exporter:v1.12.1",
	KubeStateMetricsImage: "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.19.1",
	BlackboxExporterImage: "quay.io/prometheus/blackbox-exporter:v0.28.0",
	BusyboxImage:          "docker.io/library/busybox:1.37.0",
	GrafanaImage:          "docker.io/grafana/grafana:13.1.3",
	CurlImage:             "docker.io/curlimages/curl:8.21.0",
	ThanosImage:           "quay.io/thanos/thanos:v0.42.4",
	OAuth2ProxyImage:      "quay.io/oauth2-proxy/oauth2-proxy:v7.15.6",
	WindowsExporterImage:  "ghcr.io/prometheus-community/windows-exporter:0.31.8",
	K8sSidecarImage:       "quay.io/kiwigrid/k8s-sidecar:2.11.2",
}

func (Image) Values() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(pins)) {
		names = append(names, string(name))
	}
	return names
}

// Images configures where container images come from.
type Images struct {
	// Registry to its mirror: with `quay.io: mirror.example.com/quay`, every image of quay.io is
	// pulled from there.
	RegistryMirrors map[string]string `json:"registryMirrors"`
	// Image to the full reference that replaces the pinned one: registry/repository:tag, a digest, or
	// both, registry/repository:tag@sha256:digest.
	Overrides map[Image]string `json:"overrides"`
	// Pull policy of every container: IfNotPresent, Always or Never.
	PullPolicy PullPolicy `json:"pullPolicy"`
	// Names of existing image pull Secrets in the namespace.
	PullSecrets []string `json:"pullSecrets"`
}

// PullPolicy is a Kubernetes image pull policy.
type PullPolicy string

func (PullPolicy) Values() []string { return []string{"IfNotPresent", "Always", "Never"} }

// Ref returns the reference to pull image by: its override or pin, from the registry's mirror if
// there is one.
func (i Images) Ref(image Image) string {
	ref := i.Source(image)
	registry := registryOf(ref)
	mirror, ok := i.RegistryMirrors[registry]
	if !ok {
		return ref
	}
	named, err := reference.ParseNormalizedNamed(ref) // docker.io and library/ may be left out
	if err != nil {
		return ref
	}
	return strings.TrimSuffix(mirror, "/") + strings.TrimPrefix(named.String(), registry)
}

// Source returns the override or pin of image, which a mirror has a copy of.
func (i Images) Source(image Image) string {
	if override, ok := i.Overrides[image]; ok {
		return override
	}
	return pins[image]
}

// pinned reports whether a reference has a digest, so that what it refers to does not change.
func pinned(ref reference.Named) bool {
	_, digested := ref.(reference.Digested)
	return digested
}

// registryOf returns the registry of a reference: docker.io if it names none, "" if it is invalid.
func registryOf(ref string) string {
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return ""
	}
	return reference.Domain(named)
}

// Version returns the tag of image, for the app.kubernetes.io/version label; "" for a reference by
// digest alone and for a tag that is too long for a label.
func (i Images) Version(image Image) string {
	ref, err := reference.ParseNormalizedNamed(i.Ref(image))
	if err != nil {
		return ""
	}
	tagged, ok := ref.(reference.Tagged)
	if !ok || len(validation.IsValidLabelValue(tagged.Tag())) > 0 {
		return ""
	}
	return tagged.Tag()
}

func (i Images) validate() Problems {
	var p Problems
	for _, name := range slices.Sorted(maps.Keys(i.Overrides)) {
		path, value := "images.overrides."+string(name), i.Overrides[name]
		ref, err := reference.ParseNormalizedNamed(value)
		if err != nil {
			p.Addf(path, "%q: %v; allowed: registry/repository:tag, with or without @sha256:digest", value, err)
		} else if reference.IsNameOnly(ref) {
			p.Addf(path, "%q has neither tag nor digest; allowed: registry/repository:tag, with or without @sha256:digest", value)
		} else if tagged, ok := ref.(reference.Tagged); ok && tagged.Tag() == "latest" && !pinned(ref) {
			p.Addf(path, "%q changes over time; allowed: registry/repository:tag with the tag of a version", value)
		}
	}
	used := map[string]bool{}
	for image := range pins {
		used[registryOf(i.Source(image))] = true
	}
	for _, registry := range slices.Sorted(maps.Keys(i.RegistryMirrors)) {
		path := fmt.Sprintf("images.registryMirrors[%q]", registry)
		if !used[registry] {
			p.Add(UnknownName(path, registry, slices.Sorted(maps.Keys(used))))
		}
		if _, err := reference.ParseNormalizedNamed(strings.TrimSuffix(i.RegistryMirrors[registry], "/") + "/x"); err != nil {
			p.Addf(path, "%q: %v; allowed: host[:port][/path]", i.RegistryMirrors[registry], err)
		}
	}
	for n, name := range i.PullSecrets {
		p.invalid(fmt.Sprintf("images.pullSecrets[%d]", n), name, validation.IsDNS1123Subdomain(name))
	}
	return p
}
