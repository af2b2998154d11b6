package check

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/ini.v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// nodePort is a port of nodes' addresses that a program of Kubernetes listens on.
type nodePort struct {
	port    int
	program string
	certain bool // on every node; otherwise on some nodes, of some clusters, or only on the loopback address
}

// nodePorts lists the ports that programs of Kubernetes listen on:
// https://kubernetes.io/docs/reference/networking/ports-and-protocols/
var nodePorts = []nodePort{
	{2379, "etcd", false},
	{2380, "etcd", false},
	{2381, "etcd's metrics", false},
	{6443, "the API server", false},
	{10248, "the kubelet's health check", false},
	{10249, "kube-proxy's metrics", false},
	{10250, "the kubelet", true},
	{10255, "the kubelet's read-only port", false},
	{10256, "kube-proxy's health check", false},
	{10257, "kube-controller-manager", false},
	{10258, "cloud-controller-manager", false},
	{10259, "kube-scheduler", false},
}

// Services of type NodePort get their ports from this range, unless the API server is told another:
// https://kubernetes.io/docs/concepts/services-networking/service/#type-nodeport
const firstNodePort, lastNodePort = 30000, 32767

// hostExporter is an exporter in the network of its nodes.
type hostExporter struct {
	name, path string
	port       int
	allowed    string // ports that it usually finds free
}

// taken returns the finding that a program listens on the exporter's port.
func (e hostExporter) taken(severity Severity, program, when string) []Finding {
	return []Finding{{Path: e.path, Severity: severity, Message: fmt.Sprintf(
		"%d is the port of %s%s; %s is in the network of its nodes, and starts only where its port is free; allowed: any other, such as %s", e.port, program, when, e.name, e.allowed)}}
}

// hostPortFree finds ports of node-exporter and windows_exporter, the only programs of the stack in the network of
// its nodes, that another program listens on.
func hostPortFree(a *Analysis) []Finding {
	exporters := a.Config.Exporters
	var findings []Finding
	if exporters.NodeExporter.Enabled {
		exporter := hostExporter{"node-exporter", "exporters.nodeExporter.port", exporters.NodeExporter.Port, "9100 or 9199"}
		if own := a.Config.Cluster.Profile().NodeExporterPort; own != 0 && exporter.port == config.DefaultNodeExporterPort {
			findings = exporter.taken(Error, "another node-exporter", fmt.Sprintf(", which every node of %s has", a.Config.Cluster.Platform))
		} else {
			findings = a.nodePortTaken(exporter)
		}
	}
	if exporters.WindowsExporter.Enabled {
		findings = append(findings, a.nodePortTaken(hostExporter{"windows_exporter", "exporters.windowsExporter.port", exporters.WindowsExporter.Port, "9182"})...)
	}
	return findings
}

// nodePortTaken finds what of Kubernetes listens on the port of an exporter.
func (a *Analysis) nodePortTaken(exporter hostExporter) []Finding {
	for _, job := range config.ControlPlane {
		target, _ := a.Config.ControlPlaneTarget(job)
		if target.Port == exporter.port && a.Config.Enabled(job) && job != config.CoreDNSJob { // CoreDNS has a network of its own
			return exporter.taken(Error, string(job), ", which this stack scrapes there")
		}
	}
	for _, p := range nodePorts {
		switch {
		case p.port != exporter.port:
		case p.certain:
			return exporter.taken(Error, p.program, " on every node")
		default:
			return exporter.taken(Warning, p.program, " on nodes that run it")
		}
	}
	if exporter.port >= firstNodePort && exporter.port <= lastNodePort {
		return exporter.taken(Warning, "whichever Service of type NodePort", " gets it")
	}
	return nil
}

// versioned lists the images whose flags, settings and metrics this program knows.
var versioned = []config.Image{
	config.PrometheusImage, config.AlertmanagerImage, config.NodeExporterImage,
	config.KubeStateMetricsImage, config.BlackboxExporterImage, config.GrafanaImage, config.ThanosImage,
	config.OAuth2ProxyImage, config.WindowsExporterImage, config.K8sSidecarImage,
}

// release matches the major and minor version at the start of a tag.
var release = regexp.MustCompile(`^v?(\d+\.\d+)(\D|$)`)

// imageKnown finds overridden images of another minor version than the one that the program's flags
// and the lists of metrics are for. It knows nothing of images without a version in their tag.
func imageKnown(a *Analysis) []Finding {
	var findings []Finding
	for _, image := range versioned {
		pinned, used := config.Images{}.Version(image), a.Config.Images.Version(image)
		known, is := release.FindStringSubmatch(pinned), release.FindStringSubmatch(used)
		if known == nil || is == nil || known[1] == is[1] {
			continue
		}
		findings = append(findings, Finding{Path: "images.overrides." + string(image), Severity: Warning, Message: fmt.Sprintf(
			"%s, but flags, settings and metrics are known for %s: the other version may refuse to start, or lack metrics that rules and dashboards use; use a %s release, or waive this once you have tried it",
			used, pinned, known[1])})
	}
	return findings
}

// secretKnown finds values that are in existing Secrets: the preview reads none of them.
func secretKnown(a *Analysis) []Finding {
	var findings []Finding
	for _, e := range a.Config.ExistingSecrets() {
		findings = append(findings, Finding{Path: e.Path, Severity: Warning, Message: fmt.Sprintf(
			"is the key %q of the existing Secret %q, whose value the preview does not know: whether it is right shows when a pod uses it; waive this if somebody else answers for it",
			e.Key, e.Secret)})
	}
	return findings
}

