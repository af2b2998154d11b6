package components

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// configMap creates a ConfigMap of the app.
func (a app) configMap(suffix string, configMap render.ConfigMap, opts ...pulumi.ResourceOption) (*corev1.ConfigMap, error) {
	return create(a, suffix, corev1.NewConfigMap, &corev1.ConfigMapArgs{
		Metadata: a.metadata(configMap.Name),
		Data:     pulumi.ToStringMap(configMap.Files),
	}, opts...)
}

// secret creates a Secret of the app, whose files are values by file name. Without values it
// has no field for files: every preview would show an empty one as a difference.
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

// configMapVolume returns a volume with the files of a ConfigMap.
func configMapVolume(name, configMap string) *corev1.VolumeArgs {
	return &corev1.VolumeArgs{
		Name:      pulumi.String(name),
		ConfigMap: &corev1.ConfigMapVolumeSourceArgs{Name: pulumi.String(configMap)},
	}
}

// configMapProjection returns a ConfigMap as one of the sources of a projected volume.
func configMapProjection(configMap string) *corev1.VolumeProjectionArgs {
	return &corev1.VolumeProjectionArgs{ConfigMap: &corev1.ConfigMapProjectionArgs{Name: pulumi.String(configMap)}}
}

// secretVolume returns a volume with the files of a Secret.
func secretVolume(name, secret string) *corev1.VolumeArgs {
	return &corev1.VolumeArgs{
		Name:   pulumi.String(name),
		Secret: &corev1.SecretVolumeSourceArgs{SecretName: pulumi.String(secret)},
	}
}

// checksum returns a hash of files, by name, for an annotation of pods that must restart when
// a file changes. Files must not hold secrets: a hash lets people confirm a guess.
func checksum(files map[string]string) string {
	hash := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(hash, "%q %q\n", name, files[name])
	}
	return hex.EncodeToString(hash.Sum(nil))
}
