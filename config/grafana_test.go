package config_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

const (
	ingress  = "cluster: {name: test, networkPolicies: {fromNamespaces: [ingress]}}\n"
	external = "url: 'https://grafana.example.com', token: hunter2, prometheusUrl: 'https://prometheus.example.com'"
	postgres = "type: postgres, host: 'db.example.com:5432', name: grafana, user: grafana, password: hunter2"
)

func TestGrafana(t *testing.T) {
	run(t, []violation{
		{
			"no password", "grafana: {}",
			`grafana.adminPassword: missing; set it with: pulumi config set --secret --path 'kubernetes-prometheus:grafana.adminPassword'; or name an existing Secret there: {secret: NAME, key: KEY}`,
		}, {
			"empty password", "grafana: {adminPassword: ''}",
			"grafana.adminPassword: not a secret; allowed: a non-empty string, set with `pulumi config set --secret`, or {secret: NAME, key: KEY} of an existing Secret",
		}, {
			"password that Grafana would read otherwise", "grafana: {adminPassword: 'hunter2 '}",
			`grafana.adminPassword: starts or ends with white space, which programs drop from a file`,
		}, {
			"two pods on one database", "grafana: {adminPassword: hunter2, replicas: 2}",
			`grafana.replicas: 2; allowed: 0 or 1, because only one pod can use the database; set grafana.database for one that several can use`,
		}, {
			"user with a colon", "grafana: {adminPassword: hunter2, adminUser: 'a:b'}",
			`grafana.adminUser: "a:b"; allowed: letters, digits, @, ., _ and -`,
		}, {
			"way of import", "grafana: {adminPassword: hunter2, import: jobs}",
			`grafana.import: unknown "jobs"; did you mean "job"?`,
		}, {
			"job into a stateless Grafana", "grafana: {adminPassword: hunter2, import: job}",
			`grafana.import: job fills a Grafana that loses everything when its pod restarts; set grafana.persistence.enabled: true or grafana.database, or use files`,
		}, {
			"volume where there are none", "storage: {mode: ephemeral}\ngrafana: {adminPassword: hunter2, persistence: {enabled: true}}",
			`grafana.persistence.enabled: true, but storage.mode: ephemeral has no volumes; allowed with dynamic and local`,
		}, {
			"small volume", "grafana: {adminPassword: hunter2, persistence: {size: 1Mi}}",
			`grafana.persistence.size: 1Mi is too small; allowed: 100Mi or more`,
		}, {
			"name of a secret", "grafana: {adminPassword: hunter2, secrets: {a/b: hunter2}}",
			`grafana.secrets["a/b"]: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.'`,
		}, {
			"name of our secret", "grafana: {adminPassword: hunter2, secrets: {admin-password: hunter2}}",
			`grafana.secrets["admin-password"]: the name is taken by grafana.adminPassword; choose another`,
		}, {
			"credential in the URL", "grafana: {adminPassword: hunter2, externalUrl: 'https://a:hunter2@grafana.example.com'}",
			`grafana.externalUrl: contains a credential, but is stored in clear text; remove the credential`,
		}, {
			"settings", "grafana: {adminPassword: hunter2, config: {server: on}}",
			`grafana.config.server: is a string; allowed: an object`,
		}, {
			"CPU", "grafana: {adminPassword: hunter2, resources: {limits: {cpu: 1m}}}",
			`grafana.resources.requests.cpu: 100m is more than the limit of 1m`,
		}, {
			"scrape without Grafana", "grafana: {adminPassword: hunter2, replicas: 0}\ndiscovery: {jobs: {grafana: {enabled: true}}}",
			`discovery.jobs.grafana.enabled: true, but what it scrapes is off; set grafana.enabled: true`,
		},
	})
}

