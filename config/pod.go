package config

import (
	"fmt"
	"iter"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	autoscalingv1 "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1"
)

// Pod configures what a stack adds to a component's pods. The keys, and all below them, are those of a
// pod in Kubernetes' own format:
// https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
type Pod struct {
	// Labels, besides those of the program.
	Labels map[string]string `json:"labels"`
	// Annotations, besides those of the program.
	Annotations map[string]string `json:"annotations"`
	// Nodes and other pods that the pods need, prefer or avoid; podAntiAffinity keeps
	// replicas apart unless set.
	Affinity *corev1.Affinity `json:"affinity"`
	// How the pods are spread over zones, nodes or other parts of the cluster; replicas over zones
	// unless set.
	TopologySpreadConstraints []corev1.TopologySpreadConstraint `json:"topologySpreadConstraints"`
	// Users, groups, SELinux and seccomp of all containers; each field replaces the component's own.
	SecurityContext *corev1.PodSecurityContext `json:"securityContext"`
	// RuntimeClass of the pods; empty for the cluster's default.
	RuntimeClassName string `json:"runtimeClassName"`
	// How names are resolved: ClusterFirst (default), ClusterFirstWithHostNet, Default, which is as on
	// the node, or None, which requires dnsConfig.
	DNSPolicy DNSPolicy `json:"dnsPolicy"`
	// Name servers, search domains and options of the resolver.
	DNSConfig *corev1.PodDNSConfig `json:"dnsConfig"`
	// Environment variables of the component's own container: the first, where it has several; and of those that
	// install Grafana's plugins.
	Env []corev1.EnvVar `json:"env"`
	// Volumes, for volumeMounts and those of containers.
	Volumes []corev1.Volume `json:"volumes"`
	// Mounts in the component's own container: the first, where it has several; and in those that install Grafana's
	// plugins.
	VolumeMounts []corev1.VolumeMount `json:"volumeMounts"`
	// Sidecars: containers beside the component's own. They may also mount its volumes.
	Containers []corev1.Container `json:"containers"`
	// Containers that run before the others; with restartPolicy: Always, they keep running.
	InitContainers []corev1.Container `json:"initContainers"`
}

// Unsupported names the fields of Kubernetes' types that a stack cannot set, by type. Pulumi's provider does
// not know them yet, so that they would be lost on the way to the cluster, or they belong to the program.
var Unsupported = map[reflect.Type][]string{
	reflect.TypeFor[corev1.ClusterTrustBundleProjection]():  {"user"},
	reflect.TypeFor[corev1.ConfigMapVolumeSource]():         {"defaultUser"},
	reflect.TypeFor[corev1.DownwardAPIVolumeFile]():         {"user"},
	reflect.TypeFor[corev1.DownwardAPIVolumeSource]():       {"defaultUser"},
	reflect.TypeFor[corev1.EmptyDirVolumeSource]():          {"mode"},
	reflect.TypeFor[corev1.GRPCAction]():                    {"mode"},
	reflect.TypeFor[corev1.HTTPGetAction]():                 {"protocol"},
	reflect.TypeFor[corev1.KeyToPath]():                     {"user"},
	reflect.TypeFor[corev1.PodCertificateProjection]():      {"user"},
	reflect.TypeFor[corev1.ProjectedVolumeSource]():         {"defaultUser"},
	reflect.TypeFor[corev1.SecretVolumeSource]():            {"defaultUser"},
	reflect.TypeFor[corev1.ServiceAccountTokenProjection](): {"user"},
	reflect.TypeFor[corev1.VolumeMount]():                   {"bindMountOptions"},
	reflect.TypeFor[policyv1.PodDisruptionBudgetSpec]():     {"selector"}, // the program's

	reflect.TypeFor[autoscalingv1.VerticalPodAutoscalerSpec](): {"targetRef"}, // the program's
}

// DNSPolicy is how the containers of a pod resolve names:
// https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy
type DNSPolicy string

func (DNSPolicy) Values() []string {
	return []string{"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"}
}

// WithoutContainers returns what also suits pods of a Job that belongs to the component: everything
// but what runs in the pods, because a sidecar would keep the Job from completing.
func (pod Pod) WithoutContainers() Pod {
	pod.Env, pod.Volumes, pod.VolumeMounts, pod.Containers, pod.InitContainers = nil, nil, nil, nil, nil
	return pod
}

// AllContainers returns the init containers and the containers, each with its path below the pod.
func (pod Pod) AllContainers() iter.Seq2[string, corev1.Container] {
	return func(yield func(string, corev1.Container) bool) {
		for i, c := range pod.InitContainers {
			if !yield(fmt.Sprintf("initContainers[%d]", i), c) {
				return
			}
		}
		for i, c := range pod.Containers {
			if !yield(fmt.Sprintf("containers[%d]", i), c) {
				return
			}
		}
	}
}

