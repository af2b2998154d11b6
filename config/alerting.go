package config

import (
	"maps"
	"slices"
	"time"

	policyv1 "k8s.io/api/policy/v1"
)

// Alerting configures Alertmanager and the alerting rules.
type Alerting struct {
	// Deploy Alertmanager and send alerts to it. Rules are evaluated either way.
	Enabled bool `json:"enabled"`
	// Further Alertmanagers to send alerts to, which the stack does not deploy, in Prometheus' own format; also
	// with enabled: false. Their *_file options read prometheus.secrets:
	// https://prometheus.io/docs/prometheus/latest/configuration/configuration/#alertmanager_config
	Alertmanagers []map[string]any `json:"alertmanagers"`
	// Number of Alertmanagers, 1 to 9. They share silences and send each notification once.
	Replicas int `json:"replicas"`
	// Size of each replica's volume, which holds silences and the notification log; 64Mi or more.
	Size Quantity `json:"size"`
	// Slack notifications, which the receiver `slack` sends.
	Slack *Slack `json:"slack"`
	// URL to call every minute while alerting works, such as a healthchecks.io check; a secret.
	DeadMansSwitchURL *Secret `json:"deadMansSwitchUrl"`
	// The root route. Below it are the Watchdog's route and alerting.routes.
	Route Route `json:"route"`
	// Additional receivers in Alertmanager's own format:
	// https://prometheus.io/docs/alerting/latest/configuration/#receiver
	Receivers []map[string]any `json:"receivers"`
	// Routes below the root, in Alertmanager's own format:
	// https://prometheus.io/docs/alerting/latest/configuration/#route
	Routes []map[string]any `json:"routes"`
	// Additional inhibition rules in Alertmanager's own format:
	// https://prometheus.io/docs/alerting/latest/configuration/#inhibit_rule
	InhibitRules []map[string]any `json:"inhibitRules"`
	// Time intervals for routes, in Alertmanager's own format:
	// https://prometheus.io/docs/alerting/latest/configuration/#time_interval
	TimeIntervals []map[string]any `json:"timeIntervals"`
	// Notification templates: file name ending in .tmpl to text. They may redefine the
	// templates of the Slack message.
	Templates map[string]string `json:"templates"`
	// Secrets of receivers: name to value. A receiver's *_file option reads
	// /etc/alertmanager/secrets/NAME.
	Secrets map[string]Secret `json:"secrets"`
	// Accept that alerts which only the root route matches notify nobody.
	AcknowledgeNoNotifications bool `json:"acknowledgeNoNotifications"`
	// URL at which people open Alertmanager, for links in notifications; that of access unless set.
	ExternalURL *URL `json:"externalUrl"`
	// How Alertmanager is reached from outside the cluster.
	Access Access `json:"access"`
	// URL below which the runbook of each shipped alert is, as ALERT.md; of a fork or a mirror of docs/runbooks.
	RunbookURL *URL `json:"runbookUrl"`
	// Share of requests that the API servers must serve without an error and in time, over 30 days;
	// APIServerErrorBudgetBurn fires if they miss it. Below 100%.
	APIServerObjective Threshold `json:"apiServerObjective"`
	// Shipped alerts to leave out, by name.
	Disabled []string `json:"disabled"`
	// Changes to shipped alerts, by name.
	Overrides map[string]AlertOverride `json:"overrides"`
	// Additional rule files in Prometheus' own format, by name:
	// https://prometheus.io/docs/prometheus/latest/configuration/recording_rules/
	ExtraRules map[string]any `json:"extraRules"`
	// Directories with such rule files, as *.yaml or *.yml, absolute or relative to the project, such as ../shop/rules.
	// Each preview reads and checks them. Files *_test.yaml, of promtool, are left out.
	RuleDirectories []string `json:"ruleDirectories"`
	// The account that the pods run as; only with annotations, one of its own, such as for Amazon SNS.
	ServiceAccount ServiceAccount `json:"serviceAccount"`
	// PodDisruptionBudget of several replicas, in Kubernetes' own format without its selector; maxUnavailable: 1
	// unless set.
	PodDisruptionBudget *policyv1.PodDisruptionBudgetSpec `json:"podDisruptionBudget"`
	// Compute resources of each replica.
	Resources Resources `json:"resources"`
	Scheduling
}

// Slack configures the receiver `slack`.
type Slack struct {
	// Channel or user to notify, such as "#alerts". Required.
	Channel string `json:"channel"`
	// URL of the incoming webhook. Required; a secret.
	WebhookURL Secret `json:"webhookUrl"`
	// Also notify when an alert is resolved; true unless set.
	SendResolved *bool `json:"sendResolved"`
}

