package engine

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// finished looks after a run that has its terminal condition. It is counted to
// the last pod, so finalizers come off without counting, and a pod that is
// still active has no business: it is dropped.
func finished(o *Observed) (Plan, bool) {
	if !o.Job.IsFinished() {
		return Plan{}, false
	}
	plan := Plan{Outcome: verdictShown(o.Job), Status: o.Job.Status.DeepCopy(), Release: append([]PodRef(nil), o.Strays...)}
	for i := range o.Pods {
		p := &o.Pods[i]
		switch {
		case p.Orphan: // not ours, or not any more
			if p.Tracked {
				plan.Release = append(plan.Release, p.PodRef)
			}
		case p.active() && p.Tracked:
			plan.Drop = append(plan.Drop, p.PodRef)
		case p.active():
			plan.Delete = append(plan.Delete, p.PodRef)
		case p.Tracked:
			plan.Release = append(plan.Release, p.PodRef)
		}
	}
	w := begin(o)
	for _, reason := range []func(*work) *hold{unsupported, changed} {
		if h := reason(w); h != nil {
			plan.Outcome = h.outcome()
			break
		}
	}
	expire(o, &plan)
	markRequest(o.Job, plan.Status)
	return plan, true
}

// verdictShown is the outcome of a finished job, read back from its conditions.
func verdictShown(job *v1alpha1.BatchJob) Outcome {
	if c := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionComplete); c != nil && c.Status == metav1.ConditionTrue {
		return Outcome{State: StateComplete, Reason: c.Reason, Message: c.Message}
	}
	c := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionFailed)
	return Outcome{State: StateFailed, Reason: c.Reason, Message: c.Message, Short: shortShown(job.Status.Reason, c.Reason)}
}

// shortShown is what stands behind the reason in the REASON column.
func shortShown(shown, reason string) string {
	rest, ok := strings.CutPrefix(shown, reason+": ")
	if !ok {
		return ""
	}
	return rest
}

// expire applies ttlSecondsAfterFinished, counted from the terminal condition.
// Pods are removed only once their finalizer is off.
func expire(o *Observed, plan *Plan) {
	ttl := o.Job.Spec.TTLSecondsAfterFinished
	if ttl == nil {
		return
	}
	end := finishedAt(o.Job).Add(time.Duration(*ttl) * time.Second)
	if o.Now.Before(end) {
		plan.Wake = earliest(plan.Wake, end)
		return
	}
	if o.Job.GetTTLPolicy() == v1alpha1.TTLDelete {
		plan.DeleteJob = true
		return
	}
	for i := range o.Pods {
		if p := &o.Pods[i]; p.ended() && !p.Deleting && !p.Tracked && !p.Orphan {
			plan.Delete = append(plan.Delete, p.PodRef)
		}
	}
}

// finishedAt is when the terminal condition was written.
func finishedAt(job *v1alpha1.BatchJob) time.Time {
	for _, t := range []string{v1alpha1.ConditionComplete, v1alpha1.ConditionFailed} {
		if c := meta.FindStatusCondition(job.Status.Conditions, t); c != nil && c.Status == metav1.ConditionTrue {
			return c.LastTransitionTime.Time
		}
	}
	return time.Time{}
}
