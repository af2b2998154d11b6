// Package node runs a single-node Kubernetes cluster in Linux namespaces of its own. The
// node is one process tree that ends as a whole; only its state directory remains.
package node

import (
	"fmt"
	"hash/crc32"
	"path/filepath"
)

const (
	// Name is the node's name in the API, its host name and the context in its
	// kubeconfig.
	Name = "demo"

	// address is the node's InternalIP, an address on its loopback device.
	address = "10.244.255.1"

	// serviceRange is where the ClusterIPs of Services are.
	serviceRange = "10.96.0.0/16"

	// port is the port of the API server on the machine's loopback, unless the node had another when
	// it ran last. If it is in use, the node takes a free one. The kubeconfig names the port in use.
	port = 16443
)

// Dir holds the absolute paths of a node's directories.
type Dir struct {
	State string // of what the node keeps
	Bin   string // of the programs, which nodes share
}

// SSD returns the directory that the node sees as /mnt/ssd. It outlives the node.
func (d Dir) SSD() string { return d.join("ssd") }

// Log returns the path of a file in the node's /var/log, which has one file per part, or
// of the directory without elem.
func (d Dir) Log(elem ...string) string {
	return filepath.Join(append([]string{d.join("node/log")}, elem...)...)
}

// Kubeconfig returns the path of the administrator's kubeconfig, for use from outside the
// node.
func (d Dir) Kubeconfig() string { return d.join("kubeconfig") }

// Pulumi returns the directory of the engine that deploys to the node.
func (d Dir) Pulumi() string { return d.join("pulumi") }

// lib is the node's /var/lib.
func (d Dir) lib() string { return d.join("node/lib") }

// pki contains the certificates and kubeconfigs of the node's parts.
func (d Dir) pki() string { return d.join("node/pki") }

// lock is the file that the node locks while it runs, with its record.
func (d Dir) lock() string { return d.join("node/lock") }

// version contains the version of Kubernetes that wrote lib.
func (d Dir) version() string { return d.join("node/version") }

// failures lists the parts that ended although the node was not stopping.
func (d Dir) failures() string { return d.join("node/failures") }

// stopped is a directory with a file for each part that is not to run, by its name.
func (d Dir) stopped() string { return d.join("node/stopped") }

func (d Dir) join(path string) string { return filepath.Join(d.State, path) }

// cgroup returns the node's group in every cgroup hierarchy, which differs by directory.
func (d Dir) cgroup() string {
	return fmt.Sprintf("/localcluster-%08x", crc32.ChecksumIEEE([]byte(d.State)))
}
