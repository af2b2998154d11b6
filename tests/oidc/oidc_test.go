package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A code is exchanged once, by the client that asked for it.
func TestProvider(t *testing.T) {
	p, err := New("", "monitoring", "s3cret")
	require.NoError(t, err)
	server := httptest.NewServer(p.Handler())
	defer server.Close()
	p.Issuer = server.URL
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	sum := sha256.Sum256([]byte("verifier"))
	code := func() string {
		p.LogIn(Person{Email: "a@example.com", Groups: []string{"sre"}})
		response, err := browser.Get(server.URL + "/authorize?" + url.Values{
			"client_id": {"monitoring"}, "response_type": {"code"}, "state": {"1"}, "nonce": {"2"}, "code_challenge": {encode(sum[:])}, "redirect_uri": {"https://example.com/oauth2/callback"},
		}.Encode())
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusFound, response.StatusCode)
		target, err := response.Location()
		require.NoError(t, err)
		assert.Equal(t, "1", target.Query().Get("state"))
		return target.Query().Get("code")
	}
	token := func(code, secret, verifier string) (status int, claims map[string]any) {
		response, err := browser.PostForm(server.URL+"/token", url.Values{
			"client_id": {"monitoring"}, "client_secret": {secret}, "code": {code}, "code_verifier": {verifier}, "redirect_uri": {"https://example.com/oauth2/callback"},
		})
		require.NoError(t, err)
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return response.StatusCode, nil
		}
		var tokens struct {
			IDToken string `json:"id_token"`
		}
		require.NoError(t, json.NewDecoder(response.Body).Decode(&tokens))
		parts := strings.Split(tokens.IDToken, ".")
		require.Len(t, parts, 3)
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(payload, &claims))
		return response.StatusCode, claims
	}
	first := code()
	status, claims := token(first, "s3cret", "verifier")
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, server.URL, claims["iss"])
	assert.Equal(t, "2", claims["nonce"])
	assert.Equal(t, []any{"sre"}, claims["groups"])
	status, _ = token(first, "s3cret", "verifier")
	assert.Equal(t, http.StatusBadRequest, status, "a second time")
	status, _ = token(code(), "s3cret", "another")
	assert.Equal(t, http.StatusBadRequest, status, "another verifier")
	status, _ = token(code(), "wrong", "verifier")
	assert.Equal(t, http.StatusUnauthorized, status, "another secret")
}
