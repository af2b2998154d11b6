package review

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/deepcopy"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/immutable"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
)

// Compare says what becomes of a stack that has the resources before, when it
// gets the resources after.
func Compare(stack string, before, after []offline.Resource) (Report, error) {
	report := Report{Stack: stack}
	was, err := contentsOf(before)
	if err != nil {
		return report, fmt.Errorf("before: %w", err)
	}
	is, err := contentsOf(after)
	if err != nil {
		return report, fmt.Errorf("after: %w", err)
	}
	could, err := permissionsOf(before)
	if err != nil {
		return report, fmt.Errorf("before: %w", err)
	}
	can, err := permissionsOf(after)
	if err != nil {
		return report, fmt.Errorf("after: %w", err)
	}
	c := comparison{
		settings: settingsOf(after),
		explained: func(name, file string) bool {
			return was.read[name+"/"+file] && is.read[name+"/"+file]
		},
	}
	c.compare(before, after)
	report.Blockers = c.blockers
	report.Sections = []Section{
		{"Objects replaced or deleted", c.lost},
		{"Permissions widened", widened(could, can)},
		{"Alerts", ruleChanges(alerts(was.rules), alerts(is.rules))},
		{"Recording rules", ruleChanges(recordings(was.rules), recordings(is.rules))},
		{"Scrape jobs", jobChanges(was.jobs, is.jobs)},
		{"Receivers", receiverChanges(was.alertmanager.receivers, is.alertmanager.receivers)},
		{"Routes", routeChanges(was.alertmanager.routes, is.alertmanager.routes)},
		{"Inhibitions", inhibitChanges(was.alertmanager.inhibits, is.alertmanager.inhibits)},
		{"Dashboards", dashboardChanges(was.dashboards, is.dashboards)},
		{"Images", imageChanges(before, after)},
		{"Settings", slices.Concat(
			fileChanges("prometheus.yml", was.prometheus, is.prometheus),
			fileChanges("alertmanager.yml", was.alertmanager.everything, is.alertmanager.everything),
		)},
		{"Other changes of objects", c.rest},
	}
	return report, nil
}

// comparison is that of objects as such.
type comparison struct {
	settings  immutable.Settings
	explained func(name, file string) bool // by a section of its own

	blockers   []string
	lost, rest []Change
}

// precious are the kinds whose replacement takes data or everything else along.
var precious = map[string]string{
	"StatefulSet":           "its pods all end before the new ones start",
	"PersistentVolumeClaim": "what is on its volume may be lost",
	"PersistentVolume":      "what is on it may be lost",
	"Namespace":             "with everything in it",
}

func (c *comparison) compare(before, after []offline.Resource) {
	c.cluster(before, after)
	before = slices.DeleteFunc(slices.Clone(before), func(r offline.Resource) bool { return !isObject(r) })
	after = slices.DeleteFunc(slices.Clone(after), func(r offline.Resource) bool { return !isObject(r) })
	// To the engine it is the same resource if it has the same URN. To the cluster
	// it is the same object if it has the same kind and name.
	both, gone, created := pair(before, after,
		func(a, b offline.Resource) bool { return a.URN == b.URN },
		func(a, b offline.Resource) bool { return slices.Contains(b.Aliases, a.URN) },
	)
	renamed, gone, created := pair(gone, created, func(a, b offline.Resource) bool { return objectOf(a) == objectOf(b) })
	revisions := make([]*revision, len(both))
	for i, r := range both {
		revisions[i] = c.revise(r[0], r[1])
	}
	replaceWith(revisions)
	for _, u := range revisions {
		c.tell(u)
	}
	for _, r := range renamed {
		c.lose("replaced", r[0], fmt.Sprintf("it is %s in the program and was %s; an alias keeps it", code(r[1].URN), code(r[0].URN)))
	}
	for _, r := range gone {
		c.lose("deleted", r)
	}
	for _, r := range created {
		c.rest = append(c.rest, Change{Verb: "added", What: code(objectOf(r).String())})
	}
}

