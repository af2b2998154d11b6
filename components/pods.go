package components

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// pod returns the template of the app's pods: spec, completed with what all pods have in
// common. A change of annotations, which may be nil, restarts them.
func (a app) pod(spec *corev1.PodSpecArgs, scheduling config.Scheduling, annotations pulumi.StringMap) *corev1.PodTemplateSpecArgs {
	if spec.AutomountServiceAccountToken == nil {
		spec.AutomountServiceAccountToken = pulumi.Bool(false)
	}
	spec.EnableServiceLinks = pulumi.Bool(false)
	spec.ImagePullSecrets = a.pullSecrets()
	if len(scheduling.NodeSelector) > 0 {
		spec.NodeSelector = pulumi.ToStringMap(scheduling.NodeSelector)
	}
	spec.Tolerations = tolerations(scheduling.Tolerations)
	if scheduling.PriorityClassName != "" {
		spec.PriorityClassName = pulumi.String(scheduling.PriorityClassName)
	}
	metadata := &metav1.ObjectMetaArgs{Labels: a.labels()}
	if annotations != nil {
		metadata.Annotations = annotations
	}
	return &corev1.PodTemplateSpecArgs{Metadata: metadata, Spec: spec}
}

// readyTimeout returns an option that limits how long an update waits for the app's pods to
// become ready: startup, the time that the app may need to start, and cluster.readyTimeout.
func (a app) readyTimeout(startup time.Duration) pulumi.ResourceOption {
	timeout := (startup + a.Stack.Config.Cluster.ReadyTimeout.Duration).String()
	return pulumi.Timeouts(&pulumi.CustomTimeouts{Create: timeout, Update: timeout})
}

// container fills in what every container has: image, locked-down security
// context and resources.
func (a app) container(c *corev1.ContainerArgs, resources config.Resources) *corev1.ContainerArgs {
	images := a.Stack.Config.Images
	c.Image = pulumi.String(images.Ref(a.image))
	c.ImagePullPolicy = pulumi.String(string(images.PullPolicy))
	c.SecurityContext = &corev1.SecurityContextArgs{
		AllowPrivilegeEscalation: pulumi.Bool(false),
		ReadOnlyRootFilesystem:   pulumi.Bool(true),
		Capabilities:             &corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
	}
	c.Resources = &corev1.ResourceRequirementsArgs{
		Requests: resourceList(resources.Requests),
		Limits:   resourceList(resources.Limits),
	}
	return c
}

// nonRoot is the pod security context for a user id of the image, unless the
// platform assigns one. Volumes get the same group, changed only when they don't
// have it yet: a recursive change of a full volume takes minutes.
func (a app) nonRoot(user int) *corev1.PodSecurityContextArgs {
	security := &corev1.PodSecurityContextArgs{
		RunAsNonRoot:        pulumi.Bool(true),
		FsGroupChangePolicy: pulumi.String("OnRootMismatch"),
		SeccompProfile:      &corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
	}
	if !a.Stack.Config.Cluster.Profile().AssignsUsers {
		security.RunAsUser = pulumi.Int(user)
		security.RunAsGroup = pulumi.Int(user)
		security.FsGroup = pulumi.Int(user)
	}
	return security
}

// nobodyUID is the user of the Prometheus project's images.
const nobodyUID = 65534

// probe asks path on the named port every period seconds and gives up after
// failures in a row.
func probe(path, port string, period, failures int) *corev1.ProbeArgs {
	return &corev1.ProbeArgs{
		HttpGet:          &corev1.HTTPGetActionArgs{Path: pulumi.String(path), Port: pulumi.String(port)},
		PeriodSeconds:    pulumi.Int(period),
		TimeoutSeconds:   pulumi.Int(5),
		FailureThreshold: pulumi.Int(failures),
	}
}

