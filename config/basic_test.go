package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// hash is made of the password s3cret.
const hash = "$2a$04$5a4Kd4ZT5iDLz3AFdBOmWOQUxl5gpLpRtnM9XDWifzEjxS9clEFRe"

func TestBasicProblems(t *testing.T) {
	const asks = "prometheus: {access: {login: basic}}\n"
	login := func(users, client string) string {
		return asks + fmt.Sprintf("login: {basic: {users: {%s}, client: {%s}}}", users, client)
	}
	const users, client = "stack: '" + hash + "'", "user: stack, password: s3cret"
	for _, test := range []struct{ name, text, want string }{
		{"nothing", asks, "login.basic.client.password: missing; set it with: pulumi config set --secret --path 'kubernetes-prometheus:login.basic.client.password'\n" +
			"login.basic.client.user: missing; allowed: one of login.basic.users, as which programs of the stack log in to each other"},
		{"no users", login("", client), "login.basic.users[\"stack\"]: missing; set it with: pulumi config set --secret --path 'kubernetes-prometheus:login.basic.users[\"stack\"]'"},
		{"another user", login("alice: '"+hash+"'", client), `login.basic.client.user: unknown "stack"; allowed: alice`},
		{"another password", login(users, "user: stack, password: hunter2"), "login.basic.client.password: does not fit the hash in login.basic.users[\"stack\"]; allowed: the password that the hash was made of"},
		{"white space", login(users, `user: stack, password: "s3cret\n"`), "login.basic.client.password: starts or ends with white space, which programs drop from a file"},
		{"a password for a hash", login(users+", alice: hunter2", client), "login.basic.users[\"alice\"]: not a bcrypt hash; allowed: what `htpasswd -nB alice` prints after the name and a colon"},
		{"a name with a colon", login(users+", 'a:b': '"+hash+"'", client), `login.basic.users["a:b"]: "a:b"; allowed: a name of letters, digits, @, ., _ and -`},
		{"an existing hash", login(users+", alice: {secret: people, key: alice}", client), "login.basic.users[\"alice\"]: is in an existing Secret, but a program reads all hashes from one file, which this program writes; set the hash itself with: pulumi config set --secret --path 'kubernetes-prometheus:login.basic.users[\"alice\"]'"},
		{"an existing password", login(users, "user: stack, password: {secret: people, key: stack}"), "login.basic.client.password: is in an existing Secret, so the preview cannot prove that it fits the user's hash; set the password itself with: pulumi config set --secret --path 'kubernetes-prometheus:login.basic.client.password'"},
		{"nobody asks", "login: {basic: {client: {user: stack}}}", "login.basic: has no effect, because no web UI asks for it; remove it, or set prometheus.access.login, alerting.access.login or longTermStorage.queryFrontend.access.login to basic"},
		{"Grafana", "grafana: {adminPassword: hunter2, access: {login: basic}}", "grafana.access.login: basic, but Grafana has users of its own; leave it out"},
		{"the name of its file in Grafana", "grafana: {adminPassword: hunter2, secrets: {login-password: hunter2}}", `grafana.secrets["login-password"]: the name is taken by login.basic.client.password; choose another`},
	} {
		t.Run(test.name, func(t *testing.T) {
			problems := rejected(t, test.text)
			assert.Equal(t, strings.Split(test.want, "\n"), problems)
			assert.NotContains(t, fmt.Sprint(problems), "hunter2")
			assert.NotContains(t, fmt.Sprint(problems), hash)
		})
	}
	assert.True(t, accepted(t, login(users, client)).HasBasic())
	assert.False(t, accepted(t, "alerting: {enabled: false, access: {login: basic}}").HasBasic(), "it is not deployed")
}

// A stack file has encrypted values, of which nothing can be said.
func TestBasicInAFile(t *testing.T) {
	cfg, err := config.FromFile(write(t, `
config:
  kubernetes-prometheus:cluster: {name: test}
  kubernetes-prometheus:alerting: {acknowledgeNoNotifications: true, access: {login: basic}}
  kubernetes-prometheus:grafana: {enabled: false}
  kubernetes-prometheus:login: {basic: {users: {stack: {secure: AAABBB}}, client: {user: stack, password: {secure: AAABBB}}}}`))
	require.NoError(t, err)
	assert.True(t, cfg.HasBasic())
}