// validate rejects some of what the API server would, and what belongs to the program. Whether names
// and paths clash with those of a component is for package check.
func (pod Pod) validate(path string) Problems {
	p := pod.validateMetadata(path)
	for i, c := range pod.TopologySpreadConstraints {
		p.Add(validateSpread(fmt.Sprintf("%s.topologySpreadConstraints[%d]", path, i), c)...)
	}
	if pod.RuntimeClassName != "" {
		p.invalid(path+".runtimeClassName", pod.RuntimeClassName, validation.IsDNS1123Subdomain(pod.RuntimeClassName))
	}
	if pod.DNSPolicy == "None" && (pod.DNSConfig == nil || len(pod.DNSConfig.Nameservers) == 0) {
		p.Addf(path+".dnsConfig.nameservers", "missing, but dnsPolicy is None; name at least one")
	}
	p.Add(validateEnv(path+".env", pod.Env)...)
	p.Add(validateMounts(path+".volumeMounts", pod.VolumeMounts)...)
	volumes := names{}
	for i, volume := range pod.Volumes {
		at := fmt.Sprintf("%s.volumes[%d]", path, i)
		p.Add(volumes.add(at+".name", volume.Name)...)
		if n := sources(volume.VolumeSource); n != 1 {
			p.Addf(at, "has %d sources; allowed: one, such as configMap, secret, emptyDir or persistentVolumeClaim", n)
		}
	}
	containers := names{}
	for key, c := range pod.AllContainers() {
		at := path + "." + key
		p.Add(containers.add(at+".name", c.Name)...)
		if c.Image == "" {
			p.Addf(at+".image", "missing")
		}
		p.Add(validateEnv(at+".env", c.Env)...)
		p.Add(validateMounts(at+".volumeMounts", c.VolumeMounts)...)
	}
	return p
}

// ownLabels are labels that Kubernetes sets on pods.
var ownLabels = []string{"pod-template-hash", "controller-revision-hash", "pod-template-generation", "statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index"}

func (pod Pod) validateMetadata(path string) Problems {
	var p Problems
	for _, name := range slices.Sorted(maps.Keys(pod.Labels)) {
		at := fmt.Sprintf("%s.labels[%q]", path, name)
		p.invalidLabel(at, name, pod.Labels[name])
		if strings.HasPrefix(name, "app.kubernetes.io/") || slices.Contains(ownLabels, name) {
			p.Addf(at, "%q is a label that the program or Kubernetes sets; allowed: any other", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(pod.Annotations)) {
		at := fmt.Sprintf("%s.annotations[%q]", path, name)
		p.invalid(at, name, validation.IsQualifiedName(strings.ToLower(name)))
		if strings.HasPrefix(name, "checksum/") || strings.HasPrefix(name, "version/") {
			p.Addf(at, "%q is an annotation that the program sets; allowed: any other", name)
		}
	}
	return p
}

func validateSpread(path string, c corev1.TopologySpreadConstraint) Problems {
	var p Problems
	if c.MaxSkew < 1 {
		p.Addf(path+".maxSkew", "%d; allowed: 1 and more", c.MaxSkew)
	}
	if c.TopologyKey == "" {
		p.Addf(path+".topologyKey", "missing; the label of nodes, such as topology.kubernetes.io/zone")
	}
	if allowed := []string{"DoNotSchedule", "ScheduleAnyway"}; !slices.Contains(allowed, string(c.WhenUnsatisfiable)) {
		p.Addf(path+".whenUnsatisfiable", "%q; allowed: %s", c.WhenUnsatisfiable, strings.Join(allowed, ", "))
	}
	return p
}

// validateEnv rejects environment variables without a name, with one twice, or with two values.
func validateEnv(path string, env []corev1.EnvVar) Problems {
	var p Problems
	seen := map[string]bool{}
	for i, variable := range env {
		at := fmt.Sprintf("%s[%d]", path, i)
		switch {
		case variable.Name == "":
			p.Addf(at+".name", "missing")
		case seen[variable.Name]:
			p.Addf(at+".name", "%q is there twice", variable.Name)
		default:
			p.invalid(at+".name", variable.Name, validation.IsEnvVarName(variable.Name))
		}
		if variable.Value != "" && variable.ValueFrom != nil {
			p.Addf(at, "has a value and valueFrom; allowed: one of them")
		}
		seen[variable.Name] = true
	}
	return p
}

// validateMounts rejects mounts without a volume, and two at one path.
func validateMounts(at string, mounts []corev1.VolumeMount) Problems {
	var p Problems
	seen := map[string]bool{}
	for i, mount := range mounts {
		at := fmt.Sprintf("%s[%d]", at, i)
		if mount.Name == "" {
			p.Addf(at+".name", "missing; the name of a volume")
		}
		if !path.IsAbs(mount.MountPath) || path.Clean(mount.MountPath) != mount.MountPath {
			p.Addf(at+".mountPath", "%q; allowed: a clean absolute path", mount.MountPath)
		} else if seen[mount.MountPath] {
			p.Addf(at+".mountPath", "%q is there twice", mount.MountPath)
		}
		seen[mount.MountPath] = true
	}
	return p
}

// sources returns how many sources a volume has.
func sources(source corev1.VolumeSource) int {
	n, fields := 0, reflect.ValueOf(source)
	for i := range fields.NumField() {
		if !fields.Field(i).IsNil() {
			n++
		}
	}
	return n
}

// names collects the names of volumes or containers of one pod.
type names map[string]bool

// add adds a name, and rejects one that is missing, not a DNS label or there already.
func (n names) add(path, name string) Problems {
	var p Problems
	switch {
	case name == "":
		p.Addf(path, "missing")
	case n[name]:
		p.Addf(path, "%q is there twice", name)
	default:
		p.invalid(path, name, validation.IsDNS1123Label(name))
	}
	n[name] = true
	return p
}
