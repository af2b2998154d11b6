package provider

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// await waits until the object is ready and returns it as it is then. On timeout the error
// carries the object's own message and the reasons of its failing pods.
func (c *cluster) await(ctx context.Context, obj *unstructured.Unstructured, report func(string)) (*unstructured.Unstructured, error) {
	live := obj
	err := c.until(ctx, func() (bool, error) {
		ready, why, err := c.ready(ctx, live)
		if ready || err != nil {
			return ready, err
		}
		report(why)
		next, err := c.get(ctx, obj)
		switch {
		case apierrors.IsNotFound(err):
			return false, fmt.Errorf("deleted by someone else while waiting for it: %s", why)
		case err != nil:
			return false, err
		}
		live = next
		return false, notYet(why)
	})
	if err == nil {
		if live != obj {
			report("ready")
		}
		return live, nil
	}
	// The operation's time is up; finding out why gets a little of its own.
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
	defer stop()
	if problems := c.problems(ctx, live); len(problems) > 0 {
		err = fmt.Errorf("%w\n  %s", err, strings.Join(problems, "\n  "))
	}
	return nil, err
}

// ready tells whether the object does what it is there for and, if not, what is missing.
// The error says that waiting is in vain.
func (c *cluster) ready(ctx context.Context, live *unstructured.Unstructured) (bool, string, error) {
	if annotated(live, skipAwaitAnnotation) {
		return true, "", nil
	}
	switch live.GroupVersionKind().GroupKind() {
	case schema.GroupKind{Kind: "PersistentVolumeClaim"}:
		return c.claimReady(ctx, live)
	case schema.GroupKind{Kind: "Service"}:
		return c.serviceReady(ctx, live)
	case schema.GroupKind{Group: "batch", Kind: "Job"}:
		return jobReady(live)
	case schema.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"}:
		return hasAddress(live)
	}
	result, err := computed(live)
	if err != nil {
		return false, "", err
	}
	return result.Status == status.CurrentStatus, result.Message, nil
}

// claimReady: a claim is ready when bound, or when only its first pod will get it bound.
func (c *cluster) claimReady(ctx context.Context, live *unstructured.Unstructured) (bool, string, error) {
	var claim corev1.PersistentVolumeClaim
	if err := decode(live, &claim); err != nil {
		return false, "", err
	}
	switch claim.Status.Phase {
	case corev1.ClaimBound:
		return true, "", nil
	case corev1.ClaimLost:
		return false, "", fmt.Errorf("its volume %q is gone", claim.Spec.VolumeName)
	}
	why := "waiting for a volume"
	if name := claim.Spec.StorageClassName; name != nil && *name != "" {
		why = fmt.Sprintf("waiting for a volume of storage class %q", *name)
		obj, err := c.dynamic.Resource(storagev1.SchemeGroupVersion.WithResource("storageclasses")).Get(ctx, *name, metav1.GetOptions{})
		if err != nil {
			return false, why, nil // the class may come later
		}
		mode, _, _ := unstructured.NestedString(obj.Object, "volumeBindingMode")
		return mode == string(storagev1.VolumeBindingWaitForFirstConsumer), why, nil
	}
	return false, why, nil
}

