package review

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// contents holds the files of a stack that the report describes in sections of their
// own. They are recognized by what is in them, not by name.
type contents struct {
	prometheus   map[string]any   // prometheus.yml without its scrape configs
	jobs         []map[string]any // of all shards, each once
	rules        []rule
	alertmanager alertmanager
	dashboards   []dashboard
	read         map[string]bool // names NAME/KEY of ConfigMaps and their files
}

// rule is an alerting or a recording rule.
type rule struct {
	Alert         string            `yaml:"alert"`
	Record        string            `yaml:"record"`
	Expr          string            `yaml:"expr"`
	For           string            `yaml:"for"`
	KeepFiringFor string            `yaml:"keep_firing_for"`
	Labels        map[string]string `yaml:"labels"`
	Annotations   map[string]string `yaml:"annotations"`
}

// contentsOf reads the ConfigMaps among the resources of a stack.
func contentsOf(resources []offline.Resource) (contents, error) {
	c := contents{read: map[string]bool{}}
	for _, r := range resources {
		if r.Type != "kubernetes:core/v1:ConfigMap" || !r.Inputs["data"].IsObject() {
			continue
		}
		data := r.Inputs["data"].ObjectValue()
		for _, key := range sorted(data) {
			if !data[key].IsString() {
				continue
			}
			file := string(key)
			known, err := c.add(file, data[resource.PropertyKey(file)].StringValue())
			if err != nil {
				return c, fmt.Errorf("%s, %s: %w", r.Name, file, err)
			}
			if known {
				c.read[r.Name+"/"+file] = true
			}
		}
	}
	return c, nil
}

// add parses a file, and reports whether its top level is of a known format.
func (c *contents) add(file, text string) (known bool, err error) {
	switch filepath.Ext(file) {
	case ".json":
		var d dashboard
		if err := json.Unmarshal([]byte(text), &d); err != nil {
			return false, err
		}
		if err := json.Unmarshal([]byte(text), &d.all); err != nil {
			return false, err
		}
		if d.all["panels"] == nil && d.all["elements"] == nil {
			return false, nil
		}
		c.dashboards = append(c.dashboards, d)
		return true, nil
	case ".yaml", ".yml":
	default:
		return false, nil
	}
	var top map[string]any
	if yaml.Unmarshal([]byte(text), &top) != nil {
		return false, nil // a template, or not YAML
	}
	switch {
	case top["scrape_configs"] != nil:
		var jobs struct {
			ScrapeConfigs []map[string]any `yaml:"scrape_configs"`
		}
		err := yaml.Unmarshal([]byte(text), &jobs)
		for _, job := range jobs.ScrapeConfigs {
			c.addJob(job)
		}
		delete(top, "scrape_configs")
		c.prometheus = top
		return true, err
	case top["route"] != nil && top["receivers"] != nil:
		return true, c.alertmanager.read(text, top)
	case top["groups"] != nil:
		var file struct {
			Groups []struct{ Rules []rule }
		}
		if err := yaml.Unmarshal([]byte(text), &file); err != nil {
			return false, nil // not rule groups
		}
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				known = known || rule.name() != ""
			}
			c.rules = append(c.rules, group.Rules...)
		}
		return known, nil
	}
	return false, nil
}

// addJob adds a scrape config, unless another shard has it too. Those of shards differ in the rule that
// keeps the targets of each, after the one that divides them.
func (c *contents) addJob(job map[string]any) {
	if rules, ok := job["relabel_configs"].([]any); ok {
		job["relabel_configs"] = slices.DeleteFunc(rules, func(rule any) bool {
			fields, _ := rule.(map[string]any)
			labels, _ := fields["source_labels"].([]any)
			return len(labels) == 1 && labels[0] == render.ShardLabel
		})
	}
	if !slices.ContainsFunc(c.jobs, func(known map[string]any) bool { return known["job_name"] == job["job_name"] }) {
		c.jobs = append(c.jobs, job)
	}
}

func jobChanges(before, after []map[string]any) []Change {
	name := func(job map[string]any) string { return code(fmt.Sprint(job["job_name"])) }
	return kind[map[string]any]{
		same: sameField("job_name"),
		added: func(job map[string]any) (string, []Detail) {
			return name(job), []Detail{{Lang: "yaml", Block: toYAML(job, true)}}
		},
		changed: func(before, after map[string]any) (string, []Detail) {
			return name(before), settings("", before, after)
		},
	}.changes(before, after)
}
