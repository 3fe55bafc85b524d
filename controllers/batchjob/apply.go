package batchjob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
)

// outcome collects what became of the orders of one plan.
type outcome struct {
	report.Done
	mu sync.Mutex
	// failures are errors that ask for another try of the whole plan.
	failures []error
	// moved: a pod was not as it had been observed. The event of that should
	// come; a server may also say so for reasons of its own.
	moved bool
}

func (o *outcome) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.failures = append(o.failures, err)
}

// apply carries out a plan's orders on pods. Each order stands by itself, so
// one that fails does not stop the others.
func (r *Reconciler) apply(ctx context.Context, s *sight, plan engine.Plan) *outcome {
	out := &outcome{}
	r.adopt(ctx, s, plan.Adopt, out)
	r.each(plan.Disown, func(ref engine.PodRef) { r.disown(ctx, s, ref, out) })
	r.each(plan.Release, func(ref engine.PodRef) { r.release(ctx, s, ref, out) })
	r.each(plan.Drop, func(ref engine.PodRef) { r.drop(ctx, s, ref, out) })
	r.each(plan.Delete, func(ref engine.PodRef) { r.deleteOne(ctx, s, ref, out) })
	r.parallel(len(plan.Expire), func(i int) { r.expire(ctx, s, plan.Expire[i], out) })
	r.each(plan.Track, func(ref engine.PodRef) { r.track(ctx, s, ref, out) })
	r.create(ctx, s, plan.Create, out)
	r.try(ctx, s, plan.Try, out)
	if s.Job != nil {
		r.Voice.Acted(s.Job, out.Done)
	}
	return out
}

func (r *Reconciler) each(refs []engine.PodRef, do func(engine.PodRef)) {
	r.parallel(len(refs), func(i int) { do(refs[i]) })
}

// release takes our finalizer off. The UID in the patch keeps it from a later
// pod of the same name.
func (r *Reconciler) release(ctx context.Context, s *sight, ref engine.PodRef, out *outcome) {
	_, err := r.patch(ctx, s, ref, withoutFinalizer(ref.UID, ""))
	gone := apierrors.IsNotFound(err) || apierrors.IsInvalid(err)
	if gone || err == nil && s.pods[ref.UID].DeletionTimestamp != nil {
		r.hidden.free(s.key, ref.UID)
	}
	if err != nil && !gone {
		out.fail(fmt.Errorf("taking our finalizer off pod %s: %w", ref.Name, err))
	}
}

// drop releases and deletes an active pod that nobody changed since it was
// observed, nor between the two; its end is not counted, so it must not have
// come in between.
func (r *Reconciler) drop(ctx context.Context, s *sight, ref engine.PodRef, out *outcome) {
	version, err := r.patch(ctx, s, ref, withoutFinalizer(ref.UID, s.pods[ref.UID].ResourceVersion))
	if err == nil {
		r.remove(ctx, s, ref, version, out)
		return
	}
	out.kept(err)
	if !report.Moved(err) {
		out.fail(fmt.Errorf("taking our finalizer off pod %s to remove it: %w", ref.Name, err))
	}
}

// deleteOne deletes a pod whose end is counted, or one that was let go: that
// only as it was observed, as somebody may have taken it up again.
func (r *Reconciler) deleteOne(ctx context.Context, s *sight, ref engine.PodRef, out *outcome) {
	version := ""
	if pod := s.pods[ref.UID]; !controllerutil.ContainsFinalizer(pod, v1alpha1.FinalizerJobTracking) {
		version = pod.ResourceVersion
	}
	r.remove(ctx, s, ref, version, out)
}

// remove deletes a pod gracefully, where a version is given only at that one.
func (r *Reconciler) remove(ctx context.Context, s *sight, ref engine.PodRef, version string, out *outcome) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.key.Namespace, Name: ref.Name}}
	only := client.Preconditions{UID: &ref.UID}
	if version != "" {
		only.ResourceVersion = &version
	}
	err := r.Client.Delete(ctx, pod, only)
	switch {
	case err == nil:
		if s.Job != nil {
			r.fresh.deletedPod(s.Job, ref.UID)
		}
		out.mu.Lock()
		out.Deleted = append(out.Deleted, ref.Name)
		out.mu.Unlock()
	case apierrors.IsNotFound(err):
	default:
		out.kept(err)
		if !report.Moved(err) {
			out.fail(fmt.Errorf("deleting pod %s: %w", ref.Name, err))
		}
	}
}

