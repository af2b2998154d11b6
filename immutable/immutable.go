// Package immutable knows which fields of Kubernetes objects cannot change: the API server
// refuses to, so that a change means a new object in place of the old one.
package immutable

import (
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ofKind lists the fields by kind. It follows the official provider of Pulumi, and adds the
// fields (DaemonSet selector, StorageClass binding mode, ...) that would otherwise fail
// only when applied. Fields within the listed ones count too.
var ofKind = map[schema.GroupKind][]string{
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

// Settings are those of a Pulumi provider that decide what is replaced.
type Settings struct {
	// MutableConfigMaps and MutableSecrets are edited in place, unless the object says
	// that it is immutable.
	MutableConfigMaps, MutableSecrets bool
}

// List are the fields of one object that cannot change.
type List []resource.PropertyPath

// Fields returns the fields that cannot change between two versions of an object. Neither
// may have secret marks.
func Fields(olds, news resource.PropertyMap, s Settings) List {
	oldKind, kind := kindOf(olds), kindOf(news)
	fields := append([]string{}, identity...)
	if oldKind.Group != kind.Group {
		fields = append(fields, "apiVersion")
	}
	frozen := olds["immutable"].IsBool() && olds["immutable"].BoolValue()
	switch {
	case frozen:
		fields = append(fields, "immutable")
		fields = append(fields, ofKind[kind]...)
	case kind == schema.GroupKind{Kind: "ConfigMap"} && s.MutableConfigMaps:
	case kind == schema.GroupKind{Kind: "Secret"} && s.MutableSecrets:
		fields = append(fields, "type")
	default:
		fields = append(fields, ofKind[kind]...)
	}
	list := make(List, 0, len(fields))
	for _, f := range fields {
		if path, err := resource.ParsePropertyPath(f); err == nil {
			list = append(list, path)
		}
	}
	return list
}

// Replaces tells whether the change at path touches a field of the list: the field, a part
// of it, or something around it that has the field on either side.
func (l List) Replaces(path string, olds, news resource.PropertyMap) bool {
	changed, err := resource.ParsePropertyPath(path)
	if err != nil {
		return false
	}
	for _, field := range l {
		if field.Contains(changed) {
			return true
		}
		_, inOld := field.Get(resource.NewProperty(olds))
		_, inNew := field.Get(resource.NewProperty(news))
		if changed.Contains(field) && (inOld || inNew) {
			return true
		}
	}
	return false
}

func kindOf(object resource.PropertyMap) schema.GroupKind {
	text := func(key resource.PropertyKey) string {
		if v := object[key]; v.IsString() {
			return v.StringValue()
		}
		return ""
	}
	return schema.FromAPIVersionAndKind(text("apiVersion"), text("kind")).GroupKind()
}
