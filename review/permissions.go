package review

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/offline"
)

// permissions lists in words what each part of a stack may do.
type permissions map[string]map[string]bool

func (p permissions) add(who, what string) {
	if p[who] == nil {
		p[who] = map[string]bool{}
	}
	p[who][what] = true
}

// widened returns the permissions that were added, by who gets them.
func widened(before, after permissions) []Change {
	var changes []Change
	for _, who := range sorted(after) {
		var details []Detail
		for _, what := range differing(before[who], after[who]) {
			if after[who][what] {
				details = append(details, Detail{Text: what})
			}
		}
		if len(details) > 0 {
			changes = append(changes, Change{Verb: "widened", What: who, Details: details})
		}
	}
	return changes
}

// permissionsOf returns who has access to the API, to the host and over the network.
func permissionsOf(resources []offline.Resource) (permissions, error) {
	p := permissions{}
	roles := map[object][]rbacv1.PolicyRule{}
	for _, r := range resources {
		switch objectOf(r).Kind {
		case "Role", "ClusterRole":
			var role rbacv1.ClusterRole // has every field of a Role
			if err := decode(r, &role); err != nil {
				return nil, err
			}
			roles[objectOf(r)] = role.Rules
		}
	}
	workloads := map[object]labels.Set{}
	var policies []labels.Selector
	for _, r := range resources {
		o := objectOf(r)
		switch o.Kind {
		case "RoleBinding", "ClusterRoleBinding":
			var binding rbacv1.ClusterRoleBinding
			if err := decode(r, &binding); err != nil {
				return nil, err
			}
			p.addBinding(o, binding, roles)
		case "StatefulSet", "Deployment", "DaemonSet", "Job":
			var workload struct {
				Spec struct{ Template corev1.PodTemplateSpec }
			}
			if err := decode(r, &workload); err != nil {
				return nil, err
			}
			p.addPod(code(o.String()), workload.Spec.Template.Spec)
			workloads[o] = workload.Spec.Template.Labels
		case "Namespace":
			var namespace corev1.Namespace
			if err := decode(r, &namespace); err != nil {
				return nil, err
			}
			if level := namespace.Labels["pod-security.kubernetes.io/enforce"]; level != "restricted" {
				p.add(code(o.String()), "pods that meet less than Pod Security `restricted`: "+code(level))
			}
		case "NetworkPolicy":
			var policy networkingv1.NetworkPolicy
			if err := decode(r, &policy); err != nil {
				return nil, err
			}
			selector, err := metav1.LabelSelectorAsSelector(&policy.Spec.PodSelector)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", r.Name, err)
			}
			policies = append(policies, selector)
			p.addIngress(code(o.String()), policy.Spec)
		}
	}
	for o, pod := range workloads {
		if !slices.ContainsFunc(policies, func(policy labels.Selector) bool { return policy.Matches(pod) }) {
			p.add(code(o.String()), "everybody reaches its pods, for no NetworkPolicy selects them")
		}
	}
	return p, nil
}

// addBinding adds the rules of a role for each subject of a binding.
func (p permissions) addBinding(o object, binding rbacv1.ClusterRoleBinding, roles map[object][]rbacv1.PolicyRule) {
	where := "in every namespace"
	role := object{Kind: binding.RoleRef.Kind, Name: binding.RoleRef.Name}
	if o.Kind == "RoleBinding" {
		where = "in namespace " + code(o.Namespace)
	}
	if role.Kind == "Role" {
		role.Namespace = o.Namespace
	}
	rules, known := roles[role] // of this stack
	for _, subject := range binding.Subjects {
		who := code(strings.TrimSpace(subject.Kind + " " + strings.TrimPrefix(subject.Namespace+"/"+subject.Name, "/")))
		if !known {
			p.add(who, fmt.Sprintf("everything that %s may, %s", code(role.String()), where))
		}
		for _, rule := range rules {
			for _, verb := range rule.Verbs {
				for _, url := range rule.NonResourceURLs {
					p.add(who, fmt.Sprintf("%s %s", verb, code(url)))
				}
				for _, name := range resourcesOf(rule) {
					p.add(who, fmt.Sprintf("%s %s %s", verb, code(name), where))
				}
			}
		}
	}
}

