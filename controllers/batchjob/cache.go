package batchjob

import (
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/features"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// PodIndex is the cache index from a job's name to its pods, of whatever UID:
// an index by owner, as a list by selector costs a walk over all pods.
const PodIndex = "stint.job"

// IndexPod gives the value of PodIndex.
func IndexPod(obj client.Object) []string {
	if name, _ := ownerOf(obj); name != "" {
		return []string{name}
	}
	return nil
}

// ownerOf is the BatchJob that a pod belongs to: its controller, or, where the
// garbage collector has orphaned it, the one that its labels name.
func ownerOf(pod client.Object) (name string, uid types.UID) {
	if ref := metav1.GetControllerOfNoCopy(pod); ref != nil {
		if ref.Kind == "BatchJob" && ref.APIVersion == v1alpha1.GroupVersion.String() {
			return ref.Name, ref.UID
		}
		return pod.GetLabels()[v1alpha1.LabelJobName], ""
	}
	l := pod.GetLabels()
	return l[v1alpha1.LabelJobName], types.UID(l[v1alpha1.LabelJobUID])
}

// PodCache is the cluster's pods as far as they are cached: those with our own
// label, and of them what facts.go reads. It knows how far they have come.
type PodCache struct {
	mu     sync.Mutex
	stores []toolscache.Store
}

// AddTo makes it a part of a cache that has yet to be made.
func (c *PodCache) AddTo(o *cache.Options) error {
	if !features.FeatureGates().Enabled(features.AtomicFIFO) {
		return errors.New("KUBE_FEATURE_AtomicFIFO is false: without it nothing tells how old the cached pods are; do not set it")
	}
	ours, err := labels.NewRequirement(v1alpha1.LabelJobUID, selection.Exists, nil)
	if err != nil {
		return fmt.Errorf("selecting pods by label %s: %w", v1alpha1.LabelJobUID, err)
	}
	if o.ByObject == nil {
		o.ByObject = map[client.Object]cache.ByObject{}
	}
	o.ByObject[&corev1.Pod{}] = cache.ByObject{Label: labels.NewSelector().Add(*ours), Transform: TrimPod}
	o.NewInformer = c.newInformer
	return nil
}

// newInformer remembers the stores of the informers of pods: one, or one for
// each namespace.
func (c *PodCache) newInformer(lw toolscache.ListerWatcher, obj runtime.Object, resync time.Duration, by toolscache.Indexers,
) toolscache.SharedIndexInformer {
	informer := toolscache.NewSharedIndexInformer(lw, obj, resync, by)
	if _, pods := obj.(*corev1.Pod); pods {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.stores = append(c.stores, informer.GetStore())
	}
	return informer
}

// Version is the oldest that one of the stores stands at. A store changes
// together with its version, also when it takes over a whole list at once.
func (c *PodCache) Version() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	oldest := ""
	for i, store := range c.stores {
		if v := store.LastStoreSyncResourceVersion(); i == 0 || newer(oldest, v) {
			oldest = v
		}
	}
	return oldest
}

// TrimPod keeps of a pod what this package reads. A cached pod is never written
// back; patches name what they change.
func TrimPod(obj any) (any, error) {
	pod, ok := obj.(*corev1.Pod)
	if !ok {
		return obj, nil
	}
	trimmed := &corev1.Pod{ObjectMeta: pod.ObjectMeta}
	trimmed.ManagedFields, trimmed.GenerateName = nil, ""
	trimmed.Labels = pick(pod.Labels, v1alpha1.LabelJobUID, v1alpha1.LabelJobName, v1alpha1.LabelRun, v1alpha1.LabelControllerUID)
	trimmed.Annotations = pick(pod.Annotations, v1alpha1.AnnotationRevision, v1alpha1.AnnotationCompletionIndex,
		v1alpha1.AnnotationIndexFailureCount, v1alpha1.AnnotationIndexIgnoredFailureCount)
	trimmed.Spec.NodeName = pod.Spec.NodeName
	trimmed.Status = corev1.PodStatus{
		Phase: pod.Status.Phase, Reason: pod.Status.Reason, Message: pod.Status.Message,
		InitContainerStatuses: trimContainers(pod.Status.InitContainerStatuses),
		ContainerStatuses:     trimContainers(pod.Status.ContainerStatuses),
	}
	trimmed.Status.Conditions = trimConditions(pod.Status.Conditions)
	return trimmed, nil
}

// trimConditions keeps type and status of all, which podFailurePolicy may name,
// and more of those that tell when or why.
func trimConditions(conditions []corev1.PodCondition) []corev1.PodCondition {
	out := make([]corev1.PodCondition, 0, len(conditions))
	for _, c := range conditions {
		switch c.Type {
		case corev1.PodReady, corev1.PodScheduled, v1alpha1.PodConditionStartTimeout:
			out = append(out, c)
		default:
			out = append(out, corev1.PodCondition{Type: c.Type, Status: c.Status})
		}
	}
	return out
}

func trimContainers(statuses []corev1.ContainerStatus) []corev1.ContainerStatus {
	var out []corev1.ContainerStatus
	for i := range statuses {
		s := &statuses[i]
		t := corev1.ContainerStatus{Name: s.Name, RestartCount: s.RestartCount,
			State: trimState(s.State), LastTerminationState: trimState(s.LastTerminationState)}
		if s.State.Waiting != nil {
			t.Image = s.Image
		}
		out = append(out, t)
	}
	return out
}

// trimState drops the container's id, which nobody here reads.
func trimState(state corev1.ContainerState) corev1.ContainerState {
	if state.Terminated != nil {
		ended := *state.Terminated
		ended.ContainerID = ""
		state.Terminated = &ended
	}
	return state
}

func pick(m map[string]string, keys ...string) map[string]string {
	out := make(map[string]string, len(keys))
	for _, key := range keys {
		if v, ok := m[key]; ok {
			out[key] = v
		}
	}
	return out
}
