package node

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

const (
	validity = 365 * 24 * time.Hour
	renewal  = 30 * 24 * time.Hour // before its end, a certificate is replaced

	// server is the URL of the API server inside the node.
	server = "https://127.0.0.1:6443"
)

// identity describes a certificate signed by the cluster's authority.
type identity struct {
	file         string // base name of its .crt and .key
	commonName   string // the user in the API
	organization string // the user's group
	hosts        []string
	kubeconfig   bool // whether it also has a kubeconfig, FILE.conf
}

var identities = []identity{
	{file: "apiserver", commonName: "kube-apiserver", hosts: []string{
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		"localhost", "127.0.0.1", "10.96.0.1", address,
	}},
	{file: "kubelet", commonName: "system:node:" + Name, organization: "system:nodes", hosts: []string{Name, "127.0.0.1", address}, kubeconfig: true},
	{file: "apiserver-kubelet-client", commonName: "kube-apiserver-kubelet-client", organization: "system:masters"},
	{file: "admin", commonName: "kubernetes-admin", organization: "system:masters", kubeconfig: true},
	{file: "kube-controller-manager", commonName: "system:kube-controller-manager", kubeconfig: true},
	{file: "kube-scheduler", commonName: "system:kube-scheduler", kubeconfig: true},
	{file: "kube-proxy", commonName: "system:kube-proxy", kubeconfig: true},
	{file: thanosIdentity, commonName: thanosIdentity, hosts: []string{thanosIdentity, "thanos-query.monitoring.svc"}},
}

// thanosIdentity names the certificate of the parts of Thanos, and the host by which they know each other. It is also
// valid for the querier's Service, by which other stacks know it.
const thanosIdentity = "thanos"

// ensurePKI creates the cluster's authority, certificates and kubeconfigs in dir, and
// replaces all of them when one is about to expire. It creates the service account key
// once and never replaces it.
func ensurePKI(dir string, now time.Time) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "sa.key")); errors.Is(err, os.ErrNotExist) {
		if err := newServiceAccountKey(dir); err != nil {
			return err
		}
	}
	if current(dir, now) {
		return nil
	}

	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "localcluster"},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(validity),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	if err := sign(dir, "ca", ca, ca, caKey, caKey); err != nil {
		return err
	}
	for _, id := range identities {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		cert := &x509.Certificate{
			Subject:     pkix.Name{CommonName: id.commonName},
			NotBefore:   ca.NotBefore,
			NotAfter:    ca.NotAfter,
			KeyUsage:    x509.KeyUsageDigitalSignature,
			ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		}
		if id.organization != "" {
			cert.Subject.Organization = []string{id.organization}
		}
		for _, host := range id.hosts {
			if ip := net.ParseIP(host); ip != nil {
				cert.IPAddresses = append(cert.IPAddresses, ip)
			} else {
				cert.DNSNames = append(cert.DNSNames, host)
			}
		}
		if len(id.hosts) > 0 {
			cert.ExtKeyUsage = append(cert.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
		}
		if err := sign(dir, id.file, cert, ca, key, caKey); err != nil {
			return err
		}
		if id.kubeconfig {
			if err := writeKubeconfig(filepath.Join(dir, id.file+".conf"), dir, id.file, server); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeKubeconfig writes a kubeconfig that embeds the certificate of an identity's file. Its
// one context has the node's name.
func writeKubeconfig(path, dir, file, server string) error {
	cfg := clientcmdapi.NewConfig()
	cfg.Clusters[Name] = &clientcmdapi.Cluster{Server: server, CertificateAuthority: filepath.Join(dir, "ca.crt")}
	cfg.AuthInfos[Name] = &clientcmdapi.AuthInfo{
		ClientCertificate: filepath.Join(dir, file+".crt"),
		ClientKey:         filepath.Join(dir, file+".key"),
	}
	cfg.Contexts[Name] = &clientcmdapi.Context{Cluster: Name, AuthInfo: Name}
	cfg.CurrentContext = Name
	if err := clientcmdapi.FlattenConfig(cfg); err != nil {
		return err
	}
	return clientcmd.WriteToFile(*cfg, path)
}

// current reports whether every certificate exists, is signed by the authority and is
// valid for longer than renewal.
func current(dir string, now time.Time) bool {
	ca, err := readCertificate(filepath.Join(dir, "ca.crt"))
	if err != nil {
		return false
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for _, id := range identities {
		cert, err := readCertificate(filepath.Join(dir, id.file+".crt"))
		if err != nil {
			return false
		}
		_, err = cert.Verify(x509.VerifyOptions{
			Roots:       roots,
			CurrentTime: now.Add(renewal),
			KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
		})
		if err != nil {
			return false
		}
		if id.kubeconfig {
			if _, err := os.Stat(filepath.Join(dir, id.file+".conf")); err != nil {
				return false
			}
		}
	}
	return true
}

func readCertificate(path string) (*x509.Certificate, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, fmt.Errorf("%s has no PEM block", path)
	}
	return x509.ParseCertificate(block.Bytes)
}

func newServiceAccountKey(dir string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(dir, "sa.pub"), "PUBLIC KEY", public, 0o644); err != nil {
		return err
	}
	return writeKey(filepath.Join(dir, "sa.key"), key)
}

// sign writes dir/FILE.crt, signed by parent, and dir/FILE.key.
func sign(dir, file string, cert, parent *x509.Certificate, key, parentKey crypto.Signer) error {
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), parentKey)
	if err != nil {
		return fmt.Errorf("certificate %s: %w", file, err)
	}
	if err := writeKey(filepath.Join(dir, file+".key"), key); err != nil {
		return err
	}
	return writePEM(filepath.Join(dir, file+".crt"), "CERTIFICATE", der, 0o644)
}

func writeKey(path string, key crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "PRIVATE KEY", der, 0o600)
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
