package batchjob

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
	"github.com/stint-dev/stint/controllers/mould"
	"github.com/stint-dev/stint/controllers/report"
)

// observeSelected finds, for a job with a selector of its author, the pods that
// match it and have no controller, and marks those of ours that do not match
// any more. Such pods carry no label of ours, so they are listed live; jobs of
// that kind are rare. What the list shows of ours and the cache does not is ours
// too: a pod that lost its label before the cache had it, or that a late request
// made.
func (r *Reconciler) observeSelected(ctx context.Context, s *sight) error {
	if s.Job == nil || !s.Job.Spec.IsManualSelector() || s.Job.Spec.Selector == nil {
		return nil
	}
	selector, err := metav1.LabelSelectorAsSelector(s.Job.Spec.Selector)
	if err != nil {
		return nil //nolint:nilerr // the engine refuses such a spec, naming the field
	}
	list := &corev1.PodList{}
	if err := r.Live.List(ctx, list, client.InNamespace(s.key.Namespace), client.MatchingLabelsSelector{Selector: selector}); err != nil {
		return fmt.Errorf("asking the API server for the pods that spec.selector of BatchJob %s matches: %w", s.key, err)
	}
	matching := map[types.UID]bool{}
	for i := range list.Items {
		pod := &list.Items[i]
		matching[pod.UID] = true
		ref := metav1.GetControllerOfNoCopy(pod)
		if _, known := s.pods[pod.UID]; !known && (ref == nil || ref.UID == s.Job.UID) {
			s.pods[pod.UID] = pod
			s.Pods = append(s.Pods, factsOf(pod, !r.HideTerminationMessages))
		}
	}
	for i := range s.Pods {
		s.Pods[i].Foreign = !matching[s.Pods[i].UID]
	}
	return nil
}

// leftSelector tells whether a pod of ours lost the label that the generated
// selector asks for.
func leftSelector(job *v1alpha1.BatchJob, pod *corev1.Pod) bool {
	return !job.Spec.IsManualSelector() && pod.Labels[v1alpha1.LabelControllerUID] != string(job.UID)
}

// adopt makes the job the controller of pods, once the API server itself says
// that the job is still there, and ours.
func (r *Reconciler) adopt(ctx context.Context, s *sight, refs []engine.PodRef, out *outcome) {
	if len(refs) == 0 {
		return
	}
	live := &v1alpha1.BatchJob{}
	if err := r.Live.Get(ctx, s.key, live); err != nil || live.UID != s.Job.UID || live.DeletionTimestamp != nil || !r.Shard.Has(live) {
		if err != nil {
			out.fail(fmt.Errorf("asking the API server for BatchJob %s before adopting pods: %w", s.key, err))
		}
		return // the event of its going comes
	}
	owner := metav1.NewControllerRef(s.Job, jobGVK)
	labels := map[string]any{}
	for key, value := range mould.Labels(s.Job, max(1, s.Job.GetRun())) {
		labels[key] = value
	}
	r.each(refs, func(ref engine.PodRef) {
		_, err := r.patch(ctx, s, ref, podPatch{UID: ref.UID, ResourceVersion: s.pods[ref.UID].ResourceVersion,
			Labels: labels, Owners: []any{owner}, Finalizers: []string{v1alpha1.FinalizerJobTracking}})
		switch {
		case err == nil:
		case report.Moved(err):
			out.fail(fmt.Errorf("adopting pod %s: %w", ref.Name, err))
		default:
			out.refuseAdoption(fmt.Errorf("adopting pod %s, which spec.selector matches: %w", ref.Name, err))
			r.refused.add(r.Clock.Now(), s.Job)
		}
	})
}

// disown takes everything of ours off a pod, unless it has changed: it may match
// again.
func (r *Reconciler) disown(ctx context.Context, s *sight, ref engine.PodRef, out *outcome) {
	_, err := r.patch(ctx, s, ref, podPatch{UID: ref.UID, ResourceVersion: s.pods[ref.UID].ResourceVersion,
		Labels: map[string]any{v1alpha1.LabelJobUID: nil, v1alpha1.LabelJob: nil},
		Owners: []any{map[string]any{"$patch": "delete", "uid": s.Job.UID}},
		Remove: []string{v1alpha1.FinalizerJobTracking}})
	if client.IgnoreNotFound(err) != nil {
		out.fail(fmt.Errorf("giving up pod %s, which left the selector: %w", ref.Name, err))
	}
}

// podPatch is a strategic merge patch of a pod's metadata. Lists in it are
// merged with, or taken out of, what others have put there.
type podPatch struct {
	UID             types.UID      `json:"uid"`
	ResourceVersion string         `json:"resourceVersion,omitempty"`
	Labels          map[string]any `json:"labels,omitempty"`
	Owners          []any          `json:"ownerReferences,omitempty"`
	Finalizers      []string       `json:"finalizers,omitempty"`
	Remove          []string       `json:"$deleteFromPrimitiveList/finalizers,omitempty"`
}

func withoutFinalizer(uid types.UID, version string) podPatch {
	return podPatch{UID: uid, ResourceVersion: version, Remove: []string{v1alpha1.FinalizerJobTracking}}
}

var podGVK = corev1.SchemeGroupVersion.WithKind("Pod")

// patch returns the version that the pod has now.
func (r *Reconciler) patch(ctx context.Context, s *sight, ref engine.PodRef, p podPatch) (version string, err error) {
	data, err := json.Marshal(map[string]podPatch{"metadata": p})
	if err != nil {
		return "", err
	}
	// The answer to a request for the metadata is the metadata.
	pod := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: s.key.Namespace, Name: ref.Name}}
	pod.SetGroupVersionKind(podGVK)
	if err := r.Client.Patch(ctx, pod, client.RawPatch(types.StrategicMergePatchType, data)); err != nil {
		return "", err
	}
	if s.Job != nil {
		r.fresh.wrotePod(s.Job, pod.ResourceVersion)
	}
	if len(p.Remove) > 0 {
		r.fresh.freedPod(ref.UID, pod.ResourceVersion)
	}
	return pod.ResourceVersion, nil
}
