package components

import (
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// secretVolume mounts a Secret of literal name.
func secretVolume(name, secret string) *corev1.VolumeArgs {
	return &corev1.VolumeArgs{
		Name:   pulumi.String(name),
		Secret: &corev1.SecretVolumeSourceArgs{SecretName: pulumi.String(secret)},
	}
}

// secret creates a Secret of the app with a file for each of values, by name. Without
// values it has no field for files: an empty one would be a difference in every preview.
func (a app) secret(suffix, name string, values map[string]config.Secret) (*corev1.Secret, error) {
	args := &corev1.SecretArgs{Metadata: a.metadata(name)}
	if len(values) > 0 {
		files := pulumi.StringMap{}
		for file, value := range values {
			files[file] = pulumi.ToSecret(pulumi.String(value.Reveal())).(pulumi.StringOutput)
		}
		args.StringData = files
	}
	return create(a, suffix, corev1.NewSecret, args)
}
