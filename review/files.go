package review

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"go.yaml.in/yaml/v3"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
)

// contents are the files of a stack that have a meaning of their own, wherever
// the program puts them.
type contents struct {
	prometheus   map[string]any // prometheus.yml but its scrape configs
	jobs         []map[string]any
	rules        []rule
	alertmanager alertmanager
	dashboards   []dashboard
	read         map[string]bool // NAME/KEY of the ConfigMaps that hold them
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
		for _, key := range slices.Sorted(maps.Keys(data)) {
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

// add reads a file whose top level tells what it is.
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
		return false, nil // a template, or nothing that this program wrote
	}
	switch {
	case top["scrape_configs"] != nil:
		var jobs struct {
			ScrapeConfigs []map[string]any `yaml:"scrape_configs"`
		}
		err := yaml.Unmarshal([]byte(text), &jobs)
		c.jobs = append(c.jobs, jobs.ScrapeConfigs...)
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
			return false, nil // groups of something else
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

func jobChanges(before, after []map[string]any) []Change {
	sameName := func(a, b map[string]any) bool { return a["job_name"] == b["job_name"] }
	name := func(job map[string]any) string { return code(fmt.Sprint(job["job_name"])) }
	both, removed, added := pair(before, after, sameName)
	var changes []Change
	for _, job := range added {
		changes = append(changes, Change{Verb: "added", What: name(job), Details: []Detail{{Lang: "yaml", Block: toYAML(job, true)}}})
	}
	for _, job := range removed {
		changes = append(changes, Change{Verb: "removed", What: name(job)})
	}
	for _, jobs := range both {
		if details := settings(jobs[0], jobs[1]); len(details) > 0 {
			changes = append(changes, Change{Verb: "changed", What: name(jobs[0]), Details: details})
		}
	}
	return changes
}
