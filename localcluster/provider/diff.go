package provider

import (
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// immutable lists the fields that the API server refuses to change, so that a change means
// a new object. It follows the official provider, whose previews the demo's should match,
// and adds the fields (DaemonSet selector, StorageClass binding mode, ...) that would
// otherwise fail only when applied. Fields within the listed ones count too.
var immutable = map[schema.GroupKind][]string{
	{Kind: "ConfigMap"}:     {"data", "binaryData"},
	{Kind: "Secret"}:        {"type", "data", "stringData"},
	{Kind: "Pod"}:           {"spec"},
	{Kind: "Service"}:       {"spec.clusterIP"},
	{Kind: "ResourceQuota"}: {"spec.scopes"},
	// Not resources.requests: a claim grows in place.
	{Kind: "PersistentVolumeClaim"}: {
		"spec.accessModes", "spec.dataSource", "spec.dataSourceRef", "spec.resources.limits", "spec.selector",
		"spec.storageClassName", "spec.volumeMode", "spec.volumeName",
	},
	{Kind: "PersistentVolume"}: {
		"spec.nodeAffinity", "spec.volumeMode",
		"spec.awsElasticBlockStore", "spec.azureDisk", "spec.azureFile", "spec.cephfs", "spec.cinder", "spec.csi",
		"spec.fc", "spec.flexVolume", "spec.flocker", "spec.gcePersistentDisk", "spec.glusterfs", "spec.hostPath",
		"spec.iscsi", "spec.local", "spec.nfs", "spec.photonPersistentDisk", "spec.portworxVolume", "spec.quobyte",
		"spec.rbd", "spec.scaleIO", "spec.storageos", "spec.vsphereVolume",
	},
	{Group: "apps", Kind: "DaemonSet"}:  {"spec.selector"},
	{Group: "apps", Kind: "Deployment"}: {"spec.selector"},
	{Group: "apps", Kind: "ReplicaSet"}: {"spec.selector"},
	{Group: "apps", Kind: "StatefulSet"}: {
		"spec.podManagementPolicy", "spec.revisionHistoryLimit", "spec.selector", "spec.serviceName",
		"spec.volumeClaimTemplates",
	},
	{Group: "batch", Kind: "Job"}: {
		"spec.completionMode", "spec.completions", "spec.parallelism", "spec.selector", "spec.template",
	},
	{Group: "networking.k8s.io", Kind: "IngressClass"}:               {"spec.controller"},
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}: {"roleRef"},
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}:        {"roleRef"},
	{Group: "scheduling.k8s.io", Kind: "PriorityClass"}:              {"preemptionPolicy", "value"},
	{Group: "storage.k8s.io", Kind: "StorageClass"}: {
		"parameters", "provisioner", "reclaimPolicy", "volumeBindingMode",
	},
}

// identity are the fields that make it another object, whatever the kind.
var identity = []string{"kind", "metadata.name", "metadata.namespace"}

// diff compares inputs field by field and decides whether the object can be updated in
// place.
func diff(oldInputs, newInputs resource.PropertyMap, s settings) plugin.DiffResponse {
	olds, news := plainMap(oldInputs), plainMap(newInputs)
	changes := plugin.NewDetailedDiffFromObjectDiff(olds.Diff(news), true)
	if len(changes) == 0 {
		return plugin.DiffResponse{Changes: plugin.DiffNone}
	}
	rules := replaceRules(olds, news, s)
	resp := plugin.DiffResponse{Changes: plugin.DiffSome, DetailedDiff: changes}
	for path, change := range changes {
		if replaces(path, rules, olds, news) {
			changes[path] = plugin.PropertyDiff{Kind: change.Kind.AsReplace(), InputDiff: true}
			// Two objects of one name cannot exist side by side.
			resp.DeleteBeforeReplace = sameName(olds, news)
		}
	}
	return resp
}

func replaceRules(olds, news resource.PropertyMap, s settings) []resource.PropertyPath {
	oldGVK, gvk := gvkOf(olds), gvkOf(news)
	fields := append([]string{}, identity...)
	if oldGVK.Group != gvk.Group {
		fields = append(fields, "apiVersion")
	}
	frozen := olds["immutable"].IsBool() && olds["immutable"].BoolValue()
	switch {
	case frozen:
		fields = append(fields, "immutable")
		fields = append(fields, immutable[gvk.GroupKind()]...)
	case gvk.GroupKind() == schema.GroupKind{Kind: "ConfigMap"} && s.configMapMutable:
	case gvk.GroupKind() == schema.GroupKind{Kind: "Secret"} && s.secretMutable:
		fields = append(fields, "type")
	default:
		fields = append(fields, immutable[gvk.GroupKind()]...)
	}
	rules := make([]resource.PropertyPath, 0, len(fields))
	for _, f := range fields {
		if rule, err := resource.ParsePropertyPath(f); err == nil {
			rules = append(rules, rule)
		}
	}
	return rules
}

// replaces tells whether the change at path touches a field under rules: the field, a part
// of it, or something around it that has the field on either side.
func replaces(path string, rules []resource.PropertyPath, olds, news resource.PropertyMap) bool {
	changed, err := resource.ParsePropertyPath(path)
	if err != nil {
		return false
	}
	for _, rule := range rules {
		if rule.Contains(changed) {
			return true
		}
		_, inOld := rule.Get(resource.NewProperty(olds))
		_, inNew := rule.Get(resource.NewProperty(news))
		if changed.Contains(rule) && (inOld || inNew) {
			return true
		}
	}
	return false
}

func sameName(olds, news resource.PropertyMap) bool {
	o, n := object(olds["metadata"]), object(news["metadata"])
	return !isAutonamed(n) && o["name"].DeepEquals(n["name"]) && o["namespace"].DeepEquals(n["namespace"])
}