// expire says on the pod why it is ended, so that podFailurePolicy can match it,
// and deletes it.
func (r *Reconciler) expire(ctx context.Context, s *sight, e engine.Expiry, out *outcome) {
	data, err := json.Marshal(map[string]any{"metadata": podPatch{UID: e.UID}, "status": corev1.PodStatus{
		Conditions: []corev1.PodCondition{{Type: v1alpha1.PodConditionStartTimeout, Status: corev1.ConditionTrue,
			Reason: v1alpha1.ReasonStartTimeout, Message: e.Message, LastTransitionTime: metav1.NewTime(s.Now)}}}})
	if err == nil {
		pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: s.key.Namespace, Name: e.Name}}
		err = r.Client.Status().Patch(ctx, pod, client.RawPatch(types.StrategicMergePatchType, data))
	}
	if err != nil {
		out.kept(err)
		if !report.Moved(err) {
			out.fail(fmt.Errorf("setting condition %s of pod %s: %w", v1alpha1.PodConditionStartTimeout, e.Name, err))
		}
		return
	}
	r.remove(ctx, s, e.PodRef, "", out)
}

// kept notes a pod that was to be removed and still runs.
func (o *outcome) kept(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !apierrors.IsNotFound(err) {
		o.NotRemoved++
		o.moved = true
	}
}

// track puts back our finalizer and labels.
func (r *Reconciler) track(ctx context.Context, s *sight, ref engine.PodRef, out *outcome) {
	pod := s.pods[ref.UID]
	patch := podPatch{UID: ref.UID, ResourceVersion: pod.ResourceVersion,
		Finalizers: []string{v1alpha1.FinalizerJobTracking},
		Labels:     map[string]any{v1alpha1.LabelJobUID: string(s.Job.UID), v1alpha1.LabelRun: strconv.FormatInt(max(1, s.Job.GetRun()), 10)}}
	if _, err := r.patch(ctx, s, ref, patch); client.IgnoreNotFound(err) != nil {
		out.fail(fmt.Errorf("putting our finalizer back on pod %s: %w", ref.Name, err))
	}
}

// create makes pods in batches of 1, 2, 4…, as batch/v1 does: where the first
// is refused, the others are not asked for.
func (r *Reconciler) create(ctx context.Context, s *sight, orders []engine.PodOrder, out *outcome) {
	for size := 1; len(orders) > 0; size *= 2 {
		batch := orders[:min(size, len(orders))]
		r.parallel(len(batch), func(i int) { r.createOne(ctx, s, batch[i], out) })
		orders = orders[len(batch):]
		if out.Err != nil {
			out.NotCreated += int32(len(orders)) //nolint:gosec // a plan orders at most 500
			break
		}
	}
	switch {
	case out.Err != nil && report.Classify(out.Err) == report.Later:
		r.refused.add(r.Clock.Now(), s.Job)
	case len(out.Created) > 0:
		r.refused.forget(s.key)
	}
}

func (r *Reconciler) createOne(ctx context.Context, s *sight, order engine.PodOrder, out *outcome) {
	pod := newPod(s.Job, order)
	err := r.Client.Create(ctx, pod)
	switch {
	case err == nil:
		r.fresh.wrotePod(s.Job, pod.ResourceVersion)
	case apierrors.IsAlreadyExists(err):
		if err = r.madeBefore(ctx, s, order); err == nil {
			return
		}
	case report.InDoubt(err):
		r.fresh.doubtJob(s.Job)
	}
	out.mu.Lock()
	defer out.mu.Unlock()
	if err == nil {
		out.Created = append(out.Created, pod.Name)
		return
	}
	out.NotCreated++
	out.setErr(err)
}

// refuse notes a pod that the API server would not take.
func (o *outcome) refuse(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.setErr(err)
}

// refuseAdoption notes a pod that the API server would not let us take over.
func (o *outcome) refuseAdoption(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.Adopting = true
	o.setErr(err)
}

// setErr keeps the worst error; called with the lock held.
func (o *outcome) setErr(err error) {
	if o.Err == nil || report.Classify(err) == report.Never {
		o.Err = err
	}
}

// try asks for a pod without making it. Only a refusal for good matters: quota
// and the like may be different when its time comes.
func (r *Reconciler) try(ctx context.Context, s *sight, order *engine.PodOrder, out *outcome) {
	if order == nil {
		return
	}
	if err := r.Client.Create(ctx, newPod(s.Job, *order), client.DryRunAll); err != nil && report.Classify(err) == report.Never {
		out.refuse(err)
	}
}

