package batchjob

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	"unique"

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
		return labelledName(pod), ""
	}
	return labelledName(pod), types.UID(pod.GetLabels()[v1alpha1.LabelJobUID])
}

func labelledName(pod client.Object) string {
	l := pod.GetLabels()
	if name := l[v1alpha1.LabelJob]; name != "" {
		return name
	}
	return l[v1alpha1.LabelJobName]
}

// PodCache is the cluster's pods as far as they are cached: those with our own
// label, and of them what facts.go reads. It knows how far they have come,
// and the BatchJobs beside them.
type PodCache struct {
	mu   sync.Mutex
	pods []toolscache.Store
	jobs []toolscache.Store
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

// newInformer remembers the stores of the informers: one of each kind, or one
// for each namespace.
func (c *PodCache) newInformer(lw toolscache.ListerWatcher, obj runtime.Object, resync time.Duration, by toolscache.Indexers,
) toolscache.SharedIndexInformer {
	informer := toolscache.NewSharedIndexInformer(lw, obj, resync, by)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch obj.(type) {
	case *corev1.Pod:
		c.pods = append(c.pods, informer.GetStore())
	case *v1alpha1.BatchJob:
		c.jobs = append(c.jobs, informer.GetStore())
	}
	return informer
}

// Version is the oldest that one of the stores stands at. A store changes
// together with its version, also when it takes over a whole list at once.
func (c *PodCache) Version() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return oldest(c.pods)
}

// Jobs tells the same of the BatchJobs.
func (c *PodCache) Jobs() JobVersion { return JobVersion{c} }

// JobVersion is how far the cached BatchJobs have come.
type JobVersion struct{ cache *PodCache }

// Version is the oldest that one of their stores stands at.
func (v JobVersion) Version() string {
	v.cache.mu.Lock()
	defer v.cache.mu.Unlock()
	return oldest(v.cache.jobs)
}

func oldest(stores []toolscache.Store) string {
	oldest := ""
	for i, store := range stores {
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
	m := &pod.ObjectMeta
	trimmed := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: m.Name, Namespace: shared(m.Namespace), UID: m.UID, ResourceVersion: m.ResourceVersion,
		CreationTimestamp: m.CreationTimestamp, DeletionTimestamp: m.DeletionTimestamp, DeletionGracePeriodSeconds: m.DeletionGracePeriodSeconds,
		Labels: pick(m.Labels, v1alpha1.LabelJobUID, v1alpha1.LabelJobName, v1alpha1.LabelJob, v1alpha1.LabelRun, v1alpha1.LabelControllerUID),
		Annotations: pick(m.Annotations, v1alpha1.AnnotationRevision, v1alpha1.AnnotationCompletionIndex,
			v1alpha1.AnnotationIndexFailureCount, v1alpha1.AnnotationIndexIgnoredFailureCount),
		OwnerReferences: trimOwners(m.OwnerReferences),
	}}
	for _, f := range m.Finalizers {
		trimmed.Finalizers = append(trimmed.Finalizers, shared(f))
	}
	trimmed.Spec.NodeName = shared(pod.Spec.NodeName)
	s := &pod.Status
	trimmed.Status = corev1.PodStatus{
		Phase: shared(s.Phase), Reason: shared(s.Reason), Message: s.Message,
		InitContainerStatuses: trimContainers(s.InitContainerStatuses),
		ContainerStatuses:     trimContainers(s.ContainerStatuses),
		Conditions:            trimConditions(pod),
	}
	return trimmed, nil
}

// shared is the same text for all who have it. What the pods of a job have in
// common takes more room than what they have not.
func shared[S ~string](s S) S { return unique.Make(s).Value() }

// trimOwners keeps the controller, of which ownerOf and the garbage of others
// ask.
func trimOwners(refs []metav1.OwnerReference) []metav1.OwnerReference {
	for i := range refs {
		if ref := &refs[i]; ref.Controller != nil && *ref.Controller {
			return []metav1.OwnerReference{{APIVersion: shared(ref.APIVersion), Kind: shared(ref.Kind), Name: shared(ref.Name),
				UID: shared(ref.UID), Controller: &yes}}
		}
	}
	return nil
}

var yes = true

// trimConditions keeps what tells when a pod was ready and why it does not
// start; of one that fails or is deleted also type and status of all others,
// which podFailurePolicy may name.
func trimConditions(pod *corev1.Pod) []corev1.PodCondition {
	var kept []corev1.PodCondition
	failing := pod.Status.Phase == corev1.PodFailed || pod.DeletionTimestamp != nil
	for i := range pod.Status.Conditions {
		c := &pod.Status.Conditions[i]
		t := corev1.PodCondition{Type: shared(c.Type), Status: shared(c.Status)}
		switch {
		case c.Type == corev1.PodReady:
			t.LastTransitionTime = c.LastTransitionTime
		case c.Type == v1alpha1.PodConditionStartTimeout, c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse:
			t.Reason, t.Message = shared(c.Reason), c.Message
		case !failing:
			continue
		}
		kept = append(kept, t)
	}
	return slices.Clip(kept)
}

func trimContainers(statuses []corev1.ContainerStatus) []corev1.ContainerStatus {
	if len(statuses) == 0 {
		return nil
	}
	out := make([]corev1.ContainerStatus, 0, len(statuses))
	for i := range statuses {
		s := &statuses[i]
		t := corev1.ContainerStatus{Name: shared(s.Name), RestartCount: s.RestartCount,
			State: trimState(s.State), LastTerminationState: trimState(s.LastTerminationState)}
		if s.State.Waiting != nil {
			t.Image = shared(s.Image)
		}
		out = append(out, t)
	}
	return out
}

// trimState keeps when and why; of a running container, that it runs.
func trimState(state corev1.ContainerState) corev1.ContainerState {
	switch {
	case state.Terminated != nil:
		t := state.Terminated
		return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: t.ExitCode, Reason: shared(t.Reason), Message: t.Message, FinishedAt: t.FinishedAt}}
	case state.Running != nil:
		return corev1.ContainerState{Running: &running}
	case state.Waiting != nil:
		return corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: shared(state.Waiting.Reason), Message: state.Waiting.Message}}
	}
	return corev1.ContainerState{}
}

var running corev1.ContainerStateRunning

func pick(m map[string]string, keys ...string) map[string]string {
	out := make(map[string]string, len(keys))
	for _, key := range keys {
		if v, ok := m[key]; ok {
			out[key] = shared(v)
		}
	}
	return out
}
