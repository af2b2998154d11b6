package provider

import (
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/immutable"
)

// diff compares inputs field by field and decides whether the object can be updated in
// place.
func diff(oldInputs, newInputs resource.PropertyMap, s settings) plugin.DiffResponse {
	olds, news := plainMap(oldInputs), plainMap(newInputs)
	changes := plugin.NewDetailedDiffFromObjectDiff(olds.Diff(news), true)
	if len(changes) == 0 {
		return plugin.DiffResponse{Changes: plugin.DiffNone}
	}
	fields := immutable.Fields(olds, news, immutable.Settings{MutableConfigMaps: s.configMapMutable, MutableSecrets: s.secretMutable})
	resp := plugin.DiffResponse{Changes: plugin.DiffSome, DetailedDiff: changes}
	for path, change := range changes {
		if fields.Replaces(path, olds, news) {
			changes[path] = plugin.PropertyDiff{Kind: change.Kind.AsReplace(), InputDiff: true}
			// Two objects of one name cannot exist side by side.
			resp.DeleteBeforeReplace = sameName(olds, news)
		}
	}
	return resp
}

func sameName(olds, news resource.PropertyMap) bool {
	o, n := object(olds["metadata"]), object(news["metadata"])
	return !isAutonamed(n) && o["name"].DeepEquals(n["name"]) && o["namespace"].DeepEquals(n["namespace"])
}
