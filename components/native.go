package components

import (
	"bytes"
	"encoding/json"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// addSettings adds to spec what the stack adds to the component's pods. The first container is the
// component's own.
func addSettings(spec *corev1.PodSpecArgs, pod config.Pod) {
	if added := pod.Affinity; added != nil { // each kind on its own: the others stay the component's
		affinity, _ := spec.Affinity.(*corev1.AffinityArgs)
		if affinity == nil {
			affinity = &corev1.AffinityArgs{}
		}
		if added.NodeAffinity != nil {
			affinity.NodeAffinity = native[corev1.NodeAffinity, corev1.NodeAffinityPtrInput](added.NodeAffinity)
		}
		if added.PodAffinity != nil {
			affinity.PodAffinity = native[corev1.PodAffinity, corev1.PodAffinityPtrInput](added.PodAffinity)
		}
		if added.PodAntiAffinity != nil {
			affinity.PodAntiAffinity = native[corev1.PodAntiAffinity, corev1.PodAntiAffinityPtrInput](added.PodAntiAffinity)
		}
		spec.Affinity = affinity
	}
	if pod.TopologySpreadConstraints != nil { // an empty list replaces the component's own, too
		spec.TopologySpreadConstraints = corev1.TopologySpreadConstraintArray(natives[corev1.TopologySpreadConstraint, corev1.TopologySpreadConstraintInput](pod.TopologySpreadConstraints))
	}
	if pod.SecurityContext != nil { // each field on its own, too
		own := spec.SecurityContext.(*corev1.PodSecurityContextArgs)
		spec.SecurityContext = own.ToPodSecurityContextOutput().ApplyT(func(context corev1.PodSecurityContext) (corev1.PodSecurityContext, error) {
			err := convert(pod.SecurityContext, &context)
			return context, err
		}).(corev1.PodSecurityContextOutput)
	}
	if pod.RuntimeClassName != "" {
		spec.RuntimeClassName = pulumi.String(pod.RuntimeClassName)
	}
	if pod.DNSPolicy != "" {
		spec.DnsPolicy = pulumi.String(string(pod.DNSPolicy))
	}
	if pod.DNSConfig != nil {
		spec.DnsConfig = native[corev1.PodDNSConfig, corev1.PodDNSConfigPtrInput](pod.DNSConfig)
	}
	containers, _ := spec.Containers.(corev1.ContainerArray)
	own := containers[0].(*corev1.ContainerArgs)
	prepares, _ := spec.InitContainers.(corev1.ContainerArray)
	for _, container := range append(slices.Clone(prepares), own) {
		container := container.(*corev1.ContainerArgs)
		if container.RestartPolicy != nil { // a sidecar
			continue
		}
		if len(pod.Env) > 0 {
			env, _ := container.Env.(corev1.EnvVarArray)
			container.Env = append(env, natives[corev1.EnvVar, corev1.EnvVarInput](pod.Env)...)
		}
		if len(pod.VolumeMounts) > 0 {
			mounts, _ := container.VolumeMounts.(corev1.VolumeMountArray)
			container.VolumeMounts = append(mounts, natives[corev1.VolumeMount, corev1.VolumeMountInput](pod.VolumeMounts)...)
		}
	}
	if len(pod.Volumes) > 0 {
		volumes, _ := spec.Volumes.(corev1.VolumeArray)
		spec.Volumes = append(volumes, natives[corev1.Volume, corev1.VolumeInput](pod.Volumes)...)
	}
	spec.Containers = append(containers, natives[corev1.Container, corev1.ContainerInput](pod.Containers)...)
	if len(pod.InitContainers) > 0 {
		spec.InitContainers = append(prepares, natives[corev1.Container, corev1.ContainerInput](pod.InitContainers)...)
	}
}

// native returns an object of Kubernetes' API as an input of the SDK. T is the SDK's type of it, and Input
// the interface of its inputs. The input fails where convert does.
func native[T, Input any](object any) Input {
	return pulumi.All().ApplyT(func([]any) (converted T, err error) {
		err = convert(object, &converted)
		return converted, err
	}).(Input)
}

// convert sets the fields of onto, of a type of the SDK, that an object of Kubernetes' API has; both types
// have the same names of fields. It fails if the SDK's lacks one: config.Unsupported names such fields.
func convert(object, onto any) error {
	text, err := json.Marshal(object)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(onto)
}

// natives returns a list of objects as native does one.
func natives[T, Input, Object any](objects []Object) []Input {
	inputs := make([]Input, len(objects))
	for i, object := range objects {
		inputs[i] = native[T, Input](object)
	}
	return inputs
}
