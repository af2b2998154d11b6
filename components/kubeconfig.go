package components

import (
	"cmp"
	"errors"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubernetes-prometheus/kubernetes-prometheus/config"
)

// ReadKubeconfig reads the output of the stack in cluster.kubeconfigFrom into cluster.kubeconfig, and rejects a
// kubeconfig of the stack with which nobody could connect. The error is config.Problems if the setting is at fault.
func ReadKubeconfig(ctx *pulumi.Context, cfg *config.Config) error {
	path := "cluster.kubeconfig"
	if from := cfg.Cluster.KubeconfigFrom; from.Stack != "" {
		path = "cluster.kubeconfigFrom"
		// Named by its use, as the stack may also be one of longTermStorage.query.stacks.
		output, err := outputOf(ctx, path, "kubeconfig", from.Stack, from.Output)
		if err != nil {
			return err
		}
		value := output.SecretValue
		if value == nil {
			value = output.Value
		}
		if err := cfg.SetKubeconfig(value).Err(); err != nil {
			return err
		}
	}
	if cfg.Cluster.Kubeconfig == nil {
		return nil
	}
	text, known := cfg.Cluster.Kubeconfig.Known()
	if !known {
		return nil
	}
	var problems config.Problems
	loaded, err := clientcmd.Load([]byte(text))
	if err == nil && loaded.CurrentContext == "" {
		err = errors.New("it has no current-context")
	} else if err == nil {
		err = clientcmd.ConfirmUsable(*loaded, "")
	}
	if err != nil {
		problems.Addf(path, "not a kubeconfig to connect with: %v; allowed: what `kubectl config view --raw --minify --flatten` prints", err)
	}
	return problems.Err()
}

// loadKubeconfig returns the kubeconfig of the stack, or else the one that kubectl reads, and the name of the context
// in it that is the stack's cluster.
func loadKubeconfig(cluster config.Cluster) (loaded *clientcmdapi.Config, context string, err error) {
	if cluster.Kubeconfig == nil {
		loaded, err = clientcmd.NewDefaultClientConfigLoadingRules().Load()
	} else if text, known := cluster.Kubeconfig.Known(); known {
		loaded, err = clientcmd.Load([]byte(text))
	} else {
		err = errors.New("cluster.kubeconfig is not decrypted")
	}
	if err != nil {
		return nil, "", err
	}
	return loaded, cmp.Or(cluster.Context, loaded.CurrentContext), nil
}