// madeBefore looks at a pod that has the name already: an order of an earlier
// observation made it, which the cache has yet to show. That one counts.
func (r *Reconciler) madeBefore(ctx context.Context, s *sight, order engine.PodOrder) error {
	pod := &corev1.Pod{}
	if err := r.Live.Get(ctx, types.NamespacedName{Namespace: s.key.Namespace, Name: order.Name}, pod); err != nil {
		return fmt.Errorf("looking at pod %s, which exists already: %w", order.Name, err)
	}
	if _, uid := ownerOf(pod); uid != s.Job.UID {
		r.taken.add(s.Job, order.Name)
		return fmt.Errorf("pod %s exists and does not belong to this BatchJob; the next name is tried", order.Name)
	}
	r.fresh.wrotePod(s.Job, pod.ResourceVersion)
	if pod.Labels[v1alpha1.LabelJobUID] == "" {
		r.hidden.found(s.key, pod)
	}
	return nil
}

// displayPause is how long a change that only people see, of the number of ready
// pods or of what the columns say, waits for company.
const displayPause = time.Second

// record writes the status, where there is something to write, and then speaks.
// wait is not zero when the write is worth making only later.
func (r *Reconciler) record(ctx context.Context, s *sight, plan engine.Plan, done report.Done) (wait time.Duration, err error) {
	if plan.Status == nil || s.Job == nil {
		return 0, nil
	}
	if len(plan.Adopt) > 0 && done.Err == nil {
		return 0, nil // the adopted pods are in no count yet; the next look has them
	}
	before, after := &s.Job.Status, report.Status(s.Now, s.Job, plan, done)
	if equality.Semantic.DeepEqual(before, after) {
		return 0, nil
	}
	if wait = r.fresh.lastWrite(s.Job).Add(displayPause).Sub(s.Now); wait > 0 && displayOnly(before, after) {
		return wait, nil
	}
	after.Shard = r.Shard.Name() // with what else there is to write: never worth a write
	version, err := r.writeStatus(ctx, s.Job, after)
	if err != nil {
		if report.InDoubt(err) {
			r.fresh.doubtJob(s.Job)
		}
		return 0, fmt.Errorf("writing the status of BatchJob %s: %w", s.key, err)
	}
	r.fresh.wroteJob(s.Job, version, s.Now)
	r.Voice.Wrote(s.Job, before, after)
	return 0, nil
}

var jobGVK = v1alpha1.GroupVersion.WithKind(v1alpha1.BatchJobKind)

// writeStatus replaces the status of the job as it was observed; of one that
// changed since, the API server refuses it as a conflict, as it would an update.
// Unlike an update, a patch need not carry the spec with its template, nor bring
// it back: the answer is the metadata.
func (r *Reconciler) writeStatus(ctx context.Context, job *v1alpha1.BatchJob, status *v1alpha1.BatchJobStatus) (version string, err error) {
	data, err := json.Marshal([]jsonPatch{
		{"replace", "/metadata/resourceVersion", job.ResourceVersion},
		{"add", "/status", status},
	})
	if err != nil {
		return "", err
	}
	answer := &metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: job.Name}}
	answer.SetGroupVersionKind(jobGVK)
	err = r.Client.Status().Patch(ctx, answer, client.RawPatch(types.JSONPatchType, data))
	return answer.ResourceVersion, err
}

// jsonPatch is one step of a JSON patch (RFC 6902); "add" replaces what is there.
type jsonPatch struct {
	Op    string `json:"op"`
	Path  string `json:"path"`
	Value any    `json:"value"`
}

func displayOnly(before, after *v1alpha1.BatchJobStatus) bool {
	same := *before.DeepCopy()
	same.Ready, same.Phase, same.Reason = after.Ready, after.Phase, after.Reason
	for i := range same.Conditions {
		if c := meta.FindStatusCondition(after.Conditions, same.Conditions[i].Type); c != nil {
			same.Conditions[i].Message = c.Message
		}
	}
	return equality.Semantic.DeepEqual(&same, after)
}

// deleteJob removes a job whose time has come, its pods first, unless it
// changed since it was observed: then the event of that brings the next look.
func (r *Reconciler) deleteJob(ctx context.Context, job *v1alpha1.BatchJob) (ctrl.Result, error) {
	err := r.Client.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationForeground),
		client.Preconditions{UID: &job.UID, ResourceVersion: &job.ResourceVersion})
	switch {
	case err == nil, apierrors.IsNotFound(err):
		return ctrl.Result{}, nil
	case report.Moved(err):
		return ctrl.Result{RequeueAfter: patience}, nil
	}
	return ctrl.Result{}, fmt.Errorf("deleting BatchJob %s/%s after its ttlSecondsAfterFinished: %w", job.Namespace, job.Name, err)
}

// err joins what asks for another try.
func (o *outcome) err() error { return errors.Join(o.failures...) }
