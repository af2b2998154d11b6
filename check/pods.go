package check

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// podDistinct finds what a stack adds to pods under a name or at a path that the component uses, and
// mounts of volumes that the pods do not have. The API server refuses them, or one hides the other.
func podDistinct(a *Analysis) []Finding {
	var findings []Finding
	for _, pod := range render.Pods(a.Config) {
		find := func(at, format string, args ...any) {
			findings = append(findings, Finding{Path: pod.Path + ".pod." + at, Severity: Error, Final: true, Message: fmt.Sprintf(format, args...)})
		}
		distinct := func(at, what, name string, own []string) {
			if slices.Contains(own, name) {
				find(at, "%q is a %s of the component; allowed: any name but %s", name, what, strings.Join(own, ", "))
			}
		}
		mounted := func(at string, mounts []corev1.VolumeMount) {
			for i, mount := range mounts {
				added := slices.ContainsFunc(pod.Settings.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })
				if !added && !slices.Contains(pod.Volumes, mount.Name) {
					find(fmt.Sprintf("%s[%d].name", at, i), "%q is not a volume of the pods; allowed: those in pod.volumes, and the component's own: %s",
						mount.Name, cmp.Or(strings.Join(pod.Volumes, ", "), "none"))
				}
			}
		}
		for _, label := range slices.Sorted(maps.Keys(pod.Settings.Labels)) {
			if _, set := pod.Labels[label]; set {
				find(fmt.Sprintf("labels[%q]", label), "%q is in serviceAccount.podLabels, too; keep one of them", label)
			}
		}
		for i, variable := range pod.Settings.Env {
			distinct(fmt.Sprintf("env[%d].name", i), "variable", variable.Name, pod.Env)
		}
		for i, volume := range pod.Settings.Volumes {
			distinct(fmt.Sprintf("volumes[%d].name", i), "volume", volume.Name, pod.Volumes)
		}
		for i, mount := range pod.Settings.VolumeMounts {
			if slices.ContainsFunc(pod.Mounts, func(own string) bool { return inside(own, mount.MountPath) || inside(mount.MountPath, own) }) {
				find(fmt.Sprintf("volumeMounts[%d].mountPath", i), "%q; allowed: a directory neither within nor above %s", mount.MountPath, strings.Join(pod.Mounts, ", "))
			}
		}
		mounted("volumeMounts", pod.Settings.VolumeMounts)
		for key, container := range pod.Settings.AllContainers() {
			distinct(key+".name", "container", container.Name, pod.Containers)
			mounted(key+".volumeMounts", container.VolumeMounts)
		}
	}
	return findings
}

// inside reports whether the path a is b or below it.
func inside(a, b string) bool {
	return a == b || strings.HasPrefix(a, strings.TrimSuffix(b, "/")+"/")
}

// podRestricted finds containers and volumes that the Pod Security Standard restricted forbids, as the
// API server decides: https://kubernetes.io/docs/concepts/security/pod-security-standards/
func podRestricted(a *Analysis) []Finding {
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil { // the checks of the module contradict each other
		panic(err)
	}
	var findings []Finding
	for _, pod := range render.Pods(a.Config) {
		evaluate := func(at string, spec corev1.PodSpec) {
			spec.SecurityContext = &corev1.PodSecurityContext{SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}}
			if !pod.Root {
				spec.SecurityContext.RunAsNonRoot = new(true)
			}
			level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
			result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &metav1.ObjectMeta{Annotations: pod.Settings.Annotations}, &spec))
			if result.Allowed {
				return
			}
			verdict, final := admission(a.Config)
			findings = append(findings, Finding{Path: pod.Path + ".pod." + at, Severity: Error, Final: final, Message: fmt.Sprintf(
				"%s; allowed: what the Pod Security Standard restricted allows; %s", result.ForbiddenDetail(), verdict)})
		}
		for i, volume := range pod.Settings.Volumes {
			evaluate(fmt.Sprintf("volumes[%d]", i), corev1.PodSpec{Volumes: []corev1.Volume{volume}})
		}
		for key, container := range pod.Settings.AllContainers() {
			evaluate(key, corev1.PodSpec{Containers: []corev1.Container{container}})
		}
	}
	return findings
}

// admission says what the stack's namespace does with pods that are not restricted; final is whether
// it certainly refuses them.
func admission(cfg *config.Config) (verdict string, final bool) {
	namespace := cfg.Cluster.Namespace
	switch {
	case !cfg.Cluster.CreateNamespace:
		return fmt.Sprintf("namespace %s refuses these pods if it enforces restricted or, mostly, baseline", namespace), false
	case cfg.PodSecurity() == string(api.LevelRestricted):
		return fmt.Sprintf("namespace %s enforces it and refuses these pods", namespace), true
	default:
		return fmt.Sprintf("namespace %s admits these pods, because it does those of %s", namespace, strings.Join(cfg.Exporters.UsingHost(), " and ")), false
	}
}

// sidecarResources warns of sidecars without requests or a memory limit: the scheduler places the pods
// as if they needed nothing, and a leak takes the memory of others.
func sidecarResources(a *Analysis) []Finding {
	var findings []Finding
	for _, pod := range render.Pods(a.Config) {
		for key, container := range pod.Settings.AllContainers() {
			resources := container.Resources
			var missing []string
			for _, amount := range []struct {
				name  string
				value interface{ IsZero() bool }
			}{
				{"requests.cpu", resources.Requests.Cpu()},
				{"requests.memory", resources.Requests.Memory()},
				{"limits.memory", resources.Limits.Memory()},
			} {
				if amount.value.IsZero() {
					missing = append(missing, amount.name)
				}
			}
			if len(missing) > 0 {
				findings = append(findings, Finding{Path: pod.Path + ".pod." + key + ".resources", Severity: Warning, Message: fmt.Sprintf(
					"without %s: the scheduler does not count on the container, and without a limit it may take the memory of the node", strings.Join(missing, ", "))})
			}
		}
	}
	return findings
}
