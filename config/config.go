// Package config holds the stack config: its types, defaults, strict decoding and
// validation. It imports no Kubernetes or Pulumi SDK, so everything that can be
// known from config alone is checked without them.
package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Project is the Pulumi project, the prefix of every key in a stack file.
const Project = "kubernetes-prometheus"

// Config is one cluster's monitoring system. Each field is a top-level key of
// the stack file, prefixed with the project: `kubernetes-prometheus:cluster`.
type Config struct {
	// Which cluster and namespace this stack deploys to.
	Cluster Cluster `json:"cluster"`
	// Where container images come from.
	Images Images `json:"images"`
	// Where Prometheus keeps its samples.
	Storage Storage `json:"storage"`
	// The Prometheus server.
	Prometheus Prometheus `json:"prometheus"`
	// Samples in an object store, with Thanos.
	LongTermStorage LongTermStorage `json:"longTermStorage"`
	// What is scraped.
	Discovery Discovery `json:"discovery"`
	// The exporters deployed with Prometheus.
	Exporters Exporters `json:"exporters"`
	// Alertmanager, notifications and alerting rules.
	Alerting Alerting `json:"alerting"`
	// Grafana, its datasource and dashboards.
	Grafana Grafana `json:"grafana"`
	// How people log in to web UIs whose access.login asks for it.
	Login Logins `json:"login"`
	// How programs of the stack encrypt what they serve over HTTP, and whom they answer.
	TLS TLS `json:"tls"`
	// The checks of the whole stack that run in every preview.
	Checks Checks `json:"checks"`
	// Changes of objects, for what no other key reaches. The checks do not see them.
	Transforms []Transform `json:"transforms"`

	collected map[Job]collection // how each job's metrics are collected; set by complete
	unread    []string           // what a stack file does not have of its environment
	elsewhere bool               // whether the cluster to connect to may be in what the stack file does not have
}

// Default returns the config of a stack that sets nothing. Every default is set here or by the
// platform, or derived from those in complete.
func Default() Config { return defaultsOn(genericPlatform) }

// defaultsOn returns the defaults of a stack on platform.
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
		Login:      defaultLogins(),
		TLS:        defaultTLS(),

		LongTermStorage: defaultLongTermStorage(),
	}
	c.applyPlatform(platform)
	return c
}

// load decodes, completes and validates the values of a stack. isPlaintext reports whether the
// secret at a path is in plain text. The Config is usable only if there are no problems.
func load(values map[string]any, isPlaintext func(path string) bool) (*Config, Problems) {
	cfg := defaultsOn(platformOf(values))
	cfg.applyLongTermStorage(values)
	cfg.applyMode(values)
	problems := decode(values, isPlaintext, &cfg)
	cfg.complete()
	for _, problem := range slices.Concat(cfg.refuseUnqueried(values), cfg.refuseUnusedLogin(values), cfg.validate()) {
		if !problems.overlaps(problem.Path) { // otherwise it is about the default that replaced an invalid value
			problems = append(problems, problem)
		}
	}
	return &cfg, problems
}

// Unread returns what a stack file does not have of its environment, so that it is not in the Config: a line for each.
func (c *Config) Unread() []string { return c.unread }

// complete sets the values that are derived from others.
func (c *Config) complete() {
	if c.Storage.Mode == StorageDynamic && c.Storage.StorageClass == "" {
		c.Storage.StorageClass = c.Cluster.Profile().StorageClass
	}
	c.Prometheus.complete(c.Storage)
	c.LongTermStorage.complete(c.Cluster)
	c.completeTLS()
	for _, ui := range c.UIs() {
		ui.complete()
	}
	c.probeProvider()
	if c.Grafana.Database != nil {
		c.Grafana.Database.complete()
	}
	c.Exporters.BlackboxExporter.complete()
	c.resolveJobs()
}

func (c *Config) validate() Problems {
	var p Problems
	p.Add(c.Cluster.validate()...)
	p.Add(c.Images.validate()...)
	p.Add(c.Storage.validate(c.Prometheus)...)
	p.Add(c.Prometheus.validate(c.Storage)...)
	p.Add(c.validateLongTermStorage()...)
	p.Add(c.validateAgent()...)
	p.Add(c.validateQueryOnly()...)
	p.Add(c.validatePlatform()...)
	p.Add(c.validateDiscovery()...)
	p.Add(c.Exporters.validate()...)
	p.Add(c.Alerting.validate(c.Storage)...)
	p.Add(c.Grafana.validate(c.Storage)...)
	p.Add(c.validateExemplars()...)
	p.Add(c.validateAccess()...)
	p.Add(c.validateBasic()...)
	p.Add(c.validateLogin()...)
	p.Add(c.validateDatasourceLogin()...)
	p.Add(c.validateTLS()...)
	p.Add(c.Checks.validate()...)
	p.Add(c.validateTransforms()...)
	return p
}

// Problem is one violation in a stack's config.
type Problem struct {
	Path    string // config path, such as prometheus.resources.requests.cpu
	Message string // the invalid value and what is allowed

	meant         string // the path that an unknown one is likely a typo of; empty if none is near
	missingSecret bool   // a required secret is not set, which is allowed in a stack file
	notSecret     bool   // what is encrypted may not be a secret
}

// missing reports whether the Problem is that a value is not set. Messages about that start so.
func (p Problem) missing() bool { return strings.HasPrefix(p.Message, "missing") }

func (p Problem) Error() string { return p.Path + ": " + p.Message }

// Problems lists the violations found in a stack's config.
type Problems []Problem

// Add appends problems.
func (p *Problems) Add(more ...Problem) { *p = append(*p, more...) }

// Addf appends the Problem at path with a formatted message.
func (p *Problems) Addf(path, format string, args ...any) {
	*p = append(*p, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// invalid appends a Problem if errs is not empty. errs is what a function of apimachinery's
// validation package returns for value; the message leaves out its example and regular expression.
func (p *Problems) invalid(path, value string, errs []string) {
	if len(errs) > 0 {
		rule, _, _ := strings.Cut(errs[0], " (e.g. ")
		p.Addf(path, "%q: %s", value, rule)
	}
}

// invalidLabel appends Problems if name and value cannot be a label of an object.
func (p *Problems) invalidLabel(path, name, value string) {
	p.invalid(path, name, validation.IsQualifiedName(name))
	p.invalid(path, value, validation.IsValidLabelValue(value))
}

// missing appends the Problem of a required secret that is not set.
func (p *Problems) missing(path string) {
	*p = append(*p, Problem{Path: path, Message: "missing; " + SetSecret(path), missingSecret: true})
}

// missingHere appends the Problem of a required secret that is not set, and that cannot be in an existing Secret.
func (p *Problems) missingHere(path string) {
	*p = append(*p, Problem{Path: path, Message: "missing; set it with: " + SecretCommand(path), missingSecret: true})
}

// overlaps reports whether a known problem concerns path, a parent, a child, or the key
// it was likely a typo of.
func (p Problems) overlaps(path string) bool {
	return slices.ContainsFunc(p, func(known Problem) bool {
		return inside(path, known.Path) || inside(known.Path, path) || known.meant != "" && inside(path, known.meant)
	})
}

// inside reports whether path is parent or below it.
func inside(path, parent string) bool {
	rest, ok := strings.CutPrefix(path, parent)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// sorted returns the problems sorted by path, without duplicates.
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

// Join returns one error for several, of which any may be nil: first the Problems of all of them,
// sorted, then all other errors; nil if every error is.
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
