// Package oidc is an OpenID Connect provider for tests: it logs everyone in as the person that the test
// names, without asking: https://openid.net/specs/openid-connect-core-1_0.html
package oidc

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Person is somebody who logs in.
type Person struct {
	Email  string
	Groups []string
}

// Provider is an OpenID Connect provider with one client.
type Provider struct {
	Issuer       string // base URL at which browsers and clients reach it
	ClientID     string
	ClientSecret string // empty: any

	key *rsa.PrivateKey

	mu     sync.Mutex
	refuse bool
	person Person
	codes  map[string]login // by authorization code
}

// login is what an authorization code stands for.
type login struct {
	person                       Person
	nonce, challenge, redirectTo string
}

// New returns a provider.
func New(issuer, clientID, clientSecret string) (*Provider, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	return &Provider{Issuer: issuer, ClientID: clientID, ClientSecret: clientSecret, key: key, codes: map[string]login{}}, nil
}

// LogIn makes everyone who logs in from now on that person.
func (p *Provider) LogIn(person Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = person
}

// Refuse says whether the provider answers with an error whoever asks it for tokens.
func (p *Provider) Refuse(refuse bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = refuse
}

// Handler serves the provider.
func (p *Provider) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, map[string]any{
			"issuer":                                p.Issuer,
			"authorization_endpoint":                p.Issuer + "/authorize",
			"token_endpoint":                        p.Issuer + "/token",
			"userinfo_endpoint":                     p.Issuer + "/userinfo",
			"jwks_uri":                              p.Issuer + "/keys",
			"response_types_supported":              []string{"code"},
			"subject_types_supported":               []string{"public"},
			"id_token_signing_alg_values_supported": []string{"RS256"},
			"code_challenge_methods_supported":      []string{"S256"},
		})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		public := p.key.PublicKey
		answer(w, map[string]any{"keys": []any{map[string]any{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "1",
			"n": encode(public.N.Bytes()), "e": encode(big.NewInt(int64(public.E)).Bytes()),
		}}})
	})
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	return mux
}

// authorize sends the browser back with a code.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	target, err := url.Parse(query.Get("redirect_uri"))
	if err != nil || query.Get("client_id") != p.ClientID || query.Get("response_type") != "code" {
		http.Error(w, "unknown client or response type", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.mu.Lock()
	p.codes[code] = login{p.person, query.Get("nonce"), query.Get("code_challenge"), query.Get("redirect_uri")}
	p.mu.Unlock()
	values := target.Query()
	values.Set("code", code)
	values.Set("state", query.Get("state"))
	target.RawQuery = values.Encode()
	http.Redirect(w, r, target.String(), http.StatusFound)
}

// token exchanges a code, once, for tokens.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	}
	p.mu.Lock()
	known, ok := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	refuse := p.refuse
	p.mu.Unlock()
	verifier := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case refuse:
		http.Error(w, `{"error": "temporarily_unavailable"}`, http.StatusServiceUnavailable)
		return
	case id != p.ClientID || p.ClientSecret != "" && secret != p.ClientSecret:
		http.Error(w, `{"error": "invalid_client"}`, http.StatusUnauthorized)
		return
	case !ok || r.FormValue("redirect_uri") != known.redirectTo || known.challenge != "" && known.challenge != encode(verifier[:]):
		http.Error(w, `{"error": "invalid_grant"}`, http.StatusBadRequest)
		return
	}
	now := time.Now()
	claims := known.person.claims()
	maps.Copy(claims, map[string]any{
		"iss": p.Issuer, "aud": p.ClientID, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix(), "nonce": known.nonce,
	})
	signed, err := p.sign(claims)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, map[string]any{"access_token": signed, "token_type": "Bearer", "expires_in": 3600, "id_token": signed})
}

// userInfo returns the claims about the person that logged in last.
func (p *Provider) userInfo(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	answer(w, p.person.claims())
}

// claims returns what the provider says about the person.
func (person Person) claims() map[string]any {
	return map[string]any{"sub": person.Email, "email": person.Email, "email_verified": true, "name": person.Email, "groups": person.Groups}
}

// sign returns a signed JSON Web Token: https://www.rfc-editor.org/rfc/rfc7515
func (p *Provider) sign(claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := encode([]byte(`{"alg":"RS256","typ":"JWT","kid":"1"}`)) + "." + encode(payload)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, p.key, crypto.SHA256, sum[:])
	return text + "." + encode(signature), err
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}