// programDeployed finds settings that need a program, or an alert, that the stack switches off.
func programDeployed(a *Analysis) []Finding {
	cfg := a.Config
	var findings []Finding
	needs := func(path, what string) {
		findings = append(findings, Finding{Path: path, Severity: Warning, Message: "has no effect, because " + what})
	}
	if blackbox := cfg.Exporters.BlackboxExporter; !blackbox.Enabled && len(blackbox.Targets) > 0 {
		needs("exporters.blackboxExporter.targets", "nothing probes them: exporters.blackboxExporter.enabled is false; set it to true, or remove the targets")
	}
	alerting := cfg.Alerting
	for _, setting := range []struct {
		path string
		set  bool
	}{
		{"alerting.slack", alerting.Slack != nil},
		{"alerting.deadMansSwitchUrl", alerting.DeadMansSwitchURL != nil},
		{"alerting.receivers", len(alerting.Receivers) > 0},
		{"alerting.routes", len(alerting.Routes) > 0},
	} {
		if setting.set && !alerting.Enabled {
			needs(setting.path, "the stack has no Alertmanager that notifies: alerting.enabled is false; set it to true, or remove the setting")
		}
	}
	watchdog := slices.ContainsFunc(a.alerts(), func(al alert) bool { return al.Rule.Alert == "Watchdog" })
	if alerting.Enabled && alerting.DeadMansSwitchURL != nil && !watchdog {
		findings = append(findings, Finding{Path: "alerting.deadMansSwitchUrl", Severity: Error,
			Message: "is called as long as Watchdog fires, but alerting.disabled names Watchdog, so that the service behind the URL raises the alarm; remove one of the two"})
	}
	if grafana := cfg.Grafana; !grafana.Enabled {
		const off = "there is no Grafana: grafana.enabled is false; set it to true, or remove the setting"
		if grafana.External.URL != nil {
			needs("grafana.external.url", off)
		}
	}
	for _, ui := range cfg.UIs() {
		switch {
		case ui.Deployed:
		case ui.Access.Published():
			needs(ui.Path+".access.host", "the stack deploys no "+ui.Name+"; remove it")
		case ui.Access.Login != "":
			needs(ui.Path+".access.login", "the stack deploys no "+ui.Name+"; remove it")
		}
	}
	return findings
}

// uiLogin finds web UIs that everyone sees who reaches them from outside of the cluster, and logins that others on
// the way can read.
func uiLogin(a *Analysis) []Finding {
	var findings []Finding
	for _, ui := range a.Config.UIs() {
		if !ui.Deployed || ui.URL() == nil {
			continue
		}
		find := func(severity Severity, format string, args ...any) {
			findings = append(findings, Finding{Path: ui.Path + ".access.login", Severity: severity, Message: fmt.Sprintf(format, args...)})
		}
		plain := strings.HasPrefix(ui.URL().String(), "http://")
		if ui.Access.Proxied() && !a.Config.Cluster.NetworkPolicies.Enabled {
			find(Warning, "oidc, but cluster.networkPolicies.enabled is false, so that every pod of the cluster reaches %s without its oauth2-proxy; set it to true, or waive this if others' policies keep them away", ui.Name)
		}
		switch {
		case ui.Access.Login == config.NoLogin && ui.Access.Published():
			find(Error, "none, so everyone who reaches %s sees every metric, and may use %s's API; set another login, or waive this if something in front asks for one", ui.URL(), ui.Name)
		case ui.Access.Login == config.BasicLogin && plain:
			find(Warning, "basic, so passwords are in clear text on their way to %s; publish it with a certificate, unless something in front has one", ui.URL())
		case ui.Access.Login == config.OIDCLogin && plain:
			find(Warning, "oidc, but people open %s, so that others on the way can read the cookie with which somebody is logged in; publish it with a certificate, or set externalUrl if something in front has one", ui.URL())
		case ui.OwnLogin && ui.Access.Published() && plain:
			find(Warning, "people open %s, so that the passwords with which they log in to %s are in clear text on their way; publish it with a certificate, or set externalUrl if something in front has one", ui.URL(), ui.Name)
		}
	}
	return append(findings, openGrafana(a)...)
}

// openSettings holds the settings of Grafana, by section and key, with which people need no login that somebody gave
// them.
var openSettings = []struct{ section, key, who string }{
	{"auth.anonymous", "enabled", "may query every metric"},
	{"auth.proxy", "enabled", "may say in a header who they are"},
	{"users", "allow_sign_up", "may make an account"},
}

// openGrafana finds settings of a published Grafana with which people need no login that somebody gave them.
func openGrafana(a *Analysis) []Finding {
	var findings []Finding
	grafana := a.Config.Grafana
	if !grafana.Deployed() || !grafana.Access.Published() {
		return nil
	}
	for _, setting := range openSettings {
		value, set := grafana.Config[setting.section][setting.key]
		key, err := ini.Empty().Section("").NewKey(setting.key, fmt.Sprint(value)) // which knows what Grafana takes for true
		if err != nil || !set {
			continue
		}
		if on, err := key.Bool(); err == nil && on {
			findings = append(findings, Finding{Path: fmt.Sprintf("grafana.config[%q].%s", setting.section, setting.key), Severity: Error, Message: fmt.Sprintf(
				"%v, so everyone who reaches %s %s; remove it, or waive this if something in front asks for a login", value, grafana.Access.URL(), setting.who)})
		}
	}
	return findings
}
