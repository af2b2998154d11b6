package components

import (
	"context"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// clusterTimeout limits each question to the cluster about existing Secrets.
const clusterTimeout = 5 * time.Second

// CheckExistingSecrets rejects a stack that names an existing Secret, or a key of one, that is not in
// its cluster. It logs a warning if the cluster cannot be asked: it does not answer, does not let the
// user read Secrets, or has no namespace yet.
//
// It asks the cluster itself, with the kubeconfig that the provider uses too. A resource that the
// provider reads would have its values in the stack's state.
func CheckExistingSecrets(ctx *pulumi.Context, cfg *config.Config) error {
	existing := cfg.ExistingSecrets()
	if len(existing) == 0 {
		return nil
	}
	missing, err := missingSecrets(ctx.Context(), cfg.Cluster, existing)
	if err != nil {
		if err := ctx.Log.Warn(fmt.Sprintf("not every existing Secret was looked up, and pods do not start without one: %v", err), nil); err != nil {
			return err
		}
	}
	return missing.Err()
}

// missingSecrets returns a Problem for each of existing that is not in the cluster. The error says why
// the cluster cannot be asked about the rest.
func missingSecrets(ctx context.Context, cluster config.Cluster, existing []config.ExistingSecret) (config.Problems, error) {
	client, err := connect(cluster.Context)
	if err != nil {
		return nil, err
	}
	if cluster.CreateNamespace {
		if _, err := client.CoreV1().Namespaces().Get(ctx, cluster.Namespace, metav1.GetOptions{}); err != nil {
			return nil, fmt.Errorf("namespace %s: %w", cluster.Namespace, err)
		}
	}
	var missing config.Problems
	secrets := map[string]*corev1.Secret{} // by name; nil if there is none
	for _, e := range existing {
		if _, asked := secrets[e.Secret]; !asked {
			secret, err := client.CoreV1().Secrets(cluster.Namespace).Get(ctx, e.Secret, metav1.GetOptions{})
			if err != nil && !apierrors.IsNotFound(err) {
				return missing, fmt.Errorf("Secret %s: %w", e.Secret, err)
			}
			if err != nil {
				secret = nil // otherwise an empty one
			}
			secrets[e.Secret] = secret
		}
		switch secret := secrets[e.Secret]; {
		case secret == nil:
			missing.Addf(e.Path, "namespace %s has no Secret %q, for which pods would wait; create it first", cluster.Namespace, e.Secret)
		case len(secret.Data[e.Key]) == 0:
			missing.Addf(e.Path, "Secret %q has no key %q, or nothing in it; pods would wait for it, or fail", e.Secret, e.Key)
		}
	}
	return missing, nil
}

// connect returns a client of the cluster in a context of the kubeconfig; "" for the current one.
func connect(kubecontext string) (*kubernetes.Clientset, error) {
	rules, overrides := clientcmd.NewDefaultClientConfigLoadingRules(), &clientcmd.ConfigOverrides{CurrentContext: kubecontext}
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, overrides).ClientConfig()
	if err != nil {
		return nil, err
	}
	config.Timeout = clusterTimeout
	return kubernetes.NewForConfig(config)
}
