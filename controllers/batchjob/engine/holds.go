package engine

import (
	"strings"

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
		invalid,       // what CEL cannot refuse at the API
		hopelessStart, // a ring of dependencies, or an expression that is none
		rejected,      // the API server will say the same again until the manifest changes
		suspended,
		waiting,   // a dependency is not ready; it gates the start only
		leftovers, // pods of an earlier run
		retrying,  // the API server refused a pod a moment ago
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
	if (h.state == StateSuspended || h.state == StateWaiting) && w.edited {
		w.plan.Try = w.trial()
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
		message: "spec.suspend is true" + setBy(w.job) + "; set it to false, or remove it, to run"}
}

// setBy says who suspended the job, where that is known.
func setBy(job *v1alpha1.BatchJob) string {
	if who := v1alpha1.ManagersOf(job, "suspend"); len(who) > 0 {
		return " (set by " + strings.Join(who, ", ") + ")"
	}
	return ""
}

// rejected: the API server refused the pod of this very generation for good
// (400 or 422). The word of it is durable in the condition, so that no restart
// tries it again; a new generation does, and so does a request to reconcile.
func rejected(w *work) *hold {
	if !w.wasRejected() || requested(w.job) {
		return nil
	}
	c := meta.FindStatusCondition(w.was.Conditions, v1alpha1.ConditionStalled)
	return &hold{state: StateRefused, reason: v1alpha1.ReasonPodRejected, message: c.Message, field: "spec.template"}
}

// wasRejected reads that back.
func (w *work) wasRejected() bool {
	c := meta.FindStatusCondition(w.was.Conditions, v1alpha1.ConditionStalled)
	return c != nil && c.Status == metav1.ConditionTrue && c.Reason == v1alpha1.ReasonPodRejected &&
		c.ObservedGeneration == w.job.Generation
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
