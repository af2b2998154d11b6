package config_test

import "testing"

// datasource returns a stack whose Grafana has one more datasource.
func datasource(settings string) string {
	return "grafana: {adminPassword: hunter2, datasources: [" + settings + "]}"
}

func TestGrafanaDatasources(t *testing.T) {
	const loki = "name: Loki, uid: loki, type: loki"
	run(t, []violation{
		{
			"no name", datasource("{uid: loki, type: loki}"),
			`grafana.datasources[0].name: missing; allowed: a name for people`,
		}, {
			"no UID", datasource("{name: Loki, type: loki}"),
			`grafana.datasources[0].uid: ""; allowed: 1 to 40 letters, digits, - and _`,
		}, {
			"type by its title", datasource("{name: Loki, uid: loki, type: Grafana Loki}"),
			`grafana.datasources[0].type: "Grafana Loki"; allowed: the ID of a plugin, such as loki or tempo`,
		}, {
			"unknown field", datasource("{" + loki + ", jsondata: {}}"),
			`grafana.datasources[0].jsondata: unknown "jsondata"; did you mean "jsonData"?`,
		}, {
			"access", datasource("{" + loki + ", access: server}"),
			`grafana.datasources[0].access: unknown "server"; allowed: proxy, direct`,
		}, {
			"one name twice", datasource("{" + loki + "}, {name: loki, uid: other, type: loki}"),
			`grafana.datasources[1].name: "loki" is there twice`,
		}, {
			"one UID twice", datasource("{" + loki + "}, {name: other, uid: loki, type: loki}"),
			`grafana.datasources[1].uid: "loki" is there twice`,
		}, {
			"credential in the URL", datasource("{" + loki + ", url: 'https://a:hunter2@loki.example.com'}"),
			`grafana.datasources[0].url: contains a credential, but is stored in clear text; remove the credential`,
		}, {
			"password among the options", datasource("{" + loki + ", jsonData: {proxyPassword: hunter2}}"),
			`grafana.datasources[0].jsonData.proxyPassword: is a secret, which may not be in a ConfigMap; it belongs in secureJsonData`,
		}, {
			"secret inside an option", datasource("{" + loki + ", jsonData: {clients: [{client_secret: hunter2}]}}"),
			`grafana.datasources[0].jsonData.clients[0].client_secret: is a secret, which may not be in a ConfigMap; it belongs in secureJsonData`,
		}, {
			"private key", datasource("{" + loki + ", jsonData: {privateKey: hunter2}}"),
			`grafana.datasources[0].jsonData.privateKey: is a secret, which may not be in a ConfigMap; it belongs in secureJsonData`,
		}, {
			"key of an account", datasource("{" + loki + ", jsonData: {sigV4SecretKey: hunter2}}"),
			`grafana.datasources[0].jsonData.sigV4SecretKey: is a secret, which may not be in a ConfigMap; it belongs in secureJsonData`,
		}, {
			"value of a header", datasource("{" + loki + ", jsonData: {httpHeaderName1: Authorization, httpHeaderValue1: hunter2}}"),
			`grafana.datasources[0].jsonData.httpHeaderValue1: is a secret, which may not be in a ConfigMap; it belongs in secureJsonData`,
		}, {
			"file with a secret", datasource("{" + loki + ", jsonData: {user: '$__file{/etc/grafana-secrets/user}'}}"),
			`grafana.datasources[0].jsonData.user: is a secret, which may not be in a ConfigMap; it belongs in secureJsonData`,
		}, {
			"token of a correlation", datasource("{" + loki + ", correlations: [{config: {target: {apiToken: hunter2}}}]}"),
			`grafana.datasources[0].correlations[0].config.target.apiToken: is a secret, which may not be in a ConfigMap; it belongs in secureJsonData`,
		}, {
			"user without a password", datasource("{" + loki + ", basicAuthUser: a}"),
			`grafana.datasources[0].basicAuthUser: "a" is only used with basicAuth: true`,
		}, {
			"cookies of a server", datasource("{" + loki + ", withCredentials: true}"),
			`grafana.datasources[0].withCredentials: true is only used with access: direct`,
		}, {
			"secrets that a job does not have", "grafana: {adminPassword: hunter2, import: job, persistence: {enabled: true}, datasources: [{" + loki + ", secureJsonData: {a: b}}]}",
			`grafana.datasources[0].secureJsonData: is not sent by a job, which does not have grafana.secrets; allowed with grafana.import: files`,
		}, {
			"correlations by a job", "grafana: {adminPassword: hunter2, import: job, persistence: {enabled: true}, datasources: [{" + loki + ", correlations: [{}]}]}",
			`grafana.datasources[0].correlations: is not sent by a job; allowed with grafana.import: files`,
		}, {
			"traces of nobody", "prometheus: {featureFlags: [exemplar-storage]}\ngrafana: {adminPassword: hunter2, exemplars: {datasourceUid: tempo}}",
			`grafana.exemplars.datasourceUid: "tempo" is the UID of no grafana.datasources`,
		}, {
			"exemplars that are not stored", "grafana: {adminPassword: hunter2, exemplars: {datasourceUid: tempo}, datasources: [{name: Tempo, uid: tempo, type: tempo}]}",
			`grafana.exemplars.datasourceUid: "tempo", but Prometheus stores no exemplars; allowed with prometheus.featureFlags: [exemplar-storage]`,
		}, {
			"exemplars without a label", "grafana: {adminPassword: hunter2, exemplars: {label: ''}}",
			`grafana.exemplars.label: missing; allowed: the label with the ID of a trace, such as trace_id`,
		},
	})
	accepted(t, datasource("{"+loki+", url: 'http://loki.logs.svc:3100', jsonData: {maxLines: 500}}"))
	accepted(t, datasource("{"+loki+", jsonData: {tlsAuth: true, httpHeaderName1: X-Scope-OrgID, tokenUri: 'https://example.com', passwordless: 'yes', secretNamespace: a, forwardToken: true}}"))
}
