package components

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
	"github.com/kubernetes-prometheus/kubernetes-prometheus/render"
)

// clusterTimeout limits all questions to the cluster about existing Secrets together, and a plugin of the
// kubeconfig that logs in for them.
const clusterTimeout = 10 * time.Second

// CheckExistingSecrets rejects a stack that names an existing Secret, or a key of one, that is not in
// its cluster, or whose value programs cannot use. It logs a warning if the cluster cannot be asked: it does not
// answer, does not let the user read Secrets, or has no namespace yet.
//
// It asks the cluster itself, with the kubeconfig of the stack or of the user. A resource that the provider reads
// would have its values in the stack's state.
func CheckExistingSecrets(ctx *pulumi.Context, cfg *config.Config) error {
	existing := append(cfg.ExistingSecrets(), cfg.NamedSecrets()...)
	for i := range existing {
		if e := &existing[i]; e.Certificate != nil && e.Secret == cfg.TLS.SecretName {
			e.Hosts = render.VerifiedHosts(cfg)
		}
	}
	if len(existing) == 0 {
		return nil
	}
	missing, err := missingInTime(ctx.Context(), cfg.Cluster, existing)
	if err != nil {
		if err := ctx.Log.Warn(fmt.Sprintf("not every existing Secret was looked up, and pods do not start without one: %v", err), nil); err != nil {
			return err
		}
	}
	return missing.Err()
}

// missingInTime returns what missingSecrets does, or an error if that takes longer than clusterTimeout. It does
// not wait for a login, which no context ends.
func missingInTime(ctx context.Context, cluster config.Cluster, existing []config.ExistingSecret) (config.Problems, error) {
	ctx, cancel := context.WithTimeout(ctx, clusterTimeout)
	defer cancel()
	type answer struct {
		missing config.Problems
		err     error
	}
	answers := make(chan answer, 1)
	go func() {
		missing, err := missingSecrets(ctx, cluster, existing)
		answers <- answer{missing, err}
	}()
	select {
	case a := <-answers:
		return a.missing, a.err
	case <-ctx.Done():
		return nil, fmt.Errorf("the cluster does not answer within %s", clusterTimeout)
	}
}

// missingSecrets returns a Problem for each of existing that is not in the cluster or whose value is unfit. The
// error says why the cluster cannot be asked about others.
func missingSecrets(ctx context.Context, cluster config.Cluster, existing []config.ExistingSecret) (config.Problems, error) {
	client, err := connect(cluster)
	if err != nil {
		return nil, err
	}
	if cluster.CreateNamespace {
		if _, err := client.CoreV1().Namespaces().Get(ctx, cluster.Namespace, metav1.GetOptions{}); err != nil {
			return nil, fmt.Errorf("namespace %s: %w", cluster.Namespace, err)
		}
	}
	type answer struct {
		secret *corev1.Secret
		err    error
	}
	answers := map[string]answer{} // by name
	var missing config.Problems
	var forbidden []error
	certificates := map[string]config.ExistingSecret{} // by the name of their Secret
	for _, e := range existing {
		a, asked := answers[e.Secret]
		if !asked {
			a.secret, a.err = client.CoreV1().Secrets(cluster.Namespace).Get(ctx, e.Secret, metav1.GetOptions{})
			answers[e.Secret] = a
		}
		switch {
		case apierrors.IsNotFound(a.err):
			missing.Addf(e.Path, "namespace %s has no Secret %q, which pods need; create it first", cluster.Namespace, e.Secret)
		case apierrors.IsForbidden(a.err): // others may be allowed
			if !asked {
				forbidden = append(forbidden, fmt.Errorf("Secret %s: %w", e.Secret, a.err))
			}
		case a.err != nil:
			return missing, fmt.Errorf("Secret %s: %w", e.Secret, a.err)
		case e.Key != "":
			if value, there := a.secret.Data[e.Key]; !there {
				missing.Addf(e.Path, "Secret %q has no key %q, for which pods would wait", e.Secret, e.Key)
			} else if len(value) == 0 {
				missing.Addf(e.Path, "Secret %q has nothing in its key %q", e.Secret, e.Key)
			} else if e.Certificate != nil {
				certificates[e.Secret] = e
			} else if reason := e.Unfit(string(value)); reason != "" {
				missing.Addf(e.Path, "the key %q of Secret %q %s", e.Key, e.Secret, reason)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(certificates)) {
		data := answers[name].secret.Data
		if slices.ContainsFunc(config.CertificateKeys, func(key string) bool { return len(data[key]) == 0 }) {
			continue // which is known
		}
		if err := certificates[name].Certificate.Check(data, certificates[name].Hosts...); err != nil {
			missing.Addf(certificates[name].Path, "Secret %q has values with which programs could not connect to each other: %v", name, err)
		}
	}
	return missing, errors.Join(forbidden...)
}

// connect returns a client of the stack's cluster. Without a kubeconfig it returns an error, also in a pod of a
// cluster, which may be another one.
func connect(cluster config.Cluster) (*kubernetes.Clientset, error) {
	loaded, kubecontext, err := loadKubeconfig(cluster)
	if err != nil {
		return nil, err
	}
	rest, err := clientcmd.NewNonInteractiveClientConfig(*loaded, kubecontext, nil, nil).ClientConfig()
	if err != nil {
		return nil, err
	}
	rest.QPS = -1 // each is asked once
	return kubernetes.NewForConfig(rest)
}