// Route is the root of the routing tree.
type Route struct {
	// Receiver of alerts that match no other route; empty for `slack` if alerting.slack is set.
	Receiver string `json:"receiver"`
	// Labels to group alerts by: alerts with the same values share a notification.
	GroupBy []string `json:"groupBy"`
	// How long to collect a group's first alerts before notifying.
	GroupWait Duration `json:"groupWait"`
	// How long to wait before notifying about changes in a group.
	GroupInterval Duration `json:"groupInterval"`
	// How long to wait before repeating a notification about alerts that still fire.
	RepeatInterval Duration `json:"repeatInterval"`
}

// AlertOverride changes every rule of one shipped alert.
type AlertOverride struct {
	// How long the condition must hold before the alert fires; 0s to fire at once.
	For *Duration `json:"for"`
	// Severity: critical, warning, info or none. Not allowed for an alert with several severities.
	Severity string `json:"severity"`
	// Labels to add or replace; values may be templates.
	Labels map[string]string `json:"labels"`
	// Annotations to add or replace; values may be templates.
	Annotations map[string]string `json:"annotations"`
	// Thresholds by severity, such as warning: 85%. Only for alerts that compare with a number.
	Thresholds map[string]Threshold `json:"thresholds"`
}

func defaultAlerting() Alerting {
	return Alerting{
		Enabled:  true,
		Replicas: 1,
		Size:     quantity("1Gi"),
		Route: Route{
			GroupBy:        []string{"cluster", "alertname", "namespace"},
			GroupWait:      duration(30 * time.Second),
			GroupInterval:  duration(5 * time.Minute),
			RepeatInterval: duration(12 * time.Hour),
		},
		APIServerObjective: threshold("99.9%"),
		Access:             defaultAccess(),
		Resources:          resources("20m", "48Mi", "128Mi"),
	}
}

// Sends reports whether alerts are sent to an Alertmanager, of this stack or another.
func (a Alerting) Sends() bool { return a.Enabled || len(a.Alertmanagers) > 0 }

func (a Alerting) validate(storage Storage) Problems {
	var p Problems
	if a.Replicas < 1 || a.Replicas > 9 {
		p.Addf("alerting.replicas", "%d; allowed: 1 to 9", a.Replicas)
	}
	if a.Enabled && storage.Mode == StorageLocal && a.Replicas > len(storage.Local.Nodes) {
		p.Addf("alerting.replicas", "%d, but storage.local.nodes names %d node(s); name one per replica", a.Replicas, len(storage.Local.Nodes))
	}
	if a.Size.Cmp(quantity("64Mi").Quantity) < 0 {
		p.Addf("alerting.size", "%s is too small; allowed: 64Mi or more", a.Size)
	}
	if a.Slack != nil {
		if a.Slack.Channel == "" {
			p.Addf("alerting.slack.channel", `missing; set it with: pulumi config set --path '%s:alerting.slack.channel' '#CHANNEL'`, Project)
		}
		if !a.Slack.WebhookURL.IsSet() {
			p.missing("alerting.slack.webhookUrl")
		}
	}
	p.Add(validateDirectories("alerting.ruleDirectories", a.RuleDirectories)...)
	if a.ExternalURL != nil {
		p.Add(validateBaseURL("alerting.externalUrl", *a.ExternalURL)...)
	}
	if a.RunbookURL != nil {
		p.Add(validateBaseURL("alerting.runbookUrl", *a.RunbookURL)...)
	}
	if o := a.APIServerObjective; o.Unit == Seconds || o.Value <= 0 || o.Value >= 1 {
		p.Addf("alerting.apiServerObjective", "%q; allowed: a share below 100%%, such as 99.9%%", o)
	}
	p.Add(validateSecretNames("alerting.secrets", a.Secrets)...)
	for _, name := range slices.Sorted(maps.Keys(a.Secrets)) {
		if slices.Contains([]string{SlackWebhookFile, DeadMansSwitchFile}, name) {
			p.Addf("alerting.secrets."+name, "the name is taken by this program; choose another")
		}
	}
	p.Add(a.Resources.validate("alerting.resources")...)
	p.Add(a.ServiceAccount.validate("alerting.serviceAccount")...)
	p.Add(validateBudget("alerting.podDisruptionBudget", a.PodDisruptionBudget, a.Replicas)...)
	p.Add(a.Scheduling.validate("alerting")...)
	return p
}

// Names of the program's own files in Alertmanager's secrets directory.
const (
	SlackWebhookFile   = "slack-webhook-url"
	DeadMansSwitchFile = "dead-mans-switch-url"
)

// SecretFiles returns the content of each file in Alertmanager's secrets directory, by name.
func (a Alerting) SecretFiles() map[string]Secret {
	files := maps.Clone(a.Secrets)
	if files == nil {
		files = map[string]Secret{}
	}
	if a.Slack != nil {
		files[SlackWebhookFile] = a.Slack.WebhookURL
	}
	if a.DeadMansSwitchURL != nil {
		files[DeadMansSwitchFile] = *a.DeadMansSwitchURL
	}
	return files
}
