package engine

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// hold is a reason for which no pod is made at the moment. Pods that run go on
// and their ends are counted.
type hold struct {
	state   State
	reason  string
	message string
	// field is what to mend, for the REASON column.
	field string
}

func (h *hold) outcome() Outcome {
	return Outcome{State: h.state, Reason: h.reason, Message: h.message, Short: h.field}
}

// holdReason is the first reason to make no pod; nil if there is none. What a
// person has to mend comes before what a person has asked for.
func (w *work) holdReason() *hold {
	for _, reason := range []func(*work) *hold{
		unsupported, // a field whose behaviour this version does not have: refused aloud, not ignored
		invalid,     // what CEL cannot refuse at the API
		changed,     // the template that the run's pods are made from exists nowhere any more
		rejected,    // the API server will say the same again until the manifest changes
		suspended,
		retrying, // the API server refused a pod a moment ago
	} {
		if h := reason(w); h != nil {
			return h
		}
	}
	return nil
}

// hold makes no pod; a suspended job keeps none either.
func (w *work) hold(h hold) {
	w.plan.Outcome = h.outcome()
	if w.job.Spec.IsSuspended() {
		w.remove(len(w.activePods))
	}
	if h.state == StateSuspended && w.was.ObservedGeneration != w.job.Generation {
		w.plan.Try = &PodOrder{Name: w.nextName(), Run: w.run, Revision: w.revision, Indexed: w.on, CountsFailures: w.perIndex}
	}
	if h.state == StateRetrying {
		w.wake(w.o.RetryAt)
	}
	if end, ok := w.deadline(); ok {
		w.wake(end)
	}
}

func suspended(w *work) *hold {
	if !w.job.Spec.IsSuspended() {
		return nil
	}
	return &hold{state: StateSuspended, reason: v1alpha1.ReasonSuspended,
		message: "spec.suspend is true" + setBy(w.job, "f:suspend") + "; set it to false, or remove it, to run"}
}

// changed: the spec's revision is not the one that the run began with.
func changed(w *work) *hold {
	if w.revision == w.current {
		return nil
	}
	return &hold{state: StateRefused, reason: v1alpha1.ReasonUnsupportedField, message: changeMessage(w.run), field: "spec.template"}
}

func changeMessage(run int64) string {
	return fmt.Sprintf("spec.template (or completions): changed since run %d began, and this version does not start "+
		"a new run for a change; revert the change, or delete and re-create the BatchJob to run it", run)
}

// rejected: the API server refused the pod of this very generation for good
// (400 or 422). The word of it is durable in the condition, so that no restart
// tries it again; a new generation does, and so does a request to reconcile.
func rejected(w *work) *hold {
	c := meta.FindStatusCondition(w.was.Conditions, v1alpha1.ConditionStalled)
	if c == nil || c.Status != metav1.ConditionTrue || c.Reason != v1alpha1.ReasonPodRejected ||
		c.ObservedGeneration != w.job.Generation || requested(w.job) {
		return nil
	}
	return &hold{state: StateRefused, reason: v1alpha1.ReasonPodRejected, message: c.Message, field: "spec.template"}
}

// retrying keeps what was said of the refusal until it is tried again.
func retrying(w *work) *hold {
	if !w.o.Now.Before(w.o.RetryAt) {
		return nil
	}
	message := "the API server refused to create a pod; it is tried again"
	if c := meta.FindStatusCondition(w.was.Conditions, v1alpha1.ConditionReconciling); c != nil && c.Reason == v1alpha1.ReasonProgressingWithRetry {
		message = c.Message
	}
	return &hold{state: StateRetrying, reason: v1alpha1.ReasonProgressingWithRetry, message: message}
}

// requested tells of a request to reconcile now that has not been handled.
func requested(job *v1alpha1.BatchJob) bool {
	at := job.Annotations[v1alpha1.AnnotationReconcileRequestedAt]
	return at != "" && at != job.Status.LastHandledReconcileAt
}

// unsupported names the first field that is set and does nothing yet.
func unsupported(w *work) *hold {
	for _, f := range notYet {
		if f.set(w.job) {
			return &hold{state: StateRefused, reason: v1alpha1.ReasonUnsupportedField, field: f.path, message: f.path +
				": this version of the operator does not implement it; remove it to run the job"}
		}
	}
	return nil
}

// notYet lists what is in the API and not yet in this engine.
var notYet = []struct {
	path string
	set  func(*v1alpha1.BatchJob) bool
}{
	{"spec.dependsOn", func(j *v1alpha1.BatchJob) bool { return len(j.Spec.DependsOn) > 0 }},
	{"spec.runAt", func(j *v1alpha1.BatchJob) bool { return j.Spec.RunAt != "" }},
	{"metadata.annotations[" + v1alpha1.AnnotationRunAt + "]", func(j *v1alpha1.BatchJob) bool {
		return j.Annotations[v1alpha1.AnnotationRunAt] != ""
	}},
	{"spec.rerunPolicy: other than OnChange", func(j *v1alpha1.BatchJob) bool {
		return j.Spec.GetRerunPolicy() != v1alpha1.RerunOnChange
	}},
	{"spec.updatePolicy: other than Drain", func(j *v1alpha1.BatchJob) bool {
		return j.Spec.GetUpdatePolicy() != v1alpha1.UpdateDrain
	}},
	{"spec.podHistoryLimit: other than 1", func(j *v1alpha1.BatchJob) bool {
		return j.Spec.GetPodHistoryLimit() != v1alpha1.DefaultPodHistoryLimit
	}},
}
