package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	autoscalingv1 "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// podDistinct finds what a stack adds to pods under a name, at a path or at a port that the component
// uses, and mounts of volumes and limits of an autoscaler for containers that the pods do not have. The API
// server refuses them, or one hides the other, or a sidecar is scraped and admitted in place of the component,
// or a limit has no effect.
func podDistinct(a *Analysis) []Finding {
	var findings []Finding
	for _, pod := range render.Pods(a.Config) {
		findAt := func(path, format string, args ...any) {
			findings = append(findings, Finding{Path: pod.Path + "." + path, Severity: Error, Final: true, Message: fmt.Sprintf(format, args...)})
		}
		find := func(at, format string, args ...any) { findAt("pod."+at, format, args...) }
		distinct := func(at, what, name string, own []string) {
			if slices.Contains(own, name) {
				find(at, "%q is a %s of the component; allowed: any name but %s", name, what, strings.Join(own, ", "))
			}
		}
		mounted := func(at string, mounts []corev1.VolumeMount) {
			for i, mount := range mounts {
				added := slices.ContainsFunc(pod.Settings.Pod.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })
				if !added && !slices.Contains(pod.Volumes, mount.Name) {
					find(fmt.Sprintf("%s[%d].name", at, i), "%q is not a volume of the pods; allowed: those in pod.volumes, and the component's own: %s",
						mount.Name, cmp.Or(strings.Join(pod.Volumes, ", "), "none"))
				}
			}
		}
		portNames := slices.AppendSeq(render.PortNames(), maps.Keys(pod.Ports))
		slices.Sort(portNames)
		portNames = slices.Compact(portNames)
		var numbers []string
		for _, number := range slices.Compact(slices.Sorted(maps.Values(pod.Ports))) {
			numbers = append(numbers, strconv.Itoa(number))
		}
		exposed := func(at string, ports []corev1.ContainerPort) {
			for i, port := range ports {
				if slices.Contains(portNames, port.Name) {
					find(fmt.Sprintf("%s[%d].name", at, i), "%q is a name by which the stack scrapes or admits ports of its own; allowed: any name but %s",
						port.Name, strings.Join(portNames, ", "))
				}
				if number := strconv.Itoa(int(port.ContainerPort)); slices.Contains(numbers, number) {
					find(fmt.Sprintf("%s[%d].containerPort", at, i), "%s is a port of the component; allowed: any port but %s", number, strings.Join(numbers, ", "))
				}
			}
		}
		for _, label := range slices.Sorted(maps.Keys(pod.Settings.Pod.Labels)) {
			if _, set := pod.Labels[label]; set {
				find(fmt.Sprintf("labels[%q]", label), "%q is in serviceAccount.podLabels, too; keep one of them", label)
			}
		}
		for i, variable := range pod.Settings.Pod.Env {
			distinct(fmt.Sprintf("env[%d].name", i), "variable", variable.Name, pod.Env)
		}
		for i, volume := range pod.Settings.Pod.Volumes {
			distinct(fmt.Sprintf("volumes[%d].name", i), "volume", volume.Name, pod.Volumes)
		}
		for i, mount := range pod.Settings.Pod.VolumeMounts {
			if slices.ContainsFunc(pod.Mounts, func(own string) bool { return inside(own, mount.MountPath) || inside(mount.MountPath, own) }) {
				find(fmt.Sprintf("volumeMounts[%d].mountPath", i), "%q; allowed: a directory neither within nor above %s", mount.MountPath, strings.Join(pod.Mounts, ", "))
			}
		}
		mounted("volumeMounts", pod.Settings.Pod.VolumeMounts)
		names := append([]string{autoscalingv1.DefaultContainerResourcePolicy}, pod.Containers...)
		for key, container := range pod.Settings.Pod.AllContainers() {
			names = append(names, container.Name)
			distinct(key+".name", "container", container.Name, pod.Containers)
			mounted(key+".volumeMounts", container.VolumeMounts)
			exposed(key+".ports", container.Ports)
		}
		if autoscaler := pod.Settings.VerticalPodAutoscaler; autoscaler != nil && autoscaler.ResourcePolicy != nil {
			for i, policy := range autoscaler.ResourcePolicy.ContainerPolicies {
				if !slices.Contains(names, policy.ContainerName) {
					findAt(fmt.Sprintf("verticalPodAutoscaler.resourcePolicy.containerPolicies[%d].containerName", i),
						"%q is not a container of the pods; allowed: %s", policy.ContainerName, strings.Join(names, ", "))
				}
			}
		}
	}
	return findings
}

// inside reports whether the path a is b or below it.
func inside(a, b string) bool {
	return a == b || strings.HasPrefix(a, strings.TrimSuffix(b, "/")+"/")
}

