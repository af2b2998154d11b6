package render

import (
	"slices"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/importer"
)

// basicAuth holds a credential in the form in which the configuration files of all programs have it.
type basicAuth struct {
	Username     string `yaml:"username,omitempty"`
	UsernameFile string `yaml:"username_file,omitempty"`
	PasswordFile string `yaml:"password_file,omitempty"`
}

// AsksForLogin reports whether a program, by its name, asks for a user of login.basic.
func AsksForLogin(cfg *config.Config, program string) bool {
	return slices.ContainsFunc(cfg.UIs(), func(ui config.UI) bool { return ui.AsksForBasic() && backends[ui.Path].Name == program })
}

// loginTo returns the credential with which Prometheus logs in to a program; nil if it does not ask for one. Name and
// password are files of one Secret, whose new values reach a pod together.
func loginTo(cfg *config.Config, program string) *basicAuth {
	if !AsksForLogin(cfg, program) {
		return nil
	}
	return &basicAuth{UsernameFile: LoginDir + "/" + config.LoginUserFile, PasswordFile: LoginDir + "/" + config.LoginPasswordFile}
}

// namedLogin returns the credential of programs that have LoginDir, but that read no name from a file: those of Thanos.
func namedLogin(cfg *config.Config) *basicAuth {
	return &basicAuth{Username: cfg.Login.Basic.Client.User, PasswordFile: LoginDir + "/" + config.LoginPasswordFile}
}

// basicLogin returns the files with which programs check users of login.basic and log in as one; nil if no
// program asks for them. Programs read them again with each request: a new value needs no restart.
func basicLogin(cfg *config.Config) (map[string]config.Secret, error) {
	if !cfg.HasBasic() {
		return nil, nil
	}
	basic := cfg.Login.Basic
	users := map[string]string{}
	for name, hash := range basic.Users {
		users[name] = hash.Reveal()
	}
	files, err := webFiles(webConfig{TLS: serverTLSOf(cfg), Users: users}, httpClient{
		BasicAuth: namedLogin(cfg),
		TLSConfig: clientTLS(cfg),
	})
	if err != nil {
		return nil, err
	}
	secrets := map[string]config.Secret{
		config.LoginUserFile:     config.NewSecret(basic.Client.User),
		config.LoginPasswordFile: basic.Client.Password,
	}
	for name, text := range files {
		secrets[name] = config.NewSecret(text)
	}
	return secrets, nil
}

// Names of the secret option of a datasource with basic authentication, and its value where that is the password of
// login.basic.client.
const (
	basicAuthPassword = "basicAuthPassword"
	loginPassword     = "$__file{" + GrafanaSecretsDir + "/" + config.LoginPasswordFile + "}"
)

// logIn has Grafana log in to the program of a datasource, if that asks for it.
func logIn(cfg *config.Config, program Program, d *importer.Datasource) {
	if AsksForLogin(cfg, program.Name) {
		d.BasicAuth, d.BasicAuthUser = true, cfg.Login.Basic.Client.User
		d.SecureJSONData[basicAuthPassword] = loginPassword
	}
}

// logsIn reports whether Grafana logs in to the program of a datasource.
func logsIn(d importer.Datasource) bool { return d.SecureJSONData[basicAuthPassword] == loginPassword }

// GrafanaSecrets returns the content of each file in the secrets directory of a Grafana that the stack deploys, by
// name.
func (s *Stack) GrafanaSecrets() map[string]config.Secret {
	files := s.Config.GrafanaSecretFiles()
	if s.Config.Grafana.Import == config.ImportFiles && slices.ContainsFunc(s.Datasources, logsIn) {
		files[config.LoginPasswordFile] = s.Config.Login.Basic.Client.Password
	}
	return files
}
