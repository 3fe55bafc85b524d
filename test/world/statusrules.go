package world

import (
	"fmt"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// statusErrors are the rules that batch/v1's API server has for an update of a
// Job's status, and those of our own: they hold within a run.
func statusErrors(old, now *v1alpha1.BatchJob) []string {
	var wrong []string
	bad := func(broken bool, format string, args ...any) {
		if broken {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	is := func(t string) bool { return meta.IsStatusConditionTrue(now.Status.Conditions, t) }
	s, was := &now.Status, &old.Status
	for _, t := range []string{v1alpha1.ConditionComplete, v1alpha1.ConditionFailed, v1alpha1.ConditionFailureTarget, v1alpha1.ConditionSuccessCriteriaMet} {
		bad(meta.IsStatusConditionTrue(was.Conditions, t) && !is(t), "%s was True and is not any more", t)
	}
	for _, pair := range [][2]string{
		{v1alpha1.ConditionComplete, v1alpha1.ConditionFailed},
		{v1alpha1.ConditionComplete, v1alpha1.ConditionFailureTarget},
		{v1alpha1.ConditionSuccessCriteriaMet, v1alpha1.ConditionFailed},
		{v1alpha1.ConditionSuccessCriteriaMet, v1alpha1.ConditionFailureTarget},
	} {
		bad(is(pair[0]) && is(pair[1]), "%s and %s", pair[0], pair[1])
	}
	bad(is(v1alpha1.ConditionFailed) && !is(v1alpha1.ConditionFailureTarget), "Failed without FailureTarget")
	bad(is(v1alpha1.ConditionComplete) && !is(v1alpha1.ConditionSuccessCriteriaMet), "Complete without SuccessCriteriaMet")
	bad(s.Failed < was.Failed, "failed decreases from %d to %d", was.Failed, s.Failed)
	bad(s.Succeeded < was.Succeeded, "succeeded decreases from %d to %d", was.Succeeded, s.Succeeded)
	bad(s.Active < 0 || s.Failed < 0 || s.Succeeded < 0, "a counter is negative")
	bad(s.Ready != nil && *s.Ready > s.Active, "ready %v > active %d", s.Ready, s.Active)
	bad(s.ObservedGeneration > now.Generation || s.ObservedGeneration < was.ObservedGeneration, "observedGeneration %d", s.ObservedGeneration)
	bad(meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady) == nil, "no Ready condition")
	bad(was.StartTime != nil && !now.Spec.IsSuspended() && !old.Spec.IsSuspended() && !was.StartTime.Equal(s.StartTime), "startTime changes")
	for _, c := range s.Conditions {
		bad(c.ObservedGeneration > now.Generation, "%s observes generation %d of %d", c.Type, c.ObservedGeneration, now.Generation)
		bad(c.Reason == "", "%s has no reason", c.Type)
	}
	wrong = append(wrong, finishErrors(now)...)
	bad(was.CompletionTime != nil && !was.CompletionTime.Equal(s.CompletionTime), "completionTime changes")
	return wrong
}

// finishErrors are the rules of a finished job.
func finishErrors(now *v1alpha1.BatchJob) []string {
	var wrong []string
	bad := func(broken bool, format string, args ...any) {
		if broken {
			wrong = append(wrong, fmt.Sprintf(format, args...))
		}
	}
	s := &now.Status
	complete := now.IsComplete()
	bad(complete != (s.CompletionTime != nil), "completionTime is set: %v, Complete: %v", s.CompletionTime != nil, complete)
	if s.CompletionTime != nil && s.StartTime != nil {
		bad(s.CompletionTime.Before(s.StartTime), "completionTime before startTime")
	}
	if !finishedJob(now) {
		return wrong
	}
	succeeded, failed := uncounted(now)
	bad(s.Active != 0, "finished with active %d", s.Active)
	bad(s.Terminating != nil && *s.Terminating != 0, "finished with terminating pods")
	bad(len(succeeded)+len(failed) > 0, "finished with uncounted pods")
	bad(s.StartTime == nil && !(now.Spec.IsSuspended() && now.Spec.Completions != nil && *now.Spec.Completions == 0), "finished without startTime")
	return wrong
}

// brief is a status in one line.
func brief(j *v1alpha1.BatchJob) string {
	succeeded, failed := uncounted(j)
	text := fmt.Sprintf("rv %s: active %d, succeeded %d + %v, failed %d + %v", j.ResourceVersion, j.Status.Active,
		j.Status.Succeeded, short(succeeded), j.Status.Failed, short(failed))
	if b := j.Status.Backoff; b != nil {
		text += fmt.Sprintf(", back-off %d since %v", b.Failures, b.LastFailureTime)
	}
	for _, c := range j.Status.Conditions {
		text += fmt.Sprintf(", %s=%s/%s", c.Type, c.Status, c.Reason)
	}
	return text
}

// short are the ends of UIDs.
func short[T ~string](uids []T) []string {
	out := make([]string, len(uids))
	for i, u := range uids {
		out[i] = string(u[max(0, len(u)-3):])
	}
	return out
}
