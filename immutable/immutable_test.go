package immutable

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
)

func TestReplaces(t *testing.T) {
	object := func(apiVersion, kind string, fields map[string]any) resource.PropertyMap {
		all := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": "a"}}
		for key, value := range fields {
			all[key] = value
		}
		return resource.NewPropertyMapFromMap(all)
	}
	claim := object("v1", "PersistentVolumeClaim", map[string]any{"spec": map[string]any{"storageClassName": "fast"}})
	config := object("v1", "ConfigMap", nil)
	frozen := object("v1", "ConfigMap", map[string]any{"immutable": true})
	mutable := Settings{MutableConfigMaps: true, MutableSecrets: true}
	for _, test := range []struct {
		what     string
		old, new resource.PropertyMap
		settings Settings
		path     string
		replaces bool
	}{
		{"a name", config, config, mutable, "metadata.name", true},
		{"a label", config, config, mutable, `metadata.labels["a.b/c"]`, false},
		{"a claim's class", claim, claim, Settings{}, "spec.storageClassName", true},
		{"a claim's size", claim, claim, Settings{}, "spec.resources.requests.storage", false},
		{"a claim's whole spec", claim, claim, Settings{}, "spec", true},
		{"a spec without what cannot change", object("v1", "Service", nil), object("v1", "Service", nil), Settings{}, "spec", false},
		{"data of a ConfigMap", config, config, Settings{}, `data["a.yml"]`, true},
		{"data of a mutable ConfigMap", config, config, mutable, `data["a.yml"]`, false},
		{"data of an immutable ConfigMap", frozen, config, mutable, `data["a.yml"]`, true},
		{"the type of a mutable Secret", object("v1", "Secret", nil), object("v1", "Secret", nil), mutable, "type", true},
		{"a part of a selector", object("apps/v1", "Deployment", nil), object("apps/v1", "Deployment", nil), Settings{}, "spec.selector.matchLabels.app", true},
		{"a group", object("extensions/v1beta1", "Ingress", nil), object("networking.k8s.io/v1", "Ingress", nil), Settings{}, "apiVersion", true},
		{"a version", object("apps/v1beta1", "Deployment", nil), object("apps/v1", "Deployment", nil), Settings{}, "apiVersion", false},
	} {
		assert.Equal(t, test.replaces, Fields(test.old, test.new, test.settings).Replaces(test.path, test.old, test.new), test.what)
	}
}
