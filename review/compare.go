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

// Compare reports what happens to a stack whose resources change from before to
// after. It returns an error for a ConfigMap or an object that it cannot parse.
func Compare(stack string, before, after []offline.Resource) (Report, error) {
	report := Report{Stack: stack}
	oldFiles, oldPermissions, err := read(before)
	if err != nil {
		return report, fmt.Errorf("before: %w", err)
	}
	newFiles, newPermissions, err := read(after)
	if err != nil {
		return report, fmt.Errorf("after: %w", err)
	}
	c := comparison{
		settings: settingsOf(after),
		explained: func(name, file string) bool {
			return oldFiles.read[name+"/"+file] && newFiles.read[name+"/"+file]
		},
	}
	c.compare(before, after)
	stored, err := metricChanges(oldFiles.jobs, newFiles.jobs)
	if err != nil {
		return report, err
	}
	report.Blockers = c.blockers
	report.Sections = []Section{
		{"Objects replaced or deleted", c.lost},
		{"Permissions widened", widened(oldPermissions, newPermissions)},
		{"Alerts", ruleChanges(alerts(oldFiles.rules), alerts(newFiles.rules))},
		{"Recording rules", ruleChanges(recordings(oldFiles.rules), recordings(newFiles.rules))},
		{"Scrape jobs", jobChanges(withoutKeptNames(oldFiles.jobs), withoutKeptNames(newFiles.jobs))},
		{"Metrics stored", stored},
		{"Receivers", receiverChanges(oldFiles.alertmanager.receivers, newFiles.alertmanager.receivers)},
		{"Routes", routeChanges(oldFiles.alertmanager.routes, newFiles.alertmanager.routes)},
		{"Inhibitions", inhibitChanges(oldFiles.alertmanager.inhibits, newFiles.alertmanager.inhibits)},
		{"Dashboards", dashboardChanges(oldFiles.dashboards, newFiles.dashboards)},
		{"Images", imageChanges(before, after)},
		{"Settings", slices.Concat(
			fileChanges("prometheus.yml", oldFiles.prometheus, newFiles.prometheus),
			fileChanges("alertmanager.yml", oldFiles.alertmanager.others, newFiles.alertmanager.others),
		)},
		{"Other changes of objects", c.rest},
	}
	return report, nil
}

// read returns the files and the permissions among the resources of a stack.
func read(resources []offline.Resource) (contents, permissions, error) {
	files, err := contentsOf(resources)
	if err != nil {
		return files, nil, err
	}
	permissions, err := permissionsOf(resources)
	return files, permissions, err
}

// comparison compares Kubernetes objects, whatever they contain.
type comparison struct {
	settings  immutable.Settings
	explained func(name, file string) bool // whether another section covers the file of a ConfigMap

	blockers   []string
	lost, rest []Change
}

// precious maps the kinds whose loss blocks a change to the harm it does.
var precious = map[string]string{
	"StatefulSet":           "its pods all end before the new ones start",
	"PersistentVolumeClaim": "what is on its volume may be lost",
	"PersistentVolume":      "what is on it may be lost",
	"Namespace":             "with everything in it",
}

func (c *comparison) compare(before, after []offline.Resource) {
	c.compareProviders(before, after)
	before = slices.DeleteFunc(slices.Clone(before), func(r offline.Resource) bool { return !isObject(r) })
	after = slices.DeleteFunc(slices.Clone(after), func(r offline.Resource) bool { return !isObject(r) })
	// The engine identifies a resource by its URN, the cluster an object by its kind
	// and name.
	both, gone, created := match(before, after,
		func(a, b offline.Resource) bool { return a.URN == b.URN },
		func(a, b offline.Resource) bool { return slices.Contains(b.Aliases, a.URN) },
	)
	renamed, gone, created := match(gone, created, func(a, b offline.Resource) bool { return objectOf(a) == objectOf(b) })
	revisions := make([]*revision, len(both))
	for i, versions := range both {
		revisions[i] = c.revise(versions[0], versions[1])
	}
	replaceWith(revisions)
	for _, r := range revisions {
		c.add(r)
	}
	for _, versions := range renamed {
		c.lose("replaced", versions[0], fmt.Sprintf("it is %s in the program and was %s; an alias keeps it", code(versions[1].URN), code(versions[0].URN)))
	}
	for _, r := range gone {
		c.lose("deleted", r)
	}
	for _, r := range created {
		c.rest = append(c.rest, Change{Verb: "added", What: code(objectOf(r).String())})
	}
}

