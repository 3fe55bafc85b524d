package engine

import (
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// status is the status of the run once the plan has been carried out: batch/v1's
// fields and conditions, the run and its back-off. The voice adds what people
// and GitOps tools read.
func (w *work) status() *v1alpha1.BatchJobStatus {
	s := w.was.DeepCopy()
	s.Active = size(w.activePods) - w.removed + size(w.plan.Create)
	s.Ready = new(min(w.ready, s.Active))
	s.Terminating = new(w.terminating)
	if w.on {
		s.CompletedIndexes = w.completed.String()
	}
	if w.perIndex {
		s.FailedIndexes = new(w.failedSet.String())
	}
	s.Succeeded, s.Failed = w.counted.succeeded, w.counted.failed
	s.UncountedTerminatedPods = w.uncounted.DeepCopy()
	s.Backoff = w.backoff.status()
	s.Selector = selector(w.job)
	markRequest(w.job, s)
	if w.begun() {
		w.markRun(s)
		w.markNext(s)
	}
	w.markTime(s)
	w.markVerdict(s)
	return s
}

// selector is that of the pods, generated unless the author has set one.
func selector(job *v1alpha1.BatchJob) string {
	if job.Spec.IsManualSelector() && job.Spec.Selector != nil {
		return metav1.FormatLabelSelector(job.Spec.Selector)
	}
	return v1alpha1.LabelControllerUID + "=" + string(job.UID)
}

// begun tells whether the run has started, or starts with this plan. A job
// that is refused from the start has no run yet.
func (w *work) begun() bool {
	return w.was.Run != nil || w.verdict != nil || w.plan.Outcome.State != StateRefused || len(w.activePods) > 0
}

func (w *work) markRun(s *v1alpha1.BatchJobStatus) {
	if s.Run == nil {
		s.Run = &v1alpha1.RunStatus{Number: w.run, Reason: v1alpha1.RunCreated}
		if owner := metav1.GetControllerOfNoCopy(w.job); owner != nil && owner.Kind == "CronBatchJob" {
			s.Run.Reason = v1alpha1.RunScheduled
		}
	}
	if s.Run.Started == nil && (len(w.plan.Create)+len(w.pods) > 0 || w.verdict != nil) {
		s.Run.Started = new(metav1.NewTime(w.o.Now))
	}
	s.Revision, s.FixedRevision, s.RulesRevision = w.revision, w.fixed, w.rules
}

// markTime keeps startTime, which is not set while suspended, and the condition
// Suspended, which is never added as False.
func (w *work) markTime(s *v1alpha1.BatchJobStatus) {
	now := metav1.NewTime(w.o.Now)
	if w.verdict == nil && w.job.Spec.IsSuspended() {
		s.StartTime = nil
	} else if s.StartTime == nil && w.begun() && !w.neverStarts() && !w.heldBack() && (!w.superseded || w.verdict != nil) {
		s.StartTime = &now
	}
	if w.verdict == nil {
		w.markSuspended(s)
	}
}

func (w *work) markSuspended(s *v1alpha1.BatchJobStatus) {
	switch {
	case w.job.Spec.IsSuspended():
		w.set(s, v1alpha1.ConditionSuspended, metav1.ConditionTrue, v1alpha1.ReasonJobSuspended, "Job suspended")
	case meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionSuspended):
		w.set(s, v1alpha1.ConditionSuspended, metav1.ConditionFalse, v1alpha1.ReasonJobResumed, "Job resumed")
	}
}

// heldBack: the run is not let begin. Its clock would else say that it had.
func (w *work) heldBack() bool {
	return w.plan.Outcome.State == StateWaiting || w.plan.Outcome.State == StateRefused
}

// neverStarts: a suspended job that needs no pod is complete without a start.
func (w *work) neverStarts() bool {
	want, fixed := w.job.Spec.GetCompletions()
	return w.job.Spec.IsSuspended() && fixed && want == 0
}

// markVerdict writes the interim condition, and the terminal one with it where
// nothing is left to terminate.
func (w *work) markVerdict(s *v1alpha1.BatchJobStatus) {
	v := w.verdict
	if v == nil {
		return
	}
	w.set(s, v.interim(), metav1.ConditionTrue, v.reason, v.message)
	if !w.quiet() {
		return
	}
	w.set(s, v.terminal(), metav1.ConditionTrue, v.reason, v.message)
	if v.success {
		s.CompletionTime = new(metav1.NewTime(w.o.Now))
		s.SucceededRevisions = newest(maxRevisions, []string{w.revision}, s.SucceededRevisions)
	}
}

// set changes one condition; the time of its transition is that of the
// observation.
func (w *work) set(s *v1alpha1.BatchJobStatus, t string, status metav1.ConditionStatus, reason, message string) {
	meta.SetStatusCondition(&s.Conditions, metav1.Condition{
		Type: t, Status: status, Reason: reason, Message: message,
		ObservedGeneration: w.job.Generation, LastTransitionTime: metav1.NewTime(w.o.Now),
	})
}

// markRequest mirrors a request to reconcile, as Flux's tools expect.
func markRequest(job *v1alpha1.BatchJob, s *v1alpha1.BatchJobStatus) {
	if requested(job) {
		s.LastHandledReconcileAt = job.Annotations[v1alpha1.AnnotationReconcileRequestedAt]
	}
}
