package engine

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// verdict is how the run ends.
type verdict struct {
	success bool
	reason  string
	message string
	// culprit is the pod that the message tells of, if it tells of one.
	culprit *Pod
}

// interim and terminal are batch/v1's two conditions of each verdict: the
// first says what will be, the second that nothing runs any more.
func (v *verdict) interim() string {
	if v.success {
		return v1alpha1.ConditionSuccessCriteriaMet
	}
	return v1alpha1.ConditionFailureTarget
}

func (v *verdict) terminal() string {
	if v.success {
		return v1alpha1.ConditionComplete
	}
	return v1alpha1.ConditionFailed
}

// judge looks for a verdict in batch/v1's order. The first that is reached
// stands: failure beats success, and what has been written never flips.
func (w *work) judge() {
	for _, rule := range []func(*work) *verdict{
		successDeclared, // SuccessCriteriaMet is durable
		failureDeclared, // FailureTarget is durable
		failJobRule,
		backoffLimitReached, // before the deadline, as in batch/v1
		deadlineExceeded,
		tooManyFailedIndexes,
		someIndexesFailed, // only once every index has ended
		successPolicyMet,  // failure beats success
		completionsReached,
	} {
		if w.next.SkippedBy != "" {
			break // the run is over, and what was decided about the spec's revision stands
		}
		if w.verdict = rule(w); w.verdict != nil {
			break
		}
	}
	if w.verdict != nil {
		w.durable = w.hasCondition(w.verdict.interim())
	}
	w.countBackoff()
}

func successDeclared(w *work) *verdict {
	return w.declared(v1alpha1.ConditionSuccessCriteriaMet, true)
}

func failureDeclared(w *work) *verdict { return w.declared(v1alpha1.ConditionFailureTarget, false) }

func (w *work) declared(condition string, success bool) *verdict {
	c := meta.FindStatusCondition(w.was.Conditions, condition)
	if c == nil || c.Status != metav1.ConditionTrue {
		return nil
	}
	return &verdict{success: success, reason: c.Reason, message: c.Message}
}

// backoffLimitReached: more failures than allowed, or, where the kubelet
// restarts containers in place, as many restarts (of all active pods together)
// as allowed; with a limit of 0 the first one.
func backoffLimitReached(w *work) *verdict {
	limit := w.job.Spec.GetBackoffLimit()
	if w.failed <= limit && !w.restartsReach(limit) {
		return nil
	}
	return w.blame(&verdict{reason: v1alpha1.ReasonBackoffLimitExceeded, message: "Job has reached the specified backoff limit"})
}

func (w *work) restartsReach(limit int32) bool {
	if w.job.Spec.Template.Spec.RestartPolicy != corev1.RestartPolicyOnFailure {
		return false
	}
	var restarts int32
	for _, p := range w.activePods {
		restarts += p.Restarts
	}
	return restarts > 0 && restarts >= limit
}

// blame adds to a verdict which pod brought it about.
func (w *work) blame(v *verdict) *verdict {
	if v.culprit = w.culprit(); v.culprit != nil {
		v.message += ": " + describe(v.culprit)
	}
	return v
}

// culprit is the pod to name when the job fails: the one that failed last, or
// the one that restarted most.
func (w *work) culprit() *Pod {
	if last := lastFailed(w.pods, w.hasFailed); last != nil {
		return last
	}
	var worst *Pod
	for _, p := range w.activePods {
		if p.Restarts > 0 && (worst == nil || p.Restarts > worst.Restarts) {
			worst = p
		}
	}
	return worst
}

func deadlineExceeded(w *work) *verdict {
	if end, ok := w.deadline(); !ok || w.o.Now.Before(end) {
		return nil
	}
	return &verdict{reason: v1alpha1.ReasonDeadlineExceeded, message: fmt.Sprintf(
		"Job was active longer than specified deadline: activeDeadlineSeconds is %d", *w.job.Spec.ActiveDeadlineSeconds)}
}

// deadline is when the run has to be over: counted from status.startTime,
// which a suspend takes away and a resume sets anew.
func (w *work) deadline() (time.Time, bool) {
	limit, set := w.job.Spec.GetActiveDeadline()
	if !set || w.job.Spec.IsSuspended() {
		return time.Time{}, false
	}
	start := w.o.Now // a run without startTime begins with this look
	if w.was.StartTime != nil {
		start = w.was.StartTime.Time
	}
	return start.Add(limit), true
}

func tooManyFailedIndexes(w *work) *verdict {
	limit := w.job.Spec.MaxFailedIndexes
	if !w.perIndex || limit == nil || w.failedSet.count() <= int(*limit) {
		return nil
	}
	return w.blame(&verdict{reason: v1alpha1.ReasonMaxFailedIndexesExceeded,
		message: "Job has exceeded the specified maximal number of failed indexes"})
}

func someIndexesFailed(w *work) *verdict {
	failed := w.failedSet.count()
	if failed == 0 || failed+w.completed.count() < w.limit {
		return nil
	}
	return w.blame(&verdict{reason: v1alpha1.ReasonFailedIndexes, message: "Job has failed indexes"})
}

// completionsReached: enough pods succeeded, or one of a work queue, and no
// pod is active any more.
func completionsReached(w *work) *verdict {
	want, fixed := w.job.Spec.GetCompletions()
	if !fixed {
		want = 1
	}
	if w.succeeded < want || len(w.activePods) > 0 {
		return nil
	}
	return &verdict{success: true, reason: v1alpha1.ReasonCompletionsReached, message: "Reached expected number of succeeded pods"}
}

// quiet tells that nothing is left to wait for before the terminal condition.
func (w *work) quiet() bool { return len(w.activePods) == 0 && w.terminating == 0 }

// finish ends the run in one write: the counters with all that was observed,
// the interim and the terminal condition, nothing active. The finalizers come
// off afterwards, when that write has been read back.
func (w *work) finish() {
	w.counted.succeeded, w.counted.failed = w.succeeded, w.failed
	w.uncounted = v1alpha1.UncountedTerminatedPods{}
	w.plan.Outcome = Outcome{State: StateComplete, Reason: w.verdict.reason, Message: w.verdict.message}
	if !w.verdict.success {
		w.plan.Outcome.State = StateFailed
		w.plan.Outcome.Short = w.shortCause()
	}
}

// windDown removes what is still active once the verdict is durable, and waits
// for the last pod to end.
func (w *work) windDown() {
	w.plan.Outcome = Outcome{State: StateEnding, Reason: w.verdict.reason, Message: w.verdict.message}
	if !w.verdict.success {
		w.plan.Outcome.Short = w.shortCause()
	}
	switch {
	case !w.durable:
	case w.verdict.success:
		w.remove(len(w.activePods)) // counts as nothing
	default:
		w.stop() // counts as failed
	}
}

// stop deletes the active pods of a failed job; their end is counted.
func (w *work) stop() {
	for _, p := range w.activePods {
		w.plan.Delete = append(w.plan.Delete, p.PodRef)
		w.away(p)
	}
}

// shortCause is for the REASON column. Once the verdict is durable it is what
// was shown then: the pods it came from may be gone.
func (w *work) shortCause() string {
	if w.durable {
		return shortShown(w.was.Reason, w.verdict.reason)
	}
	if w.verdict.culprit == nil {
		return ""
	}
	return short(w.verdict.culprit)
}

func (w *work) hasCondition(t string) bool { return meta.IsStatusConditionTrue(w.was.Conditions, t) }
