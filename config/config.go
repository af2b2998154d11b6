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
	c.assume(platform)
	return c
}

// Decode builds a validated Config from the values of a stack: top-level key
// (without the project prefix) to the decoded JSON or YAML value. It reports
// every violation at once, as Problems.
func Decode(values map[string]any) (*Config, error) {
	cfg, problems := load(values, func(string) bool { return false })
	if len(problems) > 0 {
		return nil, problems.sorted()
	}
	return cfg, nil
}

func load(values map[string]any, plain func(path string) bool) (*Config, Problems) {
	cfg := defaultsOn(platformOf(values))
	problems := decode(values, plain, &cfg)
	cfg.complete()
	for _, problem := range cfg.validate() {
		if !problems.about(problem.Path) { // else it is about the default that took the value's place
			problems = append(problems, problem)
		}
	}
	return &cfg, problems
}

// complete fills what is derived from other values.
func (c *Config) complete() {
	if c.Storage.Mode == DynamicStorage && c.Storage.StorageClass == "" {
		c.Storage.StorageClass = c.Cluster.Profile().StorageClass
	}
	c.Prometheus.complete(c.Storage)
	c.Grafana.complete()
	c.Exporters.BlackboxExporter.complete()
}

func (c *Config) validate() Problems {
	var p Problems
	p.add(c.Cluster.validate()...)
	p.add(c.Images.validate()...)
	p.add(c.Storage.validate(c.Prometheus.Replicas)...)
	p.add(c.Prometheus.validate(c.Storage)...)
	p.add(c.validatePlatform()...)
	p.add(c.validateDiscovery()...)
	p.add(c.Exporters.validate()...)
	p.add(c.Alerting.validate(c.Storage)...)
	p.add(c.Grafana.validate(c.Storage, c.Cluster.NetworkPolicies)...)
	p.add(c.Checks.validate()...)
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

func (p *Problems) add(more ...Problem) { *p = append(*p, more...) }

func (p *Problems) addf(path, format string, args ...any) {
	*p = append(*p, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// invalid reports a value that has errors of apimachinery's validation, whose
// rule is enough to say without its example and regular expression.
func (p *Problems) invalid(path, value string, errs []string) {
	if len(errs) > 0 {
		rule, _, _ := strings.Cut(errs[0], " (e.g. ")
		p.addf(path, "%q: %s", value, rule)
	}
}

// missing reports a secret that is required and not set.
func (p *Problems) missing(path string) {
	*p = append(*p, Problem{Path: path, Message: "missing; set it with: " + SecretCommand(path), missingSecret: true})
}

// about tells whether a problem is at path, around it or in it, or meant to be.
func (p Problems) about(path string) bool {
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

// Join makes one error of several, nil ones left out: first the problems of all
// of them, then what is no problem of the config.
func Join(errs ...error) error {
	var all Problems
	var others []error
	for _, err := range errs {
		var problems Problems
		if errors.As(err, &problems) {
			all.add(problems...)
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
