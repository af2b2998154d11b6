package node

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// errNotReady is the error of a check that has to be repeated.
var errNotReady = errors.New("not ready")

// config returns the administrator's connection to the node's API server.
func (n *Node) config() (*rest.Config, error) {
	config, err := clientcmd.BuildConfigFromFlags("", n.Dir.Kubeconfig())
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 50, 100 // there is hardly another client
	return config, nil
}

// AwaitAPI waits until the API server is ready. It returns an error after startTimeout.
func (n *Node) AwaitAPI(ctx context.Context) error {
	client, err := n.client()
	if err != nil {
		return err
	}
	return n.await(ctx, "API server", func() error {
		return client.RESTClient().Get().AbsPath("/readyz").Timeout(time.Second).Do(ctx).Error()
	})
}

// AwaitReady waits until the kubelet reports the node ready. What it reported before the
// node's last start does not count. It returns an error after startTimeout.
func (n *Node) AwaitReady(ctx context.Context) error {
	client, err := n.client()
	if err != nil {
		return err
	}
	err = n.await(ctx, "kubelet", func() error {
		node, err := client.CoreV1().Nodes().Get(ctx, Name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for _, c := range node.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue && n.sinceStart(c.LastHeartbeatTime) {
				return nil
			}
		}
		return errNotReady
	})
	if err != nil {
		return err
	}
	// A kubelet may not set this label itself.
	label := []byte(`{"metadata":{"labels":{"node-role.kubernetes.io/control-plane":""}}}`)
	_, err = client.CoreV1().Nodes().Patch(ctx, Name, types.StrategicMergePatchType, label, metav1.PatchOptions{})
	return err
}

// awaitPods waits until the namespace has pods and all of them are ready or done.
func (n *Node) awaitPods(ctx context.Context, namespace string) error {
	client, err := n.client()
	if err != nil {
		return err
	}
	return n.await(ctx, "pods of "+namespace, func() error {
		pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			return err
		}
		for _, pod := range pods.Items {
			if !n.isReady(&pod) {
				return fmt.Errorf("pod %s: %w", pod.Name, errNotReady)
			}
		}
		if len(pods.Items) == 0 {
			return errNotReady
		}
		return nil
	})
}

// isReady reports whether the pod is done, or ready since the node's last start. Before
// the kubelet updates it, a pod's status is from an earlier run.
func (n *Node) isReady(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed || pod.DeletionTimestamp != nil {
		return true
	}
	for _, container := range pod.Status.ContainerStatuses {
		running := container.State.Running
		if running == nil || !container.Ready || !n.sinceStart(running.StartedAt) {
			return false
		}
	}
	return len(pod.Status.ContainerStatuses) > 0
}

// sinceStart reports whether t, in whole seconds, is not before the node's start.
func (n *Node) sinceStart(t metav1.Time) bool { return !t.Time.Before(n.Started.Truncate(time.Second)) }

// await calls check until it returns nil. It returns an error if the node fails or
// startTimeout has passed.
func (n *Node) await(ctx context.Context, what string, check func() error) error {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return nil
		}
		if len(n.Failures()) > 0 {
			return n.failure()
		}
		select {
		case <-n.exited:
			return n.failure()
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
				return fmt.Errorf("the %s is not ready after %s: %w; logs are in %s", what, time.Since(began).Round(time.Second), err, n.Dir.Log())
			}
			return context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (n *Node) client() (*kubernetes.Clientset, error) {
	config, err := n.config()
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}