// podRestricted finds annotations, security contexts, containers and volumes that the Pod Security Standard restricted
// forbids, as the API server decides, and mounts of the node's directories that the component's own
// container has: https://kubernetes.io/docs/concepts/security/pod-security-standards/
func podRestricted(a *Analysis) []Finding {
	var findings []Finding
	for _, pod := range render.Pods(a.Config) {
		own := corev1.PodSecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}}
		if !pod.Root {
			own.RunAsNonRoot = new(true)
		}
		evaluate := func(at string, annotations map[string]string, spec corev1.PodSpec) {
			if spec.SecurityContext == nil {
				spec.SecurityContext = &own
			}
			forbidden := Unrestricted(annotations, spec)
			if forbidden == "" {
				return
			}
			verdict, final := admission(a.Config)
			findings = append(findings, Finding{Path: pod.Path + ".pod." + at, Severity: Error, Final: final, Message: fmt.Sprintf(
				"%s; allowed: what the Pod Security Standard restricted allows; %s", forbidden, verdict)})
		}
		volume := func(at string, volume corev1.Volume) {
			evaluate(at, nil, corev1.PodSpec{Volumes: []corev1.Volume{volume}})
		}
		mounted := func(at string, mounts []corev1.VolumeMount) {
			for i, mount := range mounts {
				if slices.Contains(pod.HostVolumes, mount.Name) {
					volume(fmt.Sprintf("%s[%d]", at, i), corev1.Volume{Name: mount.Name, VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{}}})
				}
			}
		}
		if set := pod.Settings.Pod.SecurityContext; set != nil {
			context := *set
			context.RunAsNonRoot = cmp.Or(context.RunAsNonRoot, own.RunAsNonRoot)
			context.SeccompProfile = cmp.Or(context.SeccompProfile, own.SeccompProfile)
			evaluate("securityContext", nil, corev1.PodSpec{SecurityContext: &context})
		}
		evaluate("annotations", pod.Settings.Pod.Annotations, corev1.PodSpec{})
		for i, added := range pod.Settings.Pod.Volumes {
			volume(fmt.Sprintf("volumes[%d]", i), added)
		}
		mounted("volumeMounts", pod.Settings.Pod.VolumeMounts)
		for key, container := range pod.Settings.Pod.AllContainers() {
			evaluate(key, nil, corev1.PodSpec{Containers: []corev1.Container{container}})
			mounted(key+".volumeMounts", container.VolumeMounts)
		}
	}
	return findings
}

// evaluator decides as the API server does.
var evaluator = sync.OnceValue(func() policy.Evaluator {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil { // the checks of the module contradict each other
		panic(err)
	}
	return evaluator
})

// Unrestricted says what the Pod Security Standard restricted forbids of a pod, in the words of the API server; "" if it
// forbids nothing.
func Unrestricted(annotations map[string]string, spec corev1.PodSpec) string {
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	result := policy.AggregateCheckResults(evaluator().EvaluatePod(level, &metav1.ObjectMeta{Annotations: annotations}, &spec))
	if result.Allowed {
		return ""
	}
	return result.ForbiddenDetail()
}

// admission says what the stack's namespace does with pods that are not restricted; final is whether
// it certainly refuses them.
func admission(cfg *config.Config) (verdict string, final bool) {
	namespace := cfg.Cluster.Namespace
	switch {
	case !cfg.Cluster.CreateNamespace:
		return fmt.Sprintf("namespace %s refuses these pods if it enforces restricted, and may refuse them if it enforces baseline", namespace), false
	case cfg.PodSecurity() == string(api.LevelRestricted):
		return fmt.Sprintf("namespace %s enforces it and refuses these pods", namespace), true
	default:
		return fmt.Sprintf("namespace %s admits these pods, because it is labelled privileged for %s", namespace, strings.Join(cfg.Exporters.UsingHost(), " and ")), false
	}
}

// sidecarResources warns of sidecars without requests or a memory limit. A request that is not set is
// the limit, if that is.
func sidecarResources(a *Analysis) []Finding {
	var findings []Finding
	for _, pod := range render.Pods(a.Config) {
		for key, container := range pod.Settings.Pod.AllContainers() {
			requests, limits := container.Resources.Requests, container.Resources.Limits
			var missing []string
			if requests.Cpu().IsZero() && limits.Cpu().IsZero() {
				missing = append(missing, "without requests.cpu the scheduler reserves no CPU for it")
			}
			if requests.Memory().IsZero() && limits.Memory().IsZero() {
				missing = append(missing, "without requests.memory the scheduler reserves no memory for it")
			}
			if limits.Memory().IsZero() {
				missing = append(missing, "without limits.memory it may use all memory of the node")
			}
			if len(missing) > 0 {
				findings = append(findings, Finding{Path: pod.Path + ".pod." + key + ".resources", Severity: Warning, Message: strings.Join(missing, "; ")})
			}
		}
	}
	return findings
}
