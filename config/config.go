// Package config is the stack config: its types, defaults, strict decoding and
// validation. It imports no Kubernetes or Pulumi SDK, so everything that can be
// known from config alone is checked without them.
package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Project is the Pulumi project, the prefix of every key in a stack file.
const Project = "kubernetes-prometheus"

// Config is one cluster's monitoring system. Each field is a top-level key of
// the stack file, prefixed with the project: `kubernetes-prometheus:cluster`.
type Config struct {
	// Which cluster and namespace this stack owns.
	Cluster Cluster `json:"cluster"`
	// Where container images come from.
	Images Images `json:"images"`
	// Where Prometheus keeps its samples.
	Storage Storage `json:"storage"`
	// The Prometheus server.
	Prometheus Prometheus `json:"prometheus"`
	// What is scraped.
	Discovery Discovery `json:"discovery"`
	// The exporters shipped beside Prometheus.
	Exporters Exporters `json:"exporters"`
	// Alertmanager, notifications and alerting rules.
	Alerting Alerting `json:"alerting"`
	// Grafana, its datasource and dashboards.
	Grafana Grafana `json:"grafana"`
	// The checks of the whole stack in every preview.
	Checks Checks `json:"checks"`

	collected map[Job]collection // of every job, once complete
}

// Default returns the config of a stack that sets nothing. Every default is
// here, of its platform, or derived in complete from values that are.
func Default() Config { return defaultsOn(genericPlatform) }

func defaultsOn(platform Platform) Config {
	c := Config{
		Cluster:    defaultCluster(),
		Images:     Images{PullPolicy: "IfNotPresent"},
		Storage:    defaultStorage(),
		Prometheus: defaultPrometheus(),
		Discovery:  defaultDiscovery(),
		Exporters:  defaultExporters(),
		Alerting:   defaultAlerting(),
		Grafana:    defaultGrafana(),
	}
	c.applyPlatform(platform)
	return c
}

func load(values map[string]any, isPlaintext func(path string) bool) (*Config, Problems) {
	cfg := defaultsOn(platformOf(values))
	problems := decode(values, isPlaintext, &cfg)
	cfg.complete()
	for _, problem := range cfg.validate() {
		if !problems.overlaps(problem.Path) { // else it is about the default that took the value's place
			problems = append(problems, problem)
		}
	}
	return &cfg, problems
}

// complete fills what is derived from other values.
func (c *Config) complete() {
	if c.Storage.Mode == StorageDynamic && c.Storage.StorageClass == "" {
		c.Storage.StorageClass = c.Cluster.Profile().StorageClass
	}
	c.Prometheus.complete(c.Storage)
	c.Grafana.complete()
	c.Exporters.BlackboxExporter.complete()
	c.resolveJobs()
}

func (c *Config) validate() Problems {
	var p Problems
	p.Add(c.Cluster.validate()...)
	p.Add(c.Images.validate()...)
	p.Add(c.Storage.validate(c.Prometheus.Replicas)...)
	p.Add(c.Prometheus.validate(c.Storage)...)
	p.Add(c.validatePlatform()...)
	p.Add(c.validateDiscovery()...)
	p.Add(c.Exporters.validate()...)
	p.Add(c.Alerting.validate(c.Storage)...)
	p.Add(c.Grafana.validate(c.Storage, c.Cluster.NetworkPolicies)...)
	p.Add(c.Checks.validate()...)
	return p
}

// Problem is one violation in a stack's config.
type Problem struct {
	Path    string // config path, such as prometheus.resources.requests.cpu
	Message string // the bad value and what is allowed

	meant         string // path that an unknown one was most likely meant to be
	missingSecret bool   // which only the stack itself, not its file, has to have
}

func (p Problem) Error() string { return p.Path + ": " + p.Message }

// Problems is every violation found in a stack's config.
type Problems []Problem

// Add adds problems.
func (p *Problems) Add(more ...Problem) { *p = append(*p, more...) }

// Addf adds the problem of one path.
func (p *Problems) Addf(path, format string, args ...any) {
	*p = append(*p, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// invalid reports a value that has errors of apimachinery's validation, whose
// rule is enough to say without its example and regular expression.
func (p *Problems) invalid(path, value string, errs []string) {
	if len(errs) > 0 {
		rule, _, _ := strings.Cut(errs[0], " (e.g. ")
		p.Addf(path, "%q: %s", value, rule)
	}
}

// missing reports a secret that is required and not set.
func (p *Problems) missing(path string) {
	*p = append(*p, Problem{Path: path, Message: "missing; set it with: " + SecretCommand(path), missingSecret: true})
}

// overlaps reports whether a known problem concerns path, a parent, a child, or the key
// it was likely a typo of.
func (p Problems) overlaps(path string) bool {
	return slices.ContainsFunc(p, func(known Problem) bool {
		return inside(path, known.Path) || inside(known.Path, path) || known.meant != "" && inside(path, known.meant)
	})
}

// inside tells whether path is parent or below it.
func inside(path, parent string) bool {
	rest, ok := strings.CutPrefix(path, parent)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

func (p Problems) sorted() Problems {
	slices.SortStableFunc(p, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return slices.Compact(p)
}

// Err returns the problems as an error, sorted by path and each once; nil if there are none.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p.sorted()
}

// Join makes one error of several, nil ones left out: first the problems of all
// of them, then what is no problem of the config.
func Join(errs ...error) error {
	var all Problems
	var others []error
	for _, err := range errs {
		var problems Problems
		if errors.As(err, &problems) {
			all.Add(problems...)
		} else {
			others = append(others, err)
		}
	}
	if len(all) > 0 {
		others = append([]error{all.sorted()}, others...)
	}
	return errors.Join(others...)
}

func (p Problems) Error() string {
	lines := make([]string, 0, len(p)+1)
	lines = append(lines, fmt.Sprintf("%d problem(s) in the stack's config:", len(p)))
	for _, problem := range p {
		lines = append(lines, "  "+problem.Error())
	}
	return strings.Join(lines, "\n")
}
