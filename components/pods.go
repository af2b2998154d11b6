package components

import (
	"cmp"
	"maps"
	"slices"
	"time"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	apps "k8s.io/api/apps/v1"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// pod returns the template of the app's pods: spec, completed with what all pods have in
// common and what the stack adds to them. The pods restart when annotations, which may be nil,
// change.
func (a app) pod(spec *corev1.PodSpecArgs, scheduling config.Scheduling, annotations pulumi.StringMap) *corev1.PodTemplateSpecArgs {
	if spec.AutomountServiceAccountToken == nil {
		spec.AutomountServiceAccountToken = pulumi.Bool(false)
	}
	spec.EnableServiceLinks = pulumi.Bool(false)
	spec.ImagePullSecrets = a.pullSecrets()
	nodes := pulumi.StringMap{config.OSLabel: pulumi.String(cmp.Or(a.os, config.Linux))}
	for name, value := range scheduling.NodeSelector {
		nodes[name] = pulumi.String(value)
	}
	spec.NodeSelector = nodes
	spec.Tolerations = tolerations(scheduling.Tolerations)
	if scheduling.PriorityClassName != "" {
		spec.PriorityClassName = pulumi.String(scheduling.PriorityClassName)
	}
	labels := a.labels()
	for _, more := range []map[string]string{a.account.PodLabels, scheduling.Pod.Labels} {
		for name, value := range more {
			labels[name] = pulumi.String(value)
		}
	}
	metadata := &metav1.ObjectMetaArgs{Labels: labels}
	added := pulumi.ToStringMap(scheduling.Pod.Annotations)
	maps.Copy(added, annotations)
	if account := a.account.Annotations; len(account) > 0 { // clouds read them when a pod starts
		added["checksum/service-account"] = pulumi.String(checksum(account))
	}
	if len(added) > 0 {
		metadata.Annotations = added
	}
	addSettings(spec, scheduling.Pod)
	return &corev1.PodTemplateSpecArgs{Metadata: metadata, Spec: spec}
}

// daemonSet creates the app's DaemonSet, with a pod of template on every node. Unless set says otherwise, an
// update replaces the pods of 10% of the nodes at a time.
func (a app) daemonSet(template *corev1.PodTemplateSpecArgs, set *apps.DaemonSetUpdateStrategy) error {
	rolling := &appsv1.RollingUpdateDaemonSetArgs{MaxUnavailable: pulumi.String("10%")}
	if set != nil && set.RollingUpdate != nil {
		rolling = &appsv1.RollingUpdateDaemonSetArgs{MaxUnavailable: amount(set.RollingUpdate.MaxUnavailable), MaxSurge: amount(set.RollingUpdate.MaxSurge)}
	}
	_, err := create(a, "daemonset", appsv1.NewDaemonSet, &appsv1.DaemonSetArgs{
		Metadata: a.workloadMetadata(),
		Spec: &appsv1.DaemonSetSpecArgs{
			Selector:       &metav1.LabelSelectorArgs{MatchLabels: a.selector()},
			UpdateStrategy: &appsv1.DaemonSetUpdateStrategyArgs{RollingUpdate: rolling},
			Template:       template,
		},
	}, a.readyTimeout(0))
	return err
}

// readyTimeout returns an option that limits how long an update waits for the app's pods to
// become ready: cluster.readyTimeout plus startup, the extra time that the app may need to
// start; 0 for most.
func (a app) readyTimeout(startup time.Duration) pulumi.ResourceOption {
	timeout := (startup + a.Stack.Config.Cluster.ReadyTimeout.Duration).String()
	return pulumi.Timeouts(&pulumi.CustomTimeouts{Create: timeout, Update: timeout})
}

// container completes c with what every container has, and returns it: the app's image, a
// security context without any privileges, which Windows does not have, and resources.
func (a app) container(c *corev1.ContainerArgs, resources config.Resources) *corev1.ContainerArgs {
	images := a.Stack.Config.Images
	c.Image = pulumi.String(images.Ref(a.image))
	c.ImagePullPolicy = pulumi.String(string(images.PullPolicy))
	if a.os != config.Windows {
		c.SecurityContext = &corev1.SecurityContextArgs{
			AllowPrivilegeEscalation: pulumi.Bool(false),
			ReadOnlyRootFilesystem:   pulumi.Bool(true),
			Capabilities:             &corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
		}
	}
	c.Resources = &corev1.ResourceRequirementsArgs{
		Requests: resourceList(resources.Requests),
		Limits:   resourceList(resources.Limits),
	}
	return c
}

// nonRoot returns the security context of pods that run as user, a UID of the image, unless
// the platform assigns one. Volumes get the same ID as their group, only if their root
// directory does not have it yet: changing every file of a full volume takes minutes.
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

// nobodyUID is the UID of nobody, the user of the Prometheus project's images.
const nobodyUID = 65534

// probe returns a probe that requests path from the named port every period seconds, and
// fails after a number of failures in a row.
func probe(path, port string, period, failures int) *corev1.ProbeArgs {
	return &corev1.ProbeArgs{
		HttpGet:          &corev1.HTTPGetActionArgs{Path: pulumi.String(path), Port: pulumi.String(port)},
		PeriodSeconds:    pulumi.Int(period),
		TimeoutSeconds:   pulumi.Int(5),
		FailureThreshold: pulumi.Int(failures),
	}
}

// spreadReplicas makes spec keep the app's replicas on different nodes, and spread them over
// zones if there are any. If strict, excess replicas stay Pending; otherwise they may share
// a node.
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

// pullSecrets returns the Secrets in images.pullSecrets.
func (a app) pullSecrets() corev1.LocalObjectReferenceArray {
	var refs corev1.LocalObjectReferenceArray
	for _, name := range a.Stack.Config.Images.PullSecrets {
		refs = append(refs, &corev1.LocalObjectReferenceArgs{Name: pulumi.String(name)})
	}
	return refs
}

// resourceList returns the configured amounts of CPU and memory; none for those not set.
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

// tolerations returns the configured tolerations, without the fields that are not set.
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

// mount returns the mount of a volume at path.
func mount(volume, path string) *corev1.VolumeMountArgs {
	return &corev1.VolumeMountArgs{Name: pulumi.String(volume), MountPath: pulumi.String(path)}
}

// readOnlyMount returns the mount of a volume at path, not writable.
func readOnlyMount(volume, path string) *corev1.VolumeMountArgs {
	m := mount(volume, path)
	m.ReadOnly = pulumi.Bool(true)
	return m
}

// environment returns values as environment variables, sorted by name.
func environment(values map[string]string) corev1.EnvVarArray {
	var array corev1.EnvVarArray
	for _, name := range slices.Sorted(maps.Keys(values)) {
		array = append(array, &corev1.EnvVarArgs{Name: pulumi.String(name), Value: pulumi.String(values[name])})
	}
	return array
}

// fieldEnv returns an environment variable whose value is a field of the pod.
// https://kubernetes.io/docs/concepts/workloads/pods/downward-api/
func fieldEnv(name, field string) *corev1.EnvVarArgs {
	return &corev1.EnvVarArgs{
		Name:      pulumi.String(name),
		ValueFrom: &corev1.EnvVarSourceArgs{FieldRef: &corev1.ObjectFieldSelectorArgs{FieldPath: pulumi.String(field)}},
	}
}

// secretEnv returns an environment variable whose value is in an existing Secret.
func secretEnv(name string, key config.SecretKey) *corev1.EnvVarArgs {
	return &corev1.EnvVarArgs{
		Name: pulumi.String(name),
		ValueFrom: &corev1.EnvVarSourceArgs{
			SecretKeyRef: &corev1.SecretKeySelectorArgs{Name: pulumi.String(key.Secret), Key: pulumi.String(key.Key)},
		},
	}
}

// port is a named port of a container, and of the Service in front of it.
type port struct {
	name     string // unique in the pod; NetworkPolicies and probes refer to it
	number   int
	protocol string // TCP or UDP
}

func tcp(name string, number int) port { return port{name, number, "TCP"} }

func udp(name string, number int) port { return port{name, number, "UDP"} }

// containerPorts returns ports as a container declares them.
func containerPorts(ports ...port) corev1.ContainerPortArray {
	var array corev1.ContainerPortArray
	for _, p := range ports {
		array = append(array, &corev1.ContainerPortArgs{Name: pulumi.String(p.name), ContainerPort: pulumi.Int(p.number), Protocol: pulumi.String(p.protocol)})
	}
	return array
}
