package engine

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// finish writes the status: batch/v1's fields, what stands beside them, and
// LastRunSucceeded. The voice adds what GitOps tools read.
func (w *work) finish() {
	w.plan.Outcome = w.outcome()
	s := w.was.DeepCopy()
	s.ScheduleHash, s.ScheduleSince = w.hash, stampOf(w.since)
	s.LastScheduleTime, s.NextScheduleTime = stampOf(w.last), stampOf(w.shownNext())
	s.Queue, s.HandledRunTokens = w.queue, w.handled
	s.Active = w.active()
	s.ActiveCount = int32(len(s.Active)) //nolint:gosec // as many as fit an object
	for _, c := range w.ended {
		w.count(s, c)
	}
	if at := w.cron.Annotations[v1alpha1.AnnotationReconcileRequestedAt]; at != "" {
		s.LastHandledReconcileAt = at
	}
	s.Schedule = strings.Join(w.spec.GetSchedules(), "; ")
	w.plan.Status = s
}

// active are the unfinished runs: known ones stay where they are in the list.
func (w *work) active() (refs []corev1.ObjectReference) {
	known := map[string]bool{}
	for _, ref := range w.was.Active {
		if c := w.children[ref.Name]; c != nil && c.UID == ref.UID && !c.finished() {
			refs, known[ref.Name] = append(refs, ref), true
		}
	}
	for _, c := range w.busy {
		if !known[c.Name] {
			refs = append(refs, corev1.ObjectReference{Kind: v1alpha1.BatchJobKind, APIVersion: v1alpha1.GroupVersion.String(),
				Namespace: w.cron.Namespace, Name: c.Name, UID: c.UID})
		}
	}
	return refs
}

// count adds one ended run. They come in the order of their ends; one that
// ended before what is known already changes no verdict.
func (w *work) count(s *v1alpha1.CronBatchJobStatus, c *Child) {
	newest := latest(timeOf(s.LastSuccessfulTime), timeOf(s.LastFailureTime))
	condition := metav1.Condition{Type: v1alpha1.ConditionLastRunSucceeded, LastTransitionTime: metav1.NewTime(w.o.Now)}
	switch c.Result {
	case Complete:
		s.LastSuccessfulTime = stampOf(latest(timeOf(s.LastSuccessfulTime), c.Ended))
		if !c.Ended.Before(timeOf(s.LastFailureTime)) {
			s.ConsecutiveFailures = 0
		}
		condition.Status, condition.Reason = metav1.ConditionTrue, v1alpha1.ReasonRunSucceeded
		condition.Message = c.Name + " succeeded"
	case Failed:
		s.LastFailureTime = stampOf(latest(timeOf(s.LastFailureTime), c.Ended))
		if !c.Ended.Before(timeOf(s.LastSuccessfulTime)) {
			s.ConsecutiveFailures++
		}
		condition.Status, condition.Reason = metav1.ConditionFalse, v1alpha1.ReasonRunFailed
		condition.Message = fmt.Sprintf("%s failed: %s: %s", c.Name, c.Reason, c.Message)
	}
	if c.Ended.Before(newest) {
		return
	}
	s.LastResult = string(c.Result)
	if c.Result == Failed {
		s.LastResult += ": " + c.Reason
	}
	meta.SetStatusCondition(&s.Conditions, condition)
}

// nextDue is when the next time should start.
func (w *work) nextDue() time.Time {
	if w.opening.Time.IsZero() {
		return time.Time{}
	}
	return w.opening.Time.Add(w.offset)
}

// shownNext is nextDue unless nothing will start then.
func (w *work) shownNext() time.Time {
	if w.hold != nil && w.hold.state != StateRetrying {
		return time.Time{}
	}
	return w.nextDue()
}

// setWake is when time alone changes something.
func (w *work) setWake() {
	var moments []time.Time
	if !w.spec.IsSuspended() {
		moments = append(moments, w.nextDue())
		if !w.opening.Never && w.opening.Time.IsZero() {
			moments = append(moments, w.opening.Through)
		}
	}
	if r := w.o.Retry; r != nil && w.o.Now.Before(r.At) {
		moments = append(moments, r.At)
	}
	if len(w.queue) > 0 && w.hold == nil {
		moments = append(moments, w.closedUntil)
		for _, q := range w.queue {
			if at := w.expiry(q); !at.IsZero() {
				moments = append(moments, at.Add(time.Second)) // the last second still starts
			}
		}
	}
	for i := range w.o.Children {
		if c := &w.o.Children[i]; !w.tooOld(c) && !c.Deleting {
			moments = append(moments, w.oldAt(c))
		}
	}
	w.plan.Wake = earliest(moments)
}

// earliest leaves out zero times, which are never.
func earliest(times []time.Time) (first time.Time) {
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// stampOf is a time in the API; nil for none.
func stampOf(t time.Time) *metav1.Time {
	if t.IsZero() {
		return nil
	}
	return &metav1.Time{Time: t.UTC()}
}