func TestExternalGrafana(t *testing.T) {
	run(t, []violation{
		{
			"files", "grafana: {external: {" + external + "}}",
			`grafana.import: files cannot fill the Grafana at grafana.external.url; set job`,
		}, {
			"no token", "grafana: {import: job, external: {url: 'https://grafana.example.com', prometheusUrl: 'https://prometheus.example.com'}}",
			`grafana.external.token: missing; set it with: pulumi config set --secret --path 'kubernetes-prometheus:grafana.external.token'; or name an existing Secret there: {secret: NAME, key: KEY}`,
		}, {
			"no way back", "grafana: {import: job, external: {url: 'https://grafana.example.com', token: hunter2}}",
			`grafana.external.prometheusUrl: missing; the Grafana at grafana.external.url needs an address at which it reaches this Prometheus, or the query frontend with longTermStorage`,
		}, {
			"credential in the URL", "grafana: {import: job, external: {" + external + ", alertmanagerUrl: 'https://a:hunter2@alertmanager.example.com'}}",
			`grafana.external.alertmanagerUrl: contains a credential, but is stored in clear text; remove the credential`,
		}, {
			"page instead of the base URL", "grafana: {import: job, external: {url: 'https://grafana.example.com/?orgId=1', token: hunter2, prometheusUrl: 'https://prometheus.example.com'}}",
			`grafana.external.url: "https://grafana.example.com/?orgId=1" has a query or fragment; allowed: a URL without them`,
		}, {
			"and one of our own", "grafana: {import: job, persistence: {enabled: true}, external: {" + external + "}}",
			`grafana.persistence.enabled: only applies to a Grafana that this stack deploys, but grafana.external.url names another one; remove one of the two`,
		}, {
			"and an account of our own", "grafana: {import: job, serviceAccount: {annotations: {a: b}}, external: {" + external + "}}",
			`grafana.serviceAccount: only applies to a Grafana that this stack deploys, but grafana.external.url names another one; remove one of the two`,
		}, {
			"and a variable of our own", "grafana: {import: job, pod: {env: [{name: HTTPS_PROXY, value: 'http://proxy:3128'}]}, external: {" + external + "}}",
			`grafana.pod.env: only applies to a Grafana that this stack deploys, but grafana.external.url names another one; remove one of the two`,
		}, {
			"and a database of our own", "grafana: {import: job, database: {type: mysql}, external: {" + external + "}}",
			`grafana.database: only applies to a Grafana that this stack deploys, but grafana.external.url names another one; remove one of the two`,
		}, {
			"token without URL", "grafana: {adminPassword: hunter2, external: {token: hunter2}}",
			`grafana.external.token: is only used with grafana.external.url`,
		},
	})
}

func TestGrafanaIsWhatTheStackSays(t *testing.T) {
	tests := map[string]struct {
		stack                   string
		deployed, runs, imports bool
	}{
		"default":       {"grafana: {adminPassword: hunter2}", true, true, false},
		"off":           {"grafana: {enabled: false}", false, false, false},
		"without a pod": {"grafana: {adminPassword: hunter2, replicas: 0, import: job, persistence: {enabled: true}}", true, false, false},
		"job":           {"grafana: {adminPassword: hunter2, import: job, persistence: {enabled: true}}", true, true, true},
		"job, database": {"grafana: {adminPassword: hunter2, import: job, database: {" + postgres + "}, replicas: 2}", true, true, true},
		"external":      {"grafana: {import: job, external: {" + external + "}}", false, false, true},
		"external, off": {"grafana: {enabled: false, import: job, external: {" + external + "}}", false, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := accepted(t, test.stack)
			assert.Equal(t, test.deployed, cfg.Grafana.Deployed(), "deployed")
			assert.Equal(t, test.runs, cfg.Grafana.Runs(), "runs")
			assert.Equal(t, test.runs, cfg.Enabled(config.GrafanaJob), "scraped")
			assert.Equal(t, test.imports, cfg.Grafana.Imports(), "imports")
		})
	}
}

func TestGrafanaLink(t *testing.T) {
	assert.Equal(t, "https://grafana.example.com", accepted(t, "grafana: {import: job, external: {"+external+"}}").Grafana.Link())
	assert.Empty(t, accepted(t, "grafana: {enabled: false, externalUrl: 'https://grafana.example.com'}").Grafana.Link())
	assert.Equal(t, "https://grafana.example.com/", accepted(t, ingress+"grafana: {adminPassword: hunter2, access: {host: grafana.example.com, ingress: {tls: {secretName: a}}}}").Grafana.Link())
}
