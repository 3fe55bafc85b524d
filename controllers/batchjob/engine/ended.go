package engine

import (
	"slices"
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
	w := begin(o)
	w.plan = Plan{Outcome: verdictShown(o.Job), Release: append([]PodRef(nil), o.Strays...)}
	w.names = map[string]struct{}{}
	for i := range o.Pods {
		w.afterwards(&o.Pods[i])
	}
	w.follow()
	if reason, _ := w.successor(); reason == "" {
		expire(o, &w.plan)
	}
	s := w.was.DeepCopy()
	w.markNext(s)
	s.Revision, s.FixedRevision, s.RulesRevision = w.revision, w.fixed, w.rules
	s.Selector = selector(w.job) // a status that was restored has that of another object
	markRequest(o.Job, s)
	if w.starts != "" {
		w.change(s)
	}
	w.plan.Status = s
	return w.plan, true
}

// afterwards looks after a pod of a job whose run has ended.
func (w *work) afterwards(p *Pod) {
	w.names[p.Name] = struct{}{}
	switch {
	case p.Orphan: // not ours, or not any more
		w.letGo(p)
	case !w.ofRun(p) && p.Run < w.run:
		w.former(p)
	case p.active() && p.Tracked:
		w.plan.Drop = append(w.plan.Drop, p.PodRef)
	case p.active():
		w.plan.Delete = append(w.plan.Delete, p.PodRef)
	default:
		w.letGo(p)
	}
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
		p := &o.Pods[i]
		if p.ended() && !p.Deleting && !p.Tracked && !p.Orphan && !slices.Contains(plan.Delete, p.PodRef) {
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