// cluster looks at the connection: another cluster has none of the objects.
func (c *comparison) cluster(before, after []offline.Resource) {
	moved := func(field resource.PropertyKey) (was, is string, moved bool) {
		was, is = providerField(before, field), providerField(after, field)
		return code(was), code(is), was != "" && is != "" && was != is
	}
	if was, is, ok := moved("clusterIdentifier"); ok {
		c.blockers = append(c.blockers, fmt.Sprintf("the cluster is %s and was %s: every object is replaced", is, was))
	}
	if was, is, ok := moved("context"); ok {
		c.blockers = append(c.blockers, fmt.Sprintf("the context is %s and was %s: another cluster has none of the objects", is, was))
	}
}

func providerField(resources []offline.Resource, field resource.PropertyKey) string {
	for _, r := range resources {
		if value := r.Inputs[field]; r.Type == providerType && value.IsString() {
			return value.StringValue()
		}
	}
	return ""
}

func (c *comparison) lose(verb string, r offline.Resource, why ...string) {
	o := objectOf(r)
	change := Change{Verb: verb, What: code(o.String())}
	for _, reason := range why {
		change.Details = append(change.Details, Detail{Text: reason})
	}
	if r.Protect {
		change.Details = append(change.Details, Detail{Text: "it is protected: the update ends with an error"})
	}
	c.lost = append(c.lost, change)
	// A deleted StatefulSet leaves its claims, and is what somebody turned off.
	if harm, ok := precious[o.Kind]; ok && (verb != "deleted" || o.Kind != "StatefulSet") {
		reasons := ""
		if len(why) > 0 {
			reasons = " (" + strings.Join(why, ", ") + ")"
		}
		c.blockers = append(c.blockers, fmt.Sprintf("%s is %s%s: %s", code(o.String()), verb, reasons, harm))
	}
}

// revision is one resource in both versions.
type revision struct {
	before, after offline.Resource
	paths         []string // that differ
	why           []string // it is replaced
}

func (c *comparison) revise(before, after offline.Resource) *revision {
	u := &revision{before: before, after: after}
	olds, news := before.Inputs, deepcopy.Copy(after.Inputs).(resource.PropertyMap)
	for _, ignored := range after.Ignores {
		if path, err := resource.ParsePropertyPath(ignored); err == nil {
			path.Reset(olds, news)
		}
	}
	u.after.Inputs = news
	fields := immutable.Fields(olds, news, c.settings)
	for _, field := range after.ReplaceOn {
		if path, err := resource.ParsePropertyPath(field); err == nil {
			fields = append(fields, path)
		}
	}
	u.paths = sorted(plugin.NewDetailedDiffFromObjectDiff(olds.Diff(news), true))
	for _, path := range u.paths {
		if fields.Replaces(path, olds, news) {
			u.why = append(u.why, code(path)+" cannot change")
		}
	}
	return u
}

// replaceWith replaces what the program wants replaced along with something that is.
func replaceWith(revisions []*revision) {
	replaced := map[string]object{}
	for found := true; found; {
		found = false
		for _, u := range revisions {
			if _, known := replaced[u.after.URN]; known {
				continue
			}
			for _, urn := range u.after.ReplaceWith {
				if with, ok := replaced[urn]; ok {
					u.why = append(u.why, "goes with "+code(with.String()))
				}
			}
			if len(u.why) > 0 {
				replaced[u.after.URN], found = objectOf(u.before), true
			}
		}
	}
}

func (c *comparison) tell(u *revision) {
	if len(u.why) > 0 {
		c.lose("replaced", u.before, u.why...)
	}
	restarts := len(u.why) == 0 && objectOf(u.after).Kind != "Job" &&
		slices.ContainsFunc(u.paths, func(path string) bool { return strings.HasPrefix(path, "spec.template.") })
	oldText, newText := c.unexplained(u.before), c.unexplained(u.after)
	if oldText == newText && !restarts {
		return
	}
	change := Change{Verb: "changed", What: code(objectOf(u.after).String())}
	if restarts {
		change.Details = append(change.Details, Detail{Text: "its pods restart"})
	}
	if oldText != newText {
		change.Details = append(change.Details, Detail{Lang: "diff", Block: lines(oldText, newText)})
	}
	c.rest = append(c.rest, change)
}

