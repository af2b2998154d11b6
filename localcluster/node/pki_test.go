package node

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"k8s.io/client-go/tools/clientcmd"
)

func TestPKI(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	require.NoError(t, ensurePKI(dir, now))

	ca, err := readCertificate(filepath.Join(dir, "ca.crt"))
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	for _, id := range identities {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, id.file+".crt"), filepath.Join(dir, id.file+".key"))
		require.NoError(t, err, id.file)
		_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
		assert.NoError(t, err, id.file)
		assert.Equal(t, id.commonName, pair.Leaf.Subject.CommonName)
		for _, host := range id.hosts {
			assert.NoError(t, pair.Leaf.VerifyHostname(host), id.file)
		}
		_, err = pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
		assert.Equal(t, len(id.hosts) > 0, err == nil, "%s serves if it has hosts", id.file)

		info, err := os.Stat(filepath.Join(dir, id.file+".key"))
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o600), info.Mode().Perm(), id.file)
	}

	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(dir, "kubelet.conf"))
	require.NoError(t, err)
	assert.Equal(t, server, config.Host)
	assert.NotEmpty(t, config.CertData, "the certificate is embedded")
}

func TestPKIIsKeptUntilItExpires(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	read := func(name string) string {
		data, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(data)
	}
	require.NoError(t, ensurePKI(dir, now))
	ca, admin, accounts := read("ca.crt"), read("admin.crt"), read("sa.key")

	require.NoError(t, ensurePKI(dir, now.Add(validity-renewal-time.Hour)))
	assert.Equal(t, admin, read("admin.crt"), "it is valid for longer than renewal")

	require.NoError(t, ensurePKI(dir, now.Add(validity-renewal+time.Hour)))
	assert.NotEqual(t, ca, read("ca.crt"))
	assert.NotEqual(t, admin, read("admin.crt"))
	assert.Equal(t, accounts, read("sa.key"), "tokens of service accounts stay valid")

	require.NoError(t, os.Remove(filepath.Join(dir, "kubelet.crt")))
	require.NoError(t, ensurePKI(dir, now.Add(validity)))
	read("kubelet.crt")
}
