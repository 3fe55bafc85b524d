package batchjob

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// hidden remembers, by job, the pods that exist perhaps and that the cache does
// not show. One that leaves the cache with our finalizer on may be gone, or may
// have lost the label by which it is cached; only a live read can say.
type hidden struct {
	mu   sync.Mutex
	jobs map[types.NamespacedName]map[types.UID]string
	// freed are pods that were being deleted when we took our finalizer off, or
	// that the API server does not have: of those it is known that they go.
	freed map[types.NamespacedName]map[types.UID]struct{}
}

func newHidden() *hidden {
	return &hidden{jobs: map[types.NamespacedName]map[types.UID]string{}, freed: map[types.NamespacedName]map[types.UID]struct{}{}}
}

// saw takes in an event of a job's pod.
func (h *hidden) saw(job types.NamespacedName, pod *corev1.Pod, gone bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	_, freed := h.freed[job][pod.UID]
	switch {
	case gone && freed:
	case gone && controllerutil.ContainsFinalizer(pod, v1alpha1.FinalizerJobTracking):
		h.add(job, pod.UID, pod.Name)
	case !gone:
		h.drop(job, pod.UID)
	}
}

// found notes a pod that exists and may lack the label.
func (h *hidden) found(job types.NamespacedName, pod *corev1.Pod) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.add(job, pod.UID, pod.Name)
}

// free notes a pod of which it is known that it goes, or is gone.
func (h *hidden) free(job types.NamespacedName, pod types.UID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.freed[job] == nil {
		h.freed[job] = map[types.UID]struct{}{}
	}
	h.freed[job][pod] = struct{}{}
}

// unseen are the ends that the status knows of and whose pods are neither there
// nor known to be gone: to count such an end could count it twice, as the pod
// may have lost our label and still be held.
func (h *hidden) unseen(job *v1alpha1.BatchJob, pods []*corev1.Pod) (ends []types.UID) {
	there := make(map[types.UID]bool, len(pods))
	for _, p := range pods {
		there[p.UID] = true
	}
	durable := map[types.UID]bool{}
	h.mu.Lock()
	defer h.mu.Unlock()
	freed := h.freed[client.ObjectKeyFromObject(job)]
	if u := job.Status.UncountedTerminatedPods; u != nil {
		for _, uid := range slices.Concat(u.Succeeded, u.Failed, u.Ignored) {
			durable[uid] = true
			if _, known := freed[uid]; !known && !there[uid] {
				ends = append(ends, uid)
			}
		}
	}
	maps.DeleteFunc(freed, func(uid types.UID, _ struct{}) bool { return !durable[uid] && !there[uid] })
	return ends
}

// forget drops what is known of a job that is gone; not the pods, which may
// still be held.
func (h *hidden) forget(job types.NamespacedName) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.freed, job)
}

func (h *hidden) add(job types.NamespacedName, uid types.UID, name string) {
	if h.jobs[job] == nil {
		h.jobs[job] = map[types.UID]string{}
	}
	h.jobs[job][uid] = name
}

func (h *hidden) drop(job types.NamespacedName, uid types.UID) {
	delete(h.jobs[job], uid)
	if len(h.jobs[job]) == 0 {
		delete(h.jobs, job)
	}
}

// gone drops a pod that the API server does not have.
func (h *hidden) gone(job types.NamespacedName, uid types.UID) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.drop(job, uid)
}

// of are a job's, by name.
func (h *hidden) of(job types.NamespacedName) []engine.PodRef {
	h.mu.Lock()
	defer h.mu.Unlock()
	refs := make([]engine.PodRef, 0, len(h.jobs[job]))
	for uid, name := range h.jobs[job] {
		refs = append(refs, engine.PodRef{Name: name, UID: uid})
	}
	slices.SortFunc(refs, func(a, b engine.PodRef) int { return strings.Compare(a.Name+string(a.UID), b.Name+string(b.UID)) })
	return refs
}

// withHidden adds to the pods that were found those that exist all the same.
func (r *Reconciler) withHidden(ctx context.Context, job types.NamespacedName, pods []*corev1.Pod) ([]*corev1.Pod, error) {
	for _, ref := range r.hidden.of(job) {
		if slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return p.UID == ref.UID }) {
			continue
		}
		pod := &corev1.Pod{}
		err := r.Live.Get(ctx, types.NamespacedName{Namespace: job.Namespace, Name: ref.Name}, pod)
		switch {
		case apierrors.IsNotFound(err), err == nil && pod.UID != ref.UID:
			r.hidden.gone(job, ref.UID)
		case err != nil:
			return nil, fmt.Errorf("asking the API server for pod %s, which the cache has ceased to show: %w", ref.Name, err)
		default:
			pods = append(pods, pod)
		}
	}
	return pods, nil
}
