package world

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// statusErrors are the rules that batch/v1's API server has for an update of a
// Job's status, and those of our own: they hold within a run.
func statusErrors(old, now *v1alpha1.BatchJob) []string {
	r := &rulebook{}
	s, was := &now.Status, &old.Status
	r.conditions(old, now)
	r.bad(s.Failed < was.Failed, "failed decreases from %d to %d", was.Failed, s.Failed)
	r.bad(s.Succeeded < was.Succeeded && !now.Spec.IsIndexed(), "succeeded decreases from %d to %d", was.Succeeded, s.Succeeded)
	r.bad(s.Active < 0 || s.Failed < 0 || s.Succeeded < 0, "a counter is negative")
	r.bad(s.Ready != nil && *s.Ready > s.Active, "ready %v > active %d", s.Ready, s.Active)
	r.bad(s.ObservedGeneration > now.Generation || s.ObservedGeneration < was.ObservedGeneration, "observedGeneration %d", s.ObservedGeneration)
	r.indexErrors(old, now)
	r.times(old, now)
	r.finished(old, now)
	return r.wrong
}

// rulebook collects the rules that are broken.
type rulebook struct{ wrong []string }

func (r *rulebook) bad(broken bool, format string, args ...any) {
	if broken {
		r.wrong = append(r.wrong, fmt.Sprintf(format, args...))
	}
}

func (r *rulebook) conditions(old, now *v1alpha1.BatchJob) {
	is := func(t string) bool { return meta.IsStatusConditionTrue(now.Status.Conditions, t) }
	for _, t := range verdicts {
		r.bad(meta.IsStatusConditionTrue(old.Status.Conditions, t) && !is(t), "%s was True and is not any more", t)
	}
	for _, pair := range [][2]string{
		{v1alpha1.ConditionComplete, v1alpha1.ConditionFailed},
		{v1alpha1.ConditionComplete, v1alpha1.ConditionFailureTarget},
		{v1alpha1.ConditionSuccessCriteriaMet, v1alpha1.ConditionFailed},
		{v1alpha1.ConditionSuccessCriteriaMet, v1alpha1.ConditionFailureTarget},
	} {
		r.bad(is(pair[0]) && is(pair[1]), "%s and %s", pair[0], pair[1])
	}
	r.bad(is(v1alpha1.ConditionFailed) && !is(v1alpha1.ConditionFailureTarget), "Failed without FailureTarget")
	r.bad(is(v1alpha1.ConditionComplete) && !is(v1alpha1.ConditionSuccessCriteriaMet), "Complete without SuccessCriteriaMet")
	r.bad(meta.FindStatusCondition(now.Status.Conditions, v1alpha1.ConditionReady) == nil, "no Ready condition")
	for _, c := range now.Status.Conditions {
		r.bad(c.ObservedGeneration > now.Generation, "%s observes generation %d of %d", c.Type, c.ObservedGeneration, now.Generation)
		r.bad(c.Reason == "", "%s has no reason", c.Type)
	}
}

func (r *rulebook) times(old, now *v1alpha1.BatchJob) {
	s, was := &now.Status, &old.Status
	r.bad(was.StartTime != nil && !now.Spec.IsSuspended() && !was.StartTime.Equal(s.StartTime), "startTime changes")
	r.bad(was.CompletionTime != nil && !was.CompletionTime.Equal(s.CompletionTime), "completionTime changes")
	r.bad(now.IsComplete() != (s.CompletionTime != nil), "completionTime is set: %v, Complete: %v", s.CompletionTime != nil, now.IsComplete())
	if s.CompletionTime != nil && s.StartTime != nil {
		r.bad(s.CompletionTime.Before(s.StartTime), "completionTime before startTime")
	}
}

// finished are the rules of a finished job.
func (r *rulebook) finished(old, now *v1alpha1.BatchJob) {
	if !now.IsFinished() {
		return
	}
	s := &now.Status
	succeeded, failed := uncounted(now)
	r.bad(s.Active != 0, "finished with active %d", s.Active)
	r.bad(s.Terminating != nil && *s.Terminating != 0, "finished with terminating pods")
	r.bad(len(succeeded)+len(failed)+len(ignoredOnes(now)) > 0, "finished with uncounted pods")
	r.bad(!old.IsFinished() && s.StartTime == nil && (!now.Spec.IsSuspended() || now.Spec.Completions == nil || *now.Spec.Completions != 0), "finished without startTime")
}

// brief is a status in one line.
func brief(j *v1alpha1.BatchJob) string {
	succeeded, failed := uncounted(j)
	text := fmt.Sprintf("rv %s: active %d, succeeded %d + %v, failed %d + %v", j.ResourceVersion, j.Status.Active,
		j.Status.Succeeded, short(succeeded), j.Status.Failed, short(failed))
	if j.Spec.IsIndexed() {
		text += fmt.Sprintf(", completed %q, failed %v", j.Status.CompletedIndexes, failedOnes(j))
	}
	if u := ignoredOnes(j); len(u) > 0 {
		text += fmt.Sprintf(", ignored %v", short(u))
	}
	if b := j.Status.Backoff; b != nil {
		text += fmt.Sprintf(", back-off %d since %v", b.Failures, b.LastFailureTime)
	}
	parts := []string{text}
	for _, c := range j.Status.Conditions {
		parts = append(parts, fmt.Sprintf("%s=%s/%s", c.Type, c.Status, c.Reason))
	}
	return strings.Join(parts, ", ")
}

// short are the ends of UIDs.
func short[T ~string](uids []T) []string {
	out := make([]string, len(uids))
	for i, u := range uids {
		out[i] = string(u[max(0, len(u)-3):])
	}
	return out
}
