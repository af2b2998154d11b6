package config

// Logins configures the ways in which people log in to web UIs.
type Logins struct {
	// Login with a user name and a password, which Prometheus, Alertmanager and Thanos check themselves.
	Basic Basic `json:"basic"`
	// Login with an OpenID Connect provider, such as Keycloak, Dex, Entra ID, Okta or Google.
	OIDC OIDC `json:"oidc"`
}
