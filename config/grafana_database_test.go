package config_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// withDatabase returns a stack whose Grafana uses the database of settings, in YAML.
func withDatabase(settings string) string {
	return "grafana: {adminPassword: hunter2, replicas: 2, database: {" + settings + "}}"
}

// databaseWith returns the settings of a database with one of them replaced; empty to leave it out.
func databaseWith(settings, key, value string) string {
	var kept []string
	for setting := range strings.SplitSeq(settings, ", ") {
		if !strings.HasPrefix(setting, key+":") {
			kept = append(kept, setting)
		}
	}
	if value != "" {
		kept = append(kept, key+": "+value)
	}
	return strings.Join(kept, ", ")
}

func TestGrafanaDatabase(t *testing.T) {
	const mysql = "type: mysql, host: 'db.example.com:3306', name: grafana, user: grafana, password: hunter2"
	run(t, []violation{
		{
			"nothing", withDatabase(databaseWith(postgres, "type", "")), `grafana.database.type: missing; allowed: postgres, mysql`,
		}, {
			"another server", withDatabase(databaseWith(postgres, "type", "sqlite3")), `grafana.database.type: unknown "sqlite3"; allowed: postgres, mysql`,
		}, {
			"no port", withDatabase(databaseWith(postgres, "host", "db.example.com")), `grafana.database.host: "db.example.com"; allowed: host:port, such as postgres.databases.svc:5432`,
		}, {
			"a URL", withDatabase(databaseWith(postgres, "host", "'postgres://db.example.com:5432'")), `grafana.database.host: "postgres://db.example.com:5432"; allowed: host:port, such as postgres.databases.svc:5432`,
		}, {
			"name", withDatabase(databaseWith(postgres, "name", "my database")), `grafana.database.name: "my database"; allowed: the name of a database of letters, digits, _ and -`,
		}, {
			"user", withDatabase(databaseWith(postgres, "user", "'a:b'")), `grafana.database.user: "a:b"; allowed: letters, digits, @, ., _ and -`,
		}, {
			"no password", withDatabase(databaseWith(postgres, "password", "")),
			`grafana.database.password: missing; set it with: pulumi config set --secret --path 'kubernetes-prometheus:grafana.database.password'; or name an existing Secret there: {secret: NAME, key: KEY}`,
		}, {
			"white space after the password", withDatabase(databaseWith(mysql, "password", "'hunter2 '")), `grafana.database.password: starts or ends with white space, which programs drop from a file`,
		}, {
			"password that postgres reads otherwise", withDatabase(databaseWith(postgres, "password", `"hunt'r2"`)),
			`grafana.database.password: contains white space, a quote or a backslash, with which Grafana would connect to postgres with another password; allowed: any other characters`,
		}, {
			"mode of the other server", withDatabase(mysql + ", sslMode: verify-full"), `grafana.database.sslMode: "verify-full"; allowed with mysql: false, skip-verify, true`,
		}, {
			"not a certificate", withDatabase(postgres + ", ca: hunter2"), `grafana.database.ca: is not a certificate; allowed: certificates in PEM format`,
		}, {
			"certificate without TLS", withDatabase(postgres + ", sslMode: disable, ca: '-----BEGIN CERTIFICATE-----'"), `grafana.database.ca: has no effect with sslMode: "disable", which verifies no certificate; remove one of the two`,
		}, {
			"certificate that is not verified", withDatabase(mysql + ", sslMode: skip-verify, ca: '-----BEGIN CERTIFICATE-----'"), `grafana.database.ca: has no effect with sslMode: "skip-verify", which verifies no certificate; remove one of the two`,
		}, {
			"and a volume", "grafana: {adminPassword: hunter2, persistence: {enabled: true}, database: {" + postgres + "}}",
			`grafana.persistence.enabled: true, but with grafana.database Grafana keeps nothing on a volume; remove one of the two`,
		}, {
			"too many pods", "grafana: {adminPassword: hunter2, replicas: 11, database: {" + postgres + "}}", `grafana.replicas: 11; allowed: 0 to 10`,
		}, {
			"name of its password", "grafana: {adminPassword: hunter2, secrets: {database-password: hunter2}, database: {" + postgres + "}}",
			`grafana.secrets["database-password"]: the name is taken by grafana.database.password; choose another`,
		}, {
			"budget of a single pod", "grafana: {adminPassword: hunter2, podDisruptionBudget: {maxUnavailable: 1}, database: {" + postgres + "}}",
			`grafana.podDisruptionBudget: is set, but a single pod has no budget, which would block every drain or do nothing; remove it, or deploy two or more`,
		},
	})
	assert.Equal(t, config.DatabaseEncryption("verify-full"), accepted(t, withDatabase(postgres)).Grafana.Database.SSLMode)
	assert.Equal(t, config.DatabaseEncryption("true"), accepted(t, withDatabase(mysql)).Grafana.Database.SSLMode)
	assert.Equal(t, config.DatabaseEncryption("false"), accepted(t, withDatabase(mysql+", sslMode: false")).Grafana.Database.SSLMode, "as pulumi config set writes it")
	accepted(t, withDatabase(databaseWith(mysql, "password", `"it's a hunter2"`)))
	accepted(t, "grafana: {adminPassword: hunter2, secrets: {database-password: hunter2}}")
}

// Certificates in existing Secrets are not known, and the names of these are.
func TestSecretsOfGrafanaDatabase(t *testing.T) {
	cfg := accepted(t, withDatabase("type: postgres, host: 'db.example.com:5432', name: grafana, user: grafana, password: {secret: db, key: password}, ca: {secret: db, key: ca.crt}"))
	var paths []string
	for _, existing := range cfg.ExistingSecrets() {
		paths = append(paths, existing.Path)
	}
	assert.Equal(t, []string{"grafana.database.ca", "grafana.database.password"}, paths)
}
