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

// secret creates a Secret of the app with the values that the stack has, by file name. It returns nil
// if there are none: they are all in existing Secrets.
func (a app) secret(suffix, name string, values map[string]config.Secret) (*corev1.Secret, error) {
	files := pulumi.StringMap{}
	for file, value := range values {
		if _, elsewhere := value.Existing(); !elsewhere {
			files[file] = pulumi.ToSecret(pulumi.String(value.Reveal())).(pulumi.StringOutput)
		}
	}
	if len(files) == 0 {
		return nil, nil
	}
	return create(a, suffix, corev1.NewSecret, &corev1.SecretArgs{Metadata: a.metadata(name), StringData: files})
}

// readAtStart returns the annotations that restart pods whose program reads files, and the values in the app's
// Secret, only when it starts. secret is nil if all values are in existing Secrets. The Secret has no checksum,
// which would let people confirm a guess of its passwords.
func readAtStart(files map[string]string, secret *corev1.Secret) pulumi.StringMap {
	annotations := pulumi.StringMap{"checksum/config": pulumi.String(checksum(files))}
	if secret != nil {
		annotations["version/secret"] = secret.Metadata.ResourceVersion().Elem()
	}
	return annotations
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

// secretFiles returns a volume with values as files, by name: those that the stack has, from the
// Secret called own, and those in existing Secrets.
func secretFiles(name, own string, values map[string]config.Secret) *corev1.VolumeArgs {
	items := map[string]corev1.KeyToPathArray{} // by Secret
	for _, file := range slices.Sorted(maps.Keys(values)) {
		secret, key := secretKey(own, file, values[file])
		items[secret] = append(items[secret], keyToPath(key, file))
	}
	if len(items[own]) == len(values) {
		return secretVolume(name, own)
	}
	var sources corev1.VolumeProjectionArray
	add := func(projection *corev1.SecretProjectionArgs) {
		sources = append(sources, &corev1.VolumeProjectionArgs{Secret: projection})
	}
	// The own one first and as a whole: another file in it changes no pod, and one that is left in it does not
	// hide that of an existing Secret.
	if len(items[own]) > 0 {
		add(&corev1.SecretProjectionArgs{Name: pulumi.String(own)})
		delete(items, own)
	}
	for _, secret := range slices.Sorted(maps.Keys(items)) {
		add(&corev1.SecretProjectionArgs{Name: pulumi.String(secret), Items: items[secret]})
	}
	return &corev1.VolumeArgs{Name: pulumi.String(name), Projected: &corev1.ProjectedVolumeSourceArgs{Sources: sources}}
}

// secretKey returns the name of the Secret that has a value, and its key there: file in the Secret
// called own if the stack has the value.
func secretKey(own, file string, value config.Secret) (secret, key string) {
	if existing, ok := value.Existing(); ok {
		return existing.Secret, existing.Key
	}
	return own, file
}

// keyToPath returns the item of a volume that has a key as a file.
func keyToPath(key, file string) *corev1.KeyToPathArgs {
	return &corev1.KeyToPathArgs{Key: pulumi.String(key), Path: pulumi.String(file)}
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
