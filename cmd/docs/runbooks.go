package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/dashboards"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/rules"
)

// symptom matches the line of a runbook that says what a person sees, and what is behind it:
// "Symptom: A disk fills up; a volume has little space left". A page has one or more.
var symptom = regexp.MustCompile(`(?m)^Symptom: ([^;\n]+); (.+)$`)

// firstSymptom is the heading of the runbooks' index after which every heading is a symptom.
const firstSymptom = "\n## Pods do not start\n"

// writeRunbook writes what tables say about an alert into its page: between its symptoms and its
// first section.
func writeRunbook(old []byte, facts string) ([]byte, error) {
	symptoms := symptom.FindAllIndex(old, -1)
	section := bytes.Index(old, []byte("\n## "))
	if len(symptoms) == 0 || section < symptoms[len(symptoms)-1][1] {
		return nil, errors.New("no symptom before the first section")
	}
	return slices.Concat(old[:symptoms[len(symptoms)-1][1]], []byte("\n\n"+facts), old[section:]), nil
}

// alertFacts returns what tables say about each alert, as a Markdown list, by its name.
func alertFacts() (map[string]string, error) {
	files, err := rules.Render(rules.Options{})
	if err != nil {
		return nil, err
	}
	shipped := map[string][]rulefmt.Rule{}
	jobs := map[string]config.Job{} // without whose metrics an alert cannot fire
	shows := map[string]string{}    // UID of the dashboard that shows an alert
	for _, file := range files {
		job, _ := rules.NeededBy(file.Name)
		for _, group := range file.Groups {
			for _, rule := range group.Rules {
				if rule.Alert != "" {
					shipped[rule.Alert] = append(shipped[rule.Alert], rule)
					jobs[rule.Alert] = job
					shows[rule.Alert] = rules.Dashboard(file.Name, rule.Alert)
				}
			}
		}
	}
	consequences, err := render.Consequences()
	if err != nil {
		return nil, err
	}
	boards, err := dashboards.Shipped()
	if err != nil {
		return nil, err
	}
	titles := map[string]string{}
	for _, board := range boards {
		titles[board.UID] = board.Title
	}
	facts := map[string]string{}
	for alert, rules := range shipped {
		var b strings.Builder
		fmt.Fprintf(&b, "- Severity: %s\n- Dashboard: %s (`/d/%s`)\n", severity(rules), titles[shows[alert]], shows[alert])
		if row, ok := jobs[alert].Row(); ok && row.ControlPlane {
			fmt.Fprintf(&b, "- Only on [platforms](../config.md#platform) with job `%s`: %s\n", row.Name, list(platformsWith(row.Name), "and"))
		}
		for _, c := range consequences {
			if slices.Contains(c.Causes.Names, alert) {
				fmt.Fprintf(&b, "- Silences %s%s %s%s\n", links(c.Effects.Names, "and"), condition(" ", c.Effects), scope(c.Equal), condition(", while it is ", c.Causes))
			}
		}
		for _, c := range consequences {
			if slices.Contains(c.Effects.Names, alert) {
				fmt.Fprintf(&b, "- Silenced by %s %s%s%s\n", links(c.Causes.Names, "or"), scope(c.Equal), condition(", while that is ", c.Causes), condition(", if this is ", c.Effects))
			}
		}
		facts[alert] = b.String()
	}
	return facts, nil
}

// platformsWith returns the platforms on which a job of the control plane can be scraped.
func platformsWith(job config.Job) []string {
	var names []string
	for name, profile := range config.Profiles {
		if _, ok := profile.ControlPlane[job]; ok {
			names = append(names, string(name))
		}
	}
	slices.Sort(names)
	return names
}

// severity returns the severities of an alert's rules, the worst first, each with how long the
// condition has to last.
func severity(rules []rulefmt.Rule) string {
	var all []string
	for _, name := range []string{"critical", "warning", "info", "none"} {
		var after []string
		for _, rule := range rules {
			if length := rule.For.String(); rule.Labels["severity"] == name && !slices.Contains(after, length) {
				after = append(after, length)
			}
		}
		switch {
		case len(after) == 0:
		case slices.Equal(after, []string{"0s"}):
			all = append(all, name+", at once")
		default:
			all = append(all, name+" after "+list(after, "or"))
		}
	}
	return strings.Join(all, "; ")
}

// links returns links to the pages of alerts, as a list that ends with a conjunction.
func links(alerts []string, conjunction string) string {
	all := make([]string, len(alerts))
	for i, alert := range alerts {
		all[i] = fmt.Sprintf("[%s](%[1]s.md)", alert)
	}
	return list(all, conjunction)
}

// list returns items as a phrase: a, b and c.
func list(items []string, conjunction string) string {
	last := len(items) - 1
	if last == 0 {
		return items[0]
	}
	return strings.Join(items[:last], ", ") + " " + conjunction + " " + items[last]
}

// scope returns which of the alerts that an inhibition names belong together.
func scope(equal []string) string {
	labels := slices.DeleteFunc(slices.Clone(equal), func(name string) bool { return name == "cluster" })
	if len(labels) == 0 {
		return "in the cluster"
	}
	return "of the same " + list(labels, "and")
}

// condition returns what an inhibition requires of alerts besides their names, after a text before;
// empty if it requires nothing.
func condition(before string, alerts render.Alerts) string {
	var all []string
	for _, m := range alerts.Labels {
		if m.Name == "severity" {
			all = slices.Insert(all, 0, m.Value)
			continue
		}
		values := strings.Split(m.Value, "|")
		for i, value := range values {
			values[i] = "`" + value + "`"
		}
		all = append(all, "of "+m.Name+" "+list(values, "or"))
	}
	if len(all) == 0 {
		return ""
	}
	return before + list(all, "and")
}

// writeRunbooks writes the index of runbooks: under each heading that is a symptom, the pages
// that name it. Symptoms are added, and ordered, by their headings in the index.
func writeRunbooks(old []byte, src source) ([]byte, error) {
	pages, err := filepath.Glob(filepath.Join(src.root, "docs", "runbooks", "*.md"))
	if err != nil {
		return nil, err
	}
	items := map[string][]string{} // by symptom
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			return nil, err
		}
		file := filepath.Base(page)
		found := symptom.FindAllStringSubmatch(string(text), -1)
		if len(found) == 0 && file != "README.md" {
			return nil, fmt.Errorf("%s has no line such as: Symptom: A disk fills up; a volume has little space left", file)
		}
		for _, match := range found {
			items[match[1]] = append(items[match[1]], fmt.Sprintf("- [%s](%s): %s\n", strings.TrimSuffix(file, ".md"), file, match[2]))
		}
	}
	introduction, headings, ok := strings.Cut(string(old), firstSymptom)
	if !ok {
		return nil, fmt.Errorf("no heading %q", strings.TrimSpace(firstSymptom))
	}
	var b strings.Builder
	b.WriteString(introduction)
	for line := range strings.Lines(firstSymptom + headings) {
		name, ok := strings.CutPrefix(line, "## ")
		if !ok {
			continue
		}
		name = strings.TrimSpace(name)
		fmt.Fprintf(&b, "\n## %s\n\n%s", name, strings.Join(items[name], ""))
		delete(items, name)
	}
	for name := range items {
		return nil, fmt.Errorf("a runbook names the symptom %q, which is not a heading; add it where it belongs", name)
	}
	return []byte(b.String()), nil
}