// serviceReady: a Service is ready with one ready endpoint and, if it asks for a load
// balancer, with that one's address. Headless ones and those without a selector are ready
// as they are.
func (c *cluster) serviceReady(ctx context.Context, live *unstructured.Unstructured) (bool, string, error) {
	var svc corev1.Service
	if err := decode(live, &svc); err != nil {
		return false, "", err
	}
	headless := svc.Spec.ClusterIP == corev1.ClusterIPNone
	if svc.Spec.Type == corev1.ServiceTypeExternalName || headless || len(svc.Spec.Selector) == 0 {
		return true, "", nil
	}
	if svc.Spec.Type == corev1.ServiceTypeLoadBalancer {
		if ok, why, err := hasAddress(live); !ok {
			return false, why, err
		}
	}
	list, err := c.dynamic.Resource(discoveryv1.SchemeGroupVersion.WithResource("endpointslices")).Namespace(svc.Namespace).
		List(ctx, metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=" + svc.Name})
	if err != nil {
		return false, "", err
	}
	for i := range list.Items {
		var slice discoveryv1.EndpointSlice
		if err := decode(&list.Items[i], &slice); err != nil {
			return false, "", err
		}
		// A missing condition counts as ready: https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/
		if slices.ContainsFunc(slice.Endpoints, func(e discoveryv1.Endpoint) bool {
			return e.Conditions.Ready == nil || *e.Conditions.Ready
		}) {
			return true, "", nil
		}
	}
	return false, "waiting for a ready pod that its selector matches", nil
}

// computed is what kstatus makes of an object; its failure is an error.
func computed(live *unstructured.Unstructured) (*status.Result, error) {
	result, err := status.Compute(live)
	if err == nil && result.Status == status.FailedStatus {
		err = fmt.Errorf("failed: %s", result.Message)
	}
	return result, err
}

func jobReady(live *unstructured.Unstructured) (bool, string, error) {
	result, err := computed(live)
	if err != nil {
		return false, "", err
	}
	// kstatus counts a running job as current, the official provider waits for its end.
	completed := slices.ContainsFunc(conditions(live), func(c metav1.Condition) bool {
		return c.Type == "Complete" && c.Status == metav1.ConditionTrue
	})
	return completed, result.Message, nil
}

func hasAddress(live *unstructured.Unstructured) (bool, string, error) {
	addresses, _, err := unstructured.NestedSlice(live.Object, "status", "loadBalancer", "ingress")
	return len(addresses) > 0, "waiting for a load balancer's address", err
}

func conditions(live *unstructured.Unstructured) []metav1.Condition {
	var typed struct {
		Status struct {
			Conditions []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	if err := decode(live, &typed); err != nil {
		return nil
	}
	return typed.Status.Conditions
}

func decode(u *unstructured.Unstructured, into any) error {
	return runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, into)
}

// Bounds of what a failed wait reports.
const (
	maxPods     = 5
	logTail     = 5 // lines of a crashed container's log
	maxWarnings = 3
)

// problems collects why the object is not ready: its own warning events and, pod by pod,
// the containers that do not run.
func (c *cluster) problems(ctx context.Context, live *unstructured.Unstructured) []string {
	problems := c.warnings(ctx, live)
	for _, pod := range c.pods(ctx, live) {
		found := podProblems(&pod, func(container string) string { return c.lastLog(ctx, &pod, container) })
		if podReady(&pod) {
			continue
		}
		u := &unstructured.Unstructured{Object: map[string]any{}}
		u.SetNamespace(pod.Namespace)
		u.SetUID(pod.UID)
		for _, w := range c.warnings(ctx, u) {
			found = append(found, "event "+w)
		}
		for _, p := range found {
			problems = append(problems, fmt.Sprintf("pod %s: %s", pod.Name, p))
		}
	}
	return problems
}

func podReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// podProblems reads from a pod's status what keeps it; lastLog fetches the end of a
// crashed container's log.
func podProblems(pod *corev1.Pod, lastLog func(container string) string) []string {
	var problems []string
	for _, cond := range pod.Status.Conditions {
		if cond.Type == corev1.PodScheduled && cond.Status == corev1.ConditionFalse {
			problems = append(problems, "not scheduled: "+cond.Message)
		}
	}
	for _, s := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		ended := s.State.Terminated
		if ended == nil {
			ended = s.LastTerminationState.Terminated
		}
		crashed := ended != nil && ended.ExitCode != 0
		waiting := s.State.Waiting != nil && s.State.Waiting.Reason != "PodInitializing" && s.State.Waiting.Reason != "ContainerCreating"
		switch {
		case crashed:
			p := fmt.Sprintf("container %s: ended with exit code %d (%s), %d restarts", s.Name, ended.ExitCode, ended.Reason, s.RestartCount)
			if log := strings.TrimSpace(lastLog(s.Name)); log != "" {
				p += "; its log ends:\n      " + strings.ReplaceAll(log, "\n", "\n      ")
			}
			problems = append(problems, p)
		case waiting:
			problems = append(problems, fmt.Sprintf("container %s: %s: %s", s.Name, s.State.Waiting.Reason, s.State.Waiting.Message))
		case s.State.Running != nil && !s.Ready:
			problems = append(problems, fmt.Sprintf("container %s: running and not ready", s.Name))
		}
	}
	return problems
}

// pods lists the pods that the object selects, or the pod itself.
func (c *cluster) pods(ctx context.Context, live *unstructured.Unstructured) []corev1.Pod {
	var selected []corev1.Pod
	if live.GetKind() == "Pod" {
		var pod corev1.Pod
		if decode(live, &pod) == nil {
			selected = append(selected, pod)
		}
		return selected
	}
	selector := podSelector(live)
	if selector == nil || selector.Empty() {
		return nil
	}
	list, err := c.dynamic.Resource(corev1.SchemeGroupVersion.WithResource("pods")).Namespace(live.GetNamespace()).
		List(ctx, metav1.ListOptions{LabelSelector: selector.String(), Limit: maxPods})
	if err != nil {
		return nil
	}
	for i := range list.Items {
		var pod corev1.Pod
		if decode(&list.Items[i], &pod) == nil {
			selected = append(selected, pod)
		}
	}
	return selected
}

// podSelector is a workload's label selector or a Service's map of labels.
func podSelector(live *unstructured.Unstructured) labels.Selector {
	if live.GetKind() == "Service" {
		set, _, _ := unstructured.NestedStringMap(live.Object, "spec", "selector")
		return labels.SelectorFromSet(set)
	}
	var typed struct {
		Spec struct {
			Selector *metav1.LabelSelector `json:"selector"`
		} `json:"spec"`
	}
	if decode(live, &typed) != nil {
		return nil
	}
	selector, err := metav1.LabelSelectorAsSelector(typed.Spec.Selector)
	if err != nil {
		return nil
	}
	return selector
}

// warnings are the latest distinct warning events of an object.
func (c *cluster) warnings(ctx context.Context, live *unstructured.Unstructured) []string {
	if live.GetUID() == "" || live.GetNamespace() == "" {
		return nil
	}
	list, err := c.dynamic.Resource(corev1.SchemeGroupVersion.WithResource("events")).Namespace(live.GetNamespace()).
		List(ctx, metav1.ListOptions{FieldSelector: "type=Warning,involvedObject.uid=" + string(live.GetUID())})
	if err != nil {
		return nil
	}
	var found []string
	for i := range list.Items {
		var event corev1.Event
		if decode(&list.Items[i], &event) != nil {
			continue
		}
		if w := event.Reason + ": " + event.Message; !slices.Contains(found, w) {
			found = append(found, w)
		}
	}
	return found[max(0, len(found)-maxWarnings):]
}

// lastLog is the end of the log that a crashed container has left.
func (c *cluster) lastLog(ctx context.Context, pod *corev1.Pod, container string) string {
	if c.rest == nil {
		return ""
	}
	for _, previous := range []string{"false", "true"} {
		out, err := c.rest.Get().AbsPath("/api/v1/namespaces", pod.Namespace, "pods", pod.Name, "log").
			Param("container", container).Param("previous", previous).Param("tailLines", fmt.Sprint(logTail)).DoRaw(ctx)
		if err == nil && len(out) > 0 {
			return string(out)
		}
	}
	return ""
}
