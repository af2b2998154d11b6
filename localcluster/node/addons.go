package node

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/restmapper"
)

//go:embed files/coredns.yaml
var coreDNSManifest string

//go:embed files/seaweedfs.yaml
var seaweedFSManifest string

//go:embed files/certificate.yaml
var certificateManifest string

// ApplyDNS deploys CoreDNS, the cluster's DNS server, with an image, and waits until its
// pods are ready.
func (n *Node) ApplyDNS(ctx context.Context, image string) error {
	manifest := os.Expand(coreDNSManifest, func(string) string { return image })
	if err := n.apply(ctx, []byte(manifest)); err != nil {
		return fmt.Errorf("CoreDNS: %w", err)
	}
	return n.awaitPods(ctx, "kube-system")
}

// ObjectStoreUser is the access key of the object store, and the name of its bucket.
const ObjectStoreUser = "demo"

// ApplyObjectStore deploys SeaweedFS, an object store that speaks S3, with an image and a secret key, and
// waits until its pod is ready.
func (n *Node) ApplyObjectStore(ctx context.Context, image, key string) error {
	values := map[string]string{"image": image, "user": ObjectStoreUser, "key": key}
	manifest := os.Expand(seaweedFSManifest, func(name string) string { return values[name] })
	if err := n.apply(ctx, []byte(manifest)); err != nil {
		return fmt.Errorf("SeaweedFS: %w", err)
	}
	return n.awaitPods(ctx, "object-store")
}

// ApplyCertificate creates a namespace, and in it a Secret with the certificate that the parts of Thanos present
// to each other, and with the cluster's authority.
func (n *Node) ApplyCertificate(ctx context.Context, namespace, name string) error {
	values := map[string]string{"namespace": namespace, "name": name}
	for _, file := range []string{"ca.crt", thanosIdentity + ".crt", thanosIdentity + ".key"} {
		data, err := os.ReadFile(filepath.Join(n.Dir.pki(), file))
		if err != nil {
			return err
		}
		values[file] = base64.StdEncoding.EncodeToString(data)
	}
	manifest := os.Expand(certificateManifest, func(name string) string { return values[name] })
	if err := n.apply(ctx, []byte(manifest)); err != nil {
		return fmt.Errorf("certificate: %w", err)
	}
	return nil
}

// apply applies every object of a manifest with server-side apply.
func (n *Node) apply(ctx context.Context, manifest []byte) error {
	config, err := n.config()
	if err != nil {
		return err
	}
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	discoverer, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(discoverer))

	documents := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	for {
		var object unstructured.Unstructured
		if err := documents.Decode(&object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		kind := object.GroupVersionKind()
		mapping, err := mapper.RESTMapping(kind.GroupKind(), kind.Version)
		if err != nil {
			return err
		}
		resource := dynamic.ResourceInterface(client.Resource(mapping.Resource))
		if namespace := object.GetNamespace(); namespace != "" {
			resource = client.Resource(mapping.Resource).Namespace(namespace)
		}
		options := metav1.ApplyOptions{FieldManager: "localcluster", Force: true}
		if _, err := resource.Apply(ctx, object.GetName(), &object, options); err != nil {
			return fmt.Errorf("%s %s: %w", kind.Kind, object.GetName(), err)
		}
	}
}
