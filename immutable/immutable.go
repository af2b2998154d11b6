// Package immutable lists the fields of Kubernetes objects that cannot change in place. A
// change of such a field replaces the object.
package immutable

import (
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// ofKind lists the fields by kind; a listed field includes its children. The list is that of
// Pulumi's Kubernetes provider, with more fields that the API server rejects only when they
// are applied, such as the selector of a DaemonSet.
// https://github.com/pulumi/pulumi-kubernetes/blob/master/provider/pkg/provider/diff.go
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

// identity lists the fields that identify an object of any kind.
var identity = []string{"kind", "metadata.name", "metadata.namespace"}

// Settings are the options of a Pulumi provider that affect replacements.
type Settings struct {
	// MutableConfigMaps and MutableSecrets are enableConfigMapMutable and
	// enableSecretMutable: these objects change in place unless they are immutable.
	MutableConfigMaps, MutableSecrets bool
}

// List lists fields that cannot change.
type List []resource.PropertyPath

// Fields returns the fields that cannot change between two versions of an object, which
// must not contain marks of secrets.
func Fields(olds, news resource.PropertyMap, s Settings) List {
	oldKind, kind := kindOf(olds), kindOf(news)
	fields := append([]string{}, identity...)
	if oldKind.Group != kind.Group {
		fields = append(fields, "apiVersion")
	}
	isImmutable := olds["immutable"].IsBool() && olds["immutable"].BoolValue()
	switch {
	case isImmutable:
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

// Replaces reports whether a change at path changes a field of the list: path is the field,
// one of its children, or a parent that contains the field in either version.
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
