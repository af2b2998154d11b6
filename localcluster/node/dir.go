// Package node runs one Kubernetes node, control plane included, in Linux
// namespaces of its own: a single process tree that ends as a whole and leaves
// nothing behind on the machine but its state folder.
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

	// port is the API server's preferred port on the machine's loopback. When it
	// is taken, a free one is used; the kubeconfig always names the right one.
	port = 16443
)

// Dir is the absolute path of the state folder, `.local`.
type Dir string

// Bin is where the binaries are.
func (d Dir) Bin(elem ...string) string { return d.join("bin", elem...) }

// SSD is the folder the node sees as /mnt/ssd; it outlives the node.
func (d Dir) SSD(elem ...string) string { return d.join("ssd", elem...) }

// Log is the node's /var/log, with one file per part.
func (d Dir) Log(elem ...string) string { return d.join("node/log", elem...) }

// Kubeconfig is the administrator's, for use from outside the node.
func (d Dir) Kubeconfig() string { return d.join("kubeconfig") }

// lib is the node's /var/lib.
func (d Dir) lib(elem ...string) string { return d.join("node/lib", elem...) }

// pki holds the certificates and the kubeconfigs of the node's parts.
func (d Dir) pki(elem ...string) string { return d.join("node/pki", elem...) }

// lock is held by the node for as long as it runs, and says who it is.
func (d Dir) lock() string { return d.join("node/lock") }

// version names the version of Kubernetes that wrote lib.
func (d Dir) version() string { return d.join("node/version") }

// failures names the parts that ended although they should run.
func (d Dir) failures() string { return d.join("node/failures") }

func (d Dir) join(first string, elem ...string) string {
	return filepath.Join(append([]string{string(d), first}, elem...)...)
}

// cgroup is the node's own group in every hierarchy, distinct for each folder.
func (d Dir) cgroup() string {
	return fmt.Sprintf("/localcluster-%08x", crc32.ChecksumIEEE([]byte(d)))
}
