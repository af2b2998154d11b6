// Package ca is a certificate authority for tests.
package ca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// day is the validity of certificates.
const day = 24 * time.Hour

// Authority makes certificates.
type Authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// New returns an authority.
func New(t testing.TB) *Authority {
	t.Helper()
	template := &x509.Certificate{NotAfter: time.Now().Add(day), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	key := newKey(t)
	certificate, err := x509.ParseCertificate(sign(t, template, template, key, key))
	require.NoError(t, err)
	return &Authority{certificate, key}
}

// Issue returns the values of a Secret of cert-manager: a certificate that is valid for hosts for a day, as server and
// as client, its key and the authority.
func (a *Authority) Issue(t testing.TB, hosts ...string) map[string][]byte {
	t.Helper()
	return a.IssueUntil(t, time.Now().Add(day), hosts...)
}

// IssueUntil does what Issue does, with another end of the certificate's validity, which may have passed.
func (a *Authority) IssueUntil(t testing.TB, end time.Time, hosts ...string) map[string][]byte {
	t.Helper()
	key := newKey(t)
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	template := &x509.Certificate{NotAfter: end, DNSNames: hosts, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	return map[string][]byte{
		"ca.crt":  encode("CERTIFICATE", a.certificate.Raw),
		"tls.crt": encode("CERTIFICATE", sign(t, template, a.certificate, key, a.key)),
		"tls.key": encode("PRIVATE KEY", encoded),
	}
}

// sign returns the certificate of a template with a key, signed by that of its parent.
func sign(t testing.TB, template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) []byte {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	require.NoError(t, err)
	template.SerialNumber, template.Subject = serial, pkix.Name{CommonName: serial.String()}
	template.NotBefore = template.NotAfter.Add(-day - time.Minute)
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	require.NoError(t, err)
	return raw
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return key
}

func encode(kind string, data []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: data})
}
