package config

import (
	"fmt"
	"regexp"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
)

// WindowsExporter configures https://github.com/prometheus-community/windows_exporter.
type WindowsExporter struct {
	// Deploy the exporter, on Windows nodes. Its pods are HostProcess containers, for which nodes need containerd
	// 1.7 or later.
	Enabled bool `json:"enabled"`
	// Port on each node's address, 1024 to 65535.
	Port int `json:"port"`
	// Open the port in the firewall of each node, by a rule called kubernetes-prometheus. The rule stays when the
	// exporter is removed.
	OpenFirewall bool `json:"openFirewall"`
	// Windows services that have to run, by name and not by display name, whatever the case. A node that lacks one
	// of them, or where it does not start by itself, is left alone.
	Services []string `json:"services"`
	// How an update replaces the pods, in Kubernetes' own format; on 10% of the nodes at a time unless
	// set.
	UpdateStrategy *appsv1.DaemonSetUpdateStrategy `json:"updateStrategy"`
	// Compute resources of each pod.
	Resources Resources `json:"resources"`
	Scheduling
}

func defaultWindowsExporter() WindowsExporter {
	return WindowsExporter{
		Port:         9182,
		OpenFirewall: true,
		// As installers call what a node needs: those of kubeadm, AKS and EKS.
		Services:   []string{"containerd", "csi-proxy", "kube-proxy", "kubelet", "kubeproxy"},
		Resources:  resources("50m", "64Mi", "256Mi"),
		Scheduling: Scheduling{Tolerations: []Toleration{{Operator: "Exists"}}},
	}
}

// serviceName matches what the names of Windows services are made of.
var serviceName = regexp.MustCompile(`^[A-Za-z0-9_.$ -]{1,256}$`)

func (w WindowsExporter) validate() Problems {
	const path = "exporters.windowsExporter"
	var p Problems
	if w.Port < 1024 || w.Port > 65535 {
		p.Addf(path+".port", "%d; allowed: 1024 to 65535", w.Port)
	}
	for i, name := range w.Services {
		at := fmt.Sprintf("%s.services[%d]", path, i)
		if !serviceName.MatchString(name) {
			p.Addf(at, "%q; allowed: the name of a Windows service: letters, digits, spaces and _ . $ -", name)
		} else if slices.Contains(w.Services[:i], name) {
			p.Addf(at, "%q is named twice", name)
		}
	}
	for _, setting := range []struct {
		key string
		set bool
	}{
		{"containers", len(w.Pod.Containers) > 0},
		{"initContainers", len(w.Pod.InitContainers) > 0},
		{"securityContext", w.Pod.SecurityContext != nil},
	} {
		if setting.set {
			p.Addf(path+".pod."+setting.key, "is not possible: every container of a HostProcess pod runs as the node's system account; remove it")
		}
	}
	p.Add(w.Resources.validate(path + ".resources")...)
	p.Add(validateUpdateStrategy(path+".updateStrategy", w.UpdateStrategy, false)...)
	p.Add(w.Scheduling.validateOn(Windows, path)...)
	return p
}