// resourcesOf returns the resources of a rule, such as pods and deployments.apps.
func resourcesOf(rule rbacv1.PolicyRule) []string {
	var names []string
	for _, group := range rule.APIGroups {
		for _, name := range rule.Resources {
			if group != "" {
				name += "." + group
			}
			if len(rule.ResourceNames) == 0 {
				names = append(names, name)
			}
			for _, only := range rule.ResourceNames {
				names = append(names, name+" "+only)
			}
		}
	}
	return names
}

// addPod adds a pod's access to its node and the rights of its containers.
func (p permissions) addPod(who string, spec corev1.PodSpec) {
	for what, allowed := range map[string]bool{
		"the host's network":   spec.HostNetwork,
		"the host's processes": spec.HostPID,
		"the host's IPC":       spec.HostIPC,
	} {
		if allowed {
			p.add(who, what)
		}
	}
	readOnly := map[string]bool{}
	for _, container := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, mount := range container.VolumeMounts {
			if before, seen := readOnly[mount.Name]; !seen || before {
				readOnly[mount.Name] = mount.ReadOnly
			}
		}
		for _, port := range container.Ports {
			if port.HostPort != 0 {
				p.add(who, fmt.Sprintf("port %d of the host", port.HostPort))
			}
		}
		p.addContainer(who, container.SecurityContext)
	}
	for _, volume := range spec.Volumes {
		if volume.HostPath == nil {
			continue
		}
		access := "read and write"
		if readOnly[volume.Name] {
			access = "read"
		}
		p.add(who, fmt.Sprintf("%s the host's %s", access, code(volume.HostPath.Path)))
	}
	if s := spec.SecurityContext; s != nil && s.RunAsUser != nil && *s.RunAsUser == 0 {
		p.add(who, "run as root")
	}
	if spec.AutomountServiceAccountToken == nil || *spec.AutomountServiceAccountToken {
		p.add(who, "a token for the API server")
	}
}

// addContainer adds what a container may do beyond Pod Security `restricted`.
func (p permissions) addContainer(who string, s *corev1.SecurityContext) {
	if s == nil {
		p.add(who, "a container without a security context")
		return
	}
	yes := func(flag *bool) bool { return flag != nil && *flag }
	for what, allowed := range map[string]bool{
		"a privileged container":      yes(s.Privileged),
		"privileges that grow":        s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation,
		"write the image's files":     !yes(s.ReadOnlyRootFilesystem),
		"run as root":                 s.RunAsUser != nil && *s.RunAsUser == 0,
		"system calls without filter": s.SeccompProfile != nil && s.SeccompProfile.Type == corev1.SeccompProfileTypeUnconfined,
	} {
		if allowed {
			p.add(who, what)
		}
	}
	if s.Capabilities != nil {
		for _, capability := range s.Capabilities.Add {
			p.add(who, "capability "+code(string(capability)))
		}
	}
}

// addIngress adds who may reach the pods of a policy.
func (p permissions) addIngress(who string, policy networkingv1.NetworkPolicySpec) {
	for _, rule := range policy.Ingress {
		ports := []string{"every port"}
		if len(rule.Ports) > 0 {
			ports = nil
		}
		for _, port := range rule.Ports {
			if port.Port == nil {
				ports = append(ports, "every port")
				continue
			}
			ports = append(ports, "port "+port.Port.String())
		}
		from := []string{"everybody"}
		if len(rule.From) > 0 {
			from = nil
		}
		for _, peer := range rule.From {
			from = append(from, peerText(peer))
		}
		for _, peer := range from {
			for _, port := range ports {
				p.add(who, fmt.Sprintf("%s reaches %s", peer, port))
			}
		}
	}
}

func peerText(peer networkingv1.NetworkPolicyPeer) string {
	if peer.IPBlock != nil {
		return code(peer.IPBlock.CIDR)
	}
	text := "every pod"
	if s := peer.PodSelector; s != nil && len(s.MatchLabels)+len(s.MatchExpressions) > 0 {
		text = "a pod " + code(metav1.FormatLabelSelector(s))
	}
	switch s := peer.NamespaceSelector; {
	case s == nil:
		return text + " of the namespace"
	case len(s.MatchLabels)+len(s.MatchExpressions) == 0:
		return text + " of any namespace"
	default:
		return text + " of a namespace " + code(metav1.FormatLabelSelector(s))
	}
}

// decode decodes the inputs of a resource into a type of the Kubernetes API.
func decode(r offline.Resource, into any) error {
	text, err := json.Marshal(native(resource.NewProperty(r.Inputs)))
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", r.Name, err)
	}
	return nil
}
