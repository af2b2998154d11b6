package config

import (
	"fmt"
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Storage configures where Prometheus keeps its samples.
type Storage struct {
	// How volumes are provided: dynamic (a StorageClass provisions them), local (a directory on
	// the SSD of named nodes) or ephemeral (lost with the pod).
	Mode StorageMode `json:"mode"`
	// Size of each replica's volume, 1Gi or more. It can be increased in place but not reduced.
	Size Quantity `json:"size"`
	// StorageClass of dynamic volumes; empty for the cluster's default class.
	StorageClass string `json:"storageClass"`
	// Where local volumes are placed.
	Local LocalStorage `json:"local"`
	// Refuse to delete the volumes, in an update or by `pulumi destroy`.
	Protect bool `json:"protect"`
}

// LocalStorage places volumes on the disks of nodes.
type LocalStorage struct {
	// Directory on the nodes, such as the mount point of their SSD. It must contain a directory
	// for each program that keeps data: prometheus, alertmanager and, with grafana.persistence,
	// grafana, with longTermStorage, thanos-compactor, and with prometheus.shards, thanos-ruler.
	Path string `json:"path"`
	// Node of each replica, by its kubernetes.io/hostname label; with prometheus.shards, those of the
	// replicas of the first shard, then those of the second, and so on.
	Nodes []string `json:"nodes"`
}

// StorageMode is how volumes are provided.
type StorageMode string

// The storage modes.
const (
	StorageDynamic   StorageMode = "dynamic"
	StorageLocal     StorageMode = "local"
	StorageEphemeral StorageMode = "ephemeral"
)

func (StorageMode) Values() []string {
	return []string{string(StorageDynamic), string(StorageLocal), string(StorageEphemeral)}
}

func defaultStorage() Storage {
	return Storage{
		Mode:    StorageDynamic,
		Size:    quantity("50Gi"),
		Local:   LocalStorage{Path: "/mnt/disks/ssd"},
		Protect: true,
	}
}

// Protected reports whether the stack has volumes and refuses to delete them.
func (s Storage) Protected() bool { return s.Protect && s.Mode != StorageEphemeral }

func (s Storage) validate(prometheus Prometheus) Problems {
	var p Problems
	if s.Size.Cmp(quantity("1Gi").Quantity) < 0 {
		p.Addf("storage.size", "%s is too small; allowed: 1Gi or more", s.Size)
	}
	if s.StorageClass != "" {
		if s.Mode != StorageDynamic {
			p.Addf("storage.storageClass", "%q is only used with storage.mode: dynamic, not %s", s.StorageClass, s.Mode)
		} else {
			p.invalid("storage.storageClass", s.StorageClass, validation.IsDNS1123Subdomain(s.StorageClass))
		}
	}
	if s.Mode == StorageLocal {
		p.Add(s.Local.validate(prometheus)...)
	} else if len(s.Local.Nodes) > 0 {
		p.Addf("storage.local", "is only used with storage.mode: local, not %s", s.Mode)
	}
	return p
}

func (l LocalStorage) validate(prometheus Prometheus) Problems {
	var p Problems
	if !path.IsAbs(l.Path) || path.Clean(l.Path) != l.Path || l.Path == "/" {
		p.Addf("storage.local.path", "%q; allowed: a clean absolute path below /", l.Path)
	}
	if pods := prometheus.Pods(); len(l.Nodes) < pods {
		of := ""
		if prometheus.Sharded() {
			of = fmt.Sprintf(" in each of %d shards, retired ones included", prometheus.Groups())
		}
		p.Addf("storage.local.nodes", "names %d node(s) for %d replica(s) of prometheus%s; name one node per replica", len(l.Nodes), prometheus.Replicas, of)
	}
	for i, node := range l.Nodes {
		p.invalid(fmt.Sprintf("storage.local.nodes[%d]", i), node, validation.IsDNS1123Subdomain(node))
		if slices.Contains(l.Nodes[:i], node) {
			p.Addf(fmt.Sprintf("storage.local.nodes[%d]", i), "%q is named twice: replicas would share a directory", node)
		}
	}
	return p
}
