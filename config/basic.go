package config

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/crypto/bcrypt"
)

// Basic configures HTTP's basic authentication, which programs check with their own web configuration:
// https://prometheus.io/docs/prometheus/latest/configuration/https/
type Basic struct {
	// People and programs that may log in: user name to the bcrypt hash of the password, which
	// `htpasswd -nB NAME` prints after the name; a secret. The names are letters, digits, @, ., _ and -.
	// Required if a web UI asks for them, with client.user among them.
	Users map[string]Secret `json:"users"`
	// How programs of the stack log in to each other.
	Client BasicClient `json:"client"`
}

// BasicClient is the credential with which Prometheus, Grafana and other programs of the stack log in.
type BasicClient struct {
	// Name of one of the users. Required if a web UI asks for them.
	User string `json:"user"`
	// Password of that user, without white space around it; a secret. Required if a web UI asks for users.
	Password Secret `json:"password"`
}

// Names of the files with login.basic.client in pods.
const (
	LoginUserFile     = "login-user"
	LoginPasswordFile = "login-password"
)

// HasBasic reports whether a program of the stack asks for login.basic.
func (c *Config) HasBasic() bool {
	return slices.ContainsFunc(c.UIs(), UI.AsksForBasic)
}

// AsksForBasic reports whether the stack deploys the program of the UI, which asks for login.basic.
func (ui UI) AsksForBasic() bool {
	return ui.Deployed && !ui.OwnLogin && ui.Access.Login == BasicLogin
}

// validateBasic rejects a login that nobody could use, and one that no web UI asks for.
func (c *Config) validateBasic() Problems {
	var p Problems
	basic := c.Login.Basic
	if !c.HasBasic() {
		if len(basic.Users) > 0 || basic.Client.User != "" || basic.Client.Password.IsSet() {
			p.Addf("login.basic", "has no effect, because no web UI asks for it; remove it, or set prometheus.access.login, alerting.access.login or longTermStorage.queryFrontend.access.login to %s", BasicLogin)
		}
		return p
	}
	for _, name := range slices.Sorted(maps.Keys(basic.Users)) {
		p.Add(validateUser(fmt.Sprintf("login.basic.users[%q]", name), name, basic.Users[name])...)
	}
	p.Add(basic.Client.validate(basic.Users)...)
	return p
}

func validateUser(path, name string, hash Secret) Problems {
	var p Problems
	if !loginPattern.MatchString(name) {
		p.Addf(path, "%q; allowed: a name of letters, digits, @, ., _ and -", name)
	}
	if _, ok := hash.Existing(); ok {
		p.Addf(path, "is in an existing Secret, but a program reads all hashes from one file, which this program writes; set the hash itself with: %s", SecretCommand(path))
	} else if value, known := hash.Known(); known && !isBcrypt(value) {
		p.Addf(path, "not a bcrypt hash; allowed: what `htpasswd -nB %s` prints after the name and a colon", name)
	}
	return p
}

// isBcrypt reports whether a text is a bcrypt hash.
func isBcrypt(text string) bool {
	_, err := bcrypt.Cost([]byte(text))
	return err == nil
}

// fits reports whether the secret is the password of a hash, as far as both are known.
func (s Secret) fits(hash Secret) bool {
	password, known := s.Known()
	text, hashed := hash.Known()
	return !known || !hashed || bcrypt.CompareHashAndPassword([]byte(text), []byte(password)) == nil
}

// validate rejects a credential with which programs could not log in as one of users.
func (c BasicClient) validate(users map[string]Secret) Problems {
	const user, password = "login.basic.client.user", "login.basic.client.password"
	var p Problems
	hash, known := users[c.User]
	switch {
	case c.User == "":
		p.Addf(user, "missing; allowed: one of login.basic.users, as which programs of the stack log in to each other")
	case !known && len(users) == 0:
		p.missingHere(fmt.Sprintf("login.basic.users[%q]", c.User))
	case !known:
		p.Add(UnknownName(user, c.User, slices.Sorted(maps.Keys(users))))
	}
	_, existing := c.Password.Existing()
	value := c.Password.Reveal()
	switch {
	case !c.Password.IsSet():
		p.missingHere(password)
	case existing:
		p.Addf(password, "is in an existing Secret, so the preview cannot prove that it fits the user's hash; set the password itself with: %s", SecretCommand(password))
	case unfitInFile(value) != "":
		p.Addf(password, "%s", unfitInFile(value))
	case !c.Password.fits(hash):
		p.Addf(password, "does not fit the hash in login.basic.users[%q]; allowed: the password that the hash was made of", c.User)
	}
	return p
}