// spreadReplicas keeps replicas of the app on different nodes, and spreads them over zones
// where there are any. If strict, excess replicas stay Pending; otherwise they may share a
// node.
func (a app) spreadReplicas(spec *corev1.PodSpecArgs, strict bool) {
	selector := &metav1.LabelSelectorArgs{MatchLabels: a.selector()}
	node := &corev1.PodAffinityTermArgs{LabelSelector: selector, TopologyKey: pulumi.String("kubernetes.io/hostname")}
	affinity := &corev1.PodAntiAffinityArgs{}
	if strict {
		affinity.RequiredDuringSchedulingIgnoredDuringExecution = corev1.PodAffinityTermArray{node}
	} else {
		affinity.PreferredDuringSchedulingIgnoredDuringExecution = corev1.WeightedPodAffinityTermArray{
			&corev1.WeightedPodAffinityTermArgs{Weight: pulumi.Int(100), PodAffinityTerm: node},
		}
	}
	spec.Affinity = &corev1.AffinityArgs{PodAntiAffinity: affinity}
	spec.TopologySpreadConstraints = corev1.TopologySpreadConstraintArray{&corev1.TopologySpreadConstraintArgs{
		LabelSelector:     selector,
		MaxSkew:           pulumi.Int(1),
		TopologyKey:       pulumi.String("topology.kubernetes.io/zone"),
		WhenUnsatisfiable: pulumi.String("ScheduleAnyway"),
	}}
}

func (a app) pullSecrets() corev1.LocalObjectReferenceArray {
	var refs corev1.LocalObjectReferenceArray
	for _, name := range a.Stack.Config.Images.PullSecrets {
		refs = append(refs, &corev1.LocalObjectReferenceArgs{Name: pulumi.String(name)})
	}
	return refs
}

func resourceList(list config.ResourceList) pulumi.StringMap {
	amounts := pulumi.StringMap{}
	if list.CPU != nil {
		amounts["cpu"] = pulumi.String(list.CPU.String())
	}
	if list.Memory != nil {
		amounts["memory"] = pulumi.String(list.Memory.String())
	}
	return amounts
}

func tolerations(configured []config.Toleration) corev1.TolerationArray {
	var array corev1.TolerationArray
	for _, t := range configured {
		args := &corev1.TolerationArgs{}
		set := func(field *pulumi.StringPtrInput, value string) {
			if value != "" {
				*field = pulumi.String(value)
			}
		}
		set(&args.Key, t.Key)
		set(&args.Operator, string(t.Operator))
		set(&args.Value, t.Value)
		set(&args.Effect, string(t.Effect))
		array = append(array, args)
	}
	return array
}

// configMapVolume mounts a ConfigMap of literal name.
func configMapVolume(name, configMap string) *corev1.VolumeArgs {
	return &corev1.VolumeArgs{
		Name:      pulumi.String(name),
		ConfigMap: &corev1.ConfigMapVolumeSourceArgs{Name: pulumi.String(configMap)},
	}
}

// configMapProjection is a ConfigMap of literal name in a projected volume.
func configMapProjection(configMap string) *corev1.VolumeProjectionArgs {
	return &corev1.VolumeProjectionArgs{ConfigMap: &corev1.ConfigMapProjectionArgs{Name: pulumi.String(configMap)}}
}

func mount(volume, path string) *corev1.VolumeMountArgs {
	return &corev1.VolumeMountArgs{Name: pulumi.String(volume), MountPath: pulumi.String(path)}
}

func readOnlyMount(volume, path string) *corev1.VolumeMountArgs {
	m := mount(volume, path)
	m.ReadOnly = pulumi.Bool(true)
	return m
}

// fieldEnv returns an environment variable with the value of a field of the pod.
func fieldEnv(name, field string) *corev1.EnvVarArgs {
	return &corev1.EnvVarArgs{
		Name:      pulumi.String(name),
		ValueFrom: &corev1.EnvVarSourceArgs{FieldRef: &corev1.ObjectFieldSelectorArgs{FieldPath: pulumi.String(field)}},
	}
}

// port is a named port of a container.
type port struct {
	name     string
	number   int
	protocol string // TCP or UDP
}

func tcp(name string, number int) port { return port{name, number, "TCP"} }

func udp(name string, number int) port { return port{name, number, "UDP"} }

func containerPorts(ports ...port) corev1.ContainerPortArray {
	var array corev1.ContainerPortArray
	for _, p := range ports {
		array = append(array, &corev1.ContainerPortArgs{Name: pulumi.String(p.name), ContainerPort: pulumi.Int(p.number), Protocol: pulumi.String(p.protocol)})
	}
	return array
}

// checksum returns a text that changes with any file. It must not cover secrets, which
// could be guessed from it.
func checksum(files map[string]string) string {
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(hash, "%q %q\n", name, files[name])
	}
	return hex.EncodeToString(hash.Sum(nil))
}