// unexplained is an object as YAML, without what other sections say of it.
func (c *comparison) unexplained(r offline.Resource) string {
	redacted := r.Redacted()
	if data := redacted["data"]; data.IsObject() {
		for key := range data.ObjectValue() {
			if c.explained(r.Name, string(key)) {
				delete(data.ObjectValue(), key)
			}
		}
	}
	return explainedLines.ReplaceAllString(toYAML(native(resource.NewProperty(redacted)), true), "")
}

// Of images there is a section, and the label repeats their version.
var explainedLines = regexp.MustCompile(`(?m)^ *(- )?(image|app\.kubernetes\.io/version): .*\n`)

const providerType = "pulumi:providers:kubernetes"

// settingsOf are those of the stack's provider, which come as texts in JSON.
func settingsOf(resources []offline.Resource) immutable.Settings {
	var s immutable.Settings
	for _, r := range resources {
		if r.Type != providerType {
			continue
		}
		on := func(key resource.PropertyKey) bool {
			value := r.Inputs[key]
			return value.IsBool() && value.BoolValue() || value.IsString() && value.StringValue() == "true"
		}
		s.MutableConfigMaps, s.MutableSecrets = on("enableConfigMapMutable"), on("enableSecretMutable")
	}
	return s
}

// imageChanges are the images that containers have in one version only.
func imageChanges(before, after []offline.Resource) []Change {
	was, is := imagesOf(before), imagesOf(after)
	movedBy := map[[2]string][]string{}
	for _, container := range sorted(is) {
		if was[container] != is[container] {
			move := [2]string{was[container], is[container]}
			movedBy[move] = append(movedBy[move], code(container))
		}
	}
	for _, container := range sorted(was) {
		if is[container] == "" {
			move := [2]string{was[container], ""}
			movedBy[move] = append(movedBy[move], code(container))
		}
	}
	var changes []Change
	byImage := func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[1], b[1]), cmp.Compare(a[0], b[0])) }
	for _, move := range slices.SortedFunc(maps.Keys(movedBy), byImage) {
		where := Detail{Text: "in " + strings.Join(movedBy[move], ", ")}
		switch was, is := move[0], move[1]; {
		case was == "":
			changes = append(changes, Change{"added", code(is), []Detail{where}})
		case is == "":
			changes = append(changes, Change{"removed", code(was), []Detail{where}})
		default:
			changes = append(changes, Change{"moved", fmt.Sprintf("%s → %s", code(was), code(is)), []Detail{where}})
		}
	}
	return changes
}

// imagesOf are the images of a stack by workload and container.
func imagesOf(resources []offline.Resource) map[string]string {
	images := map[string]string{}
	for _, r := range resources {
		for _, list := range []string{"containers", "initContainers"} {
			containers, _ := resource.PropertyPath{"spec", "template", "spec", list}.Get(resource.NewProperty(r.Inputs))
			if !containers.IsArray() {
				continue
			}
			for _, container := range containers.ArrayValue() {
				if !container.IsObject() {
					continue
				}
				name, image := container.ObjectValue()["name"], container.ObjectValue()["image"]
				if name.IsString() && image.IsString() {
					images[objectOf(r).String()+"/"+name.StringValue()] = image.StringValue()
				}
			}
		}
	}
	return images
}

func fileChanges(name string, before, after map[string]any) []Change {
	details := settings(before, after)
	if len(details) == 0 || before == nil || after == nil { // a new file comes with its jobs or routes
		return nil
	}
	return []Change{{Verb: "changed", What: code(name), Details: details}}
}

func sorted[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