// compareProviders adds a blocker if the stack moves to another cluster, which has
// none of its objects.
func (c *comparison) compareProviders(before, after []offline.Resource) {
	for _, field := range []struct {
		key          resource.PropertyKey
		name, effect string
	}{
		{"clusterIdentifier", "cluster", "every object is replaced"},
		{"context", "context", "another cluster has none of the objects"},
	} {
		oldValue, newValue := providerField(before, field.key), providerField(after, field.key)
		if oldValue != "" && newValue != "" && oldValue != newValue {
			c.blockers = append(c.blockers, fmt.Sprintf("the %s is %s and was %s: %s", field.name, code(newValue), code(oldValue), field.effect))
		}
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

// lose adds an object that is replaced or deleted, and a blocker if it is precious.
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
	// A StatefulSet is deleted when somebody turns it off, and its claims remain.
	if harm, ok := precious[o.Kind]; ok && (verb != "deleted" || o.Kind != "StatefulSet") {
		reasons := ""
		if len(why) > 0 {
			reasons = " (" + strings.Join(why, ", ") + ")"
		}
		c.blockers = append(c.blockers, fmt.Sprintf("%s is %s%s: %s", code(o.String()), verb, reasons, harm))
	}
}

// revision is a resource that is in both versions.
type revision struct {
	before, after offline.Resource
	paths         []string // that differ
	replacedFor   []string // the reasons why it is replaced; none if it is updated
}

// revise compares two versions of a resource, without the changes that it ignores.
func (c *comparison) revise(before, after offline.Resource) *revision {
	r := &revision{before: before, after: after}
	olds, news := before.Inputs, deepcopy.Copy(after.Inputs).(resource.PropertyMap)
	for _, ignored := range after.Ignores {
		if path, err := resource.ParsePropertyPath(ignored); err == nil {
			path.Reset(olds, news)
		}
	}
	r.after.Inputs = news
	fields := immutable.Fields(olds, news, c.settings)
	for _, field := range after.ReplaceOn {
		if path, err := resource.ParsePropertyPath(field); err == nil {
			fields = append(fields, path)
		}
	}
	r.paths = sorted(plugin.NewDetailedDiffFromObjectDiff(olds.Diff(news), true))
	for _, path := range r.paths {
		if fields.Replaces(path, olds, news) {
			r.replacedFor = append(r.replacedFor, code(path)+" cannot change")
		}
	}
	return r
}

// replaceWith propagates ReplaceWith until nothing more is replaced.
func replaceWith(revisions []*revision) {
	replaced := map[string]object{} // by URN
	for found := true; found; {
		found = false
		for _, r := range revisions {
			if _, known := replaced[r.after.URN]; known {
				continue
			}
			for _, urn := range r.after.ReplaceWith {
				if with, ok := replaced[urn]; ok {
					r.replacedFor = append(r.replacedFor, "goes with "+code(with.String()))
				}
			}
			if len(r.replacedFor) > 0 {
				replaced[r.after.URN], found = objectOf(r.before), true
			}
		}
	}
}

// add adds the changes of one revision.
func (c *comparison) add(r *revision) {
	if len(r.replacedFor) > 0 {
		c.lose("replaced", r.before, r.replacedFor...)
	}
	restarts := len(r.replacedFor) == 0 && objectOf(r.after).Kind != "Job" &&
		slices.ContainsFunc(r.paths, func(path string) bool { return strings.HasPrefix(path, "spec.template.") })
	oldText, newText := c.unexplained(r.before), c.unexplained(r.after)
	if oldText == newText && !restarts {
		return
	}
	change := Change{Verb: "changed", What: code(objectOf(r.after).String())}
	if restarts {
		change.Details = append(change.Details, Detail{Text: "its pods restart"})
	}
	if oldText != newText {
		change.Details = append(change.Details, Detail{Lang: "diff", Block: lines(oldText, newText)})
	}
	c.rest = append(c.rest, change)
}

// unexplained returns an object as YAML, without what other sections cover.
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

// explainedLines matches images, which have a section, and the label that repeats
// their version.
var explainedLines = regexp.MustCompile(`(?m)^ *(- )?(image|app\.kubernetes\.io/version): .*\n`)

const providerType = "pulumi:providers:kubernetes"

// settingsOf returns the settings of the stack's provider, which the SDK passes as
// strings of JSON.
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

// imageChanges returns the images that changed, with the containers that run them.
func imageChanges(before, after []offline.Resource) []Change {
	oldImages, newImages := imagesOf(before), imagesOf(after)
	containers := map[[2]string][]string{} // by old and new image
	for _, container := range differing(oldImages, newImages) {
		images := [2]string{oldImages[container], newImages[container]}
		containers[images] = append(containers[images], code(container))
	}
	var changes []Change
	byImage := func(a, b [2]string) int { return cmp.Or(cmp.Compare(a[1], b[1]), cmp.Compare(a[0], b[0])) }
	for _, images := range slices.SortedFunc(maps.Keys(containers), byImage) {
		where := []Detail{{Text: "in " + strings.Join(containers[images], ", ")}}
		switch oldImage, newImage := images[0], images[1]; {
		case oldImage == "":
			changes = append(changes, Change{"added", code(newImage), where})
		case newImage == "":
			changes = append(changes, Change{"removed", code(oldImage), where})
		default:
			changes = append(changes, Change{"moved", fmt.Sprintf("%s → %s", code(oldImage), code(newImage)), where})
		}
	}
	return changes
}

// imagesOf returns the images of a stack by workload and container.
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

// fileChanges returns the changed settings of a file. Other sections cover a file
// that is in one version only.
func fileChanges(name string, before, after map[string]any) []Change {
	details := settings("", before, after)
	if len(details) == 0 || before == nil || after == nil {
		return nil
	}
	return []Change{{Verb: "changed", What: code(name), Details: details}}
}
