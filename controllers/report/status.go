package report

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// Limits of what people read: a condition's message holds 32 KiB, a list of
// images has to fit a column.
const (
	maxMessage = 4096
	maxImages  = 256
)

// Done is what became of a plan's orders.
type Done struct {
	// NotCreated and NotRemoved are orders that were not carried out.
	NotCreated, NotRemoved int32
	// Created and Deleted name the pods of those that were.
	Created, Deleted []string
	// Err is the first error that stands in the way, nil if there is none; it
	// came of an adoption, or else of a creation.
	Err      error
	Adopting bool
}

// refusal is how a refusal reads: the field to mend, and what was refused.
func (d *Done) refusal() (field, what, event string) {
	if d.Adopting {
		return "spec.selector", "to let a pod be adopted", "FailedAdopt"
	}
	return "spec.template", "the pod", "FailedCreate"
}

// Status is the whole status after a plan was carried out as far as done says:
// the engine's fields, corrected by what was not done, the kstatus conditions
// and the display fields. Every condition carries the generation of this
// write. It changes neither argument.
func Status(now time.Time, job *v1alpha1.BatchJob, plan engine.Plan, done Done) *v1alpha1.BatchJobStatus {
	s := plan.Status.DeepCopy()
	if !job.IsFinished() { // the counts of a finished run are final
		s.Active = max(0, s.Active-done.NotCreated+done.NotRemoved)
		if s.Ready != nil {
			s.Ready = new(min(*s.Ready, s.Active))
		}
	}
	out := outcome(plan.Outcome, &done)
	display(job, s, out)
	conditions(now, job, s, out)
	s.ObservedGeneration = job.Generation
	return s
}

// outcome is the engine's, unless an error stands in the way.
func outcome(out engine.Outcome, done *Done) engine.Outcome {
	if done.Err == nil {
		return out
	}
	field, what, _ := done.refusal()
	switch Classify(done.Err) {
	case Never:
		return engine.Outcome{State: engine.StateRefused, Reason: v1alpha1.ReasonPodRejected, Short: field,
			Message: field + ": the API server refused " + what + ": " + done.Err.Error() + "; correct the manifest to try again"}
	case Later:
		return engine.Outcome{State: engine.StateRetrying, Reason: v1alpha1.ReasonProgressingWithRetry,
			Message: done.Err.Error() + triedAgain}
	case Wait:
	}
	return out
}

// display fills the fields behind the print columns: a column is one JSONPath
// with one result.
func display(job *v1alpha1.BatchJob, s *v1alpha1.BatchJobStatus, out engine.Outcome) {
	s.Phase = read(out.State, out.Reason).phase
	if s.Phase == v1alpha1.PhaseRunning && (out.Idle || out.State == engine.StateRetrying && s.Active == 0 && s.Succeeded+s.Failed == 0) {
		s.Phase = v1alpha1.PhasePending
	}
	s.Reason = column(out)
	s.Progress = progress(&job.Spec, s)
	s.Duration = took(s)
	s.Images = images(&job.Spec)
}

// progress is kubectl's COMPLETIONS of a Job.
func progress(spec *v1alpha1.BatchJobSpec, s *v1alpha1.BatchJobStatus) string {
	succeeded := succeeded(s)
	if want, fixed := spec.GetCompletions(); fixed {
		return fmt.Sprintf("%d/%d", succeeded, want)
	}
	if parallelism := spec.GetParallelism(); parallelism > 1 {
		return fmt.Sprintf("%d/1 of %d", succeeded, parallelism)
	}
	return fmt.Sprintf("%d/1", succeeded)
}

// succeeded and failed count every end that is durable, also where its pod's
// finalizer is still to come off.
func succeeded(s *v1alpha1.BatchJobStatus) int32 {
	n := s.Succeeded
	if u := s.UncountedTerminatedPods; u != nil {
		n += int32(len(u.Succeeded)) //nolint:gosec // at most 500
	}
	return n
}

func failed(s *v1alpha1.BatchJobStatus) int32 {
	n := s.Failed
	if u := s.UncountedTerminatedPods; u != nil {
		n += int32(len(u.Failed)) //nolint:gosec // at most 500
	}
	return n
}

// took is how long the run lasted, once it has ended.
func took(s *v1alpha1.BatchJobStatus) string {
	if s.StartTime == nil {
		return ""
	}
	for _, t := range []string{v1alpha1.ConditionComplete, v1alpha1.ConditionFailed} {
		if c := meta.FindStatusCondition(s.Conditions, t); c != nil && c.Status == metav1.ConditionTrue {
			return duration.HumanDuration(c.LastTransitionTime.Sub(s.StartTime.Time))
		}
	}
	return ""
}

func images(spec *v1alpha1.BatchJobSpec) string {
	names := make([]string, 0, len(spec.Template.Spec.Containers))
	for i := range spec.Template.Spec.Containers {
		names = append(names, spec.Template.Spec.Containers[i].Image)
	}
	return cut(strings.Join(names, ","), maxImages)
}

// conditions writes Ready, Reconciling and Stalled, and stamps the others.
func conditions(now time.Time, job *v1alpha1.BatchJob, s *v1alpha1.BatchJobStatus, out engine.Outcome) {
	kstatus(now, job.Generation, &s.Conditions, read(out.State, out.Reason), sentence(job, s, out))
}

// kstatus is the same for both kinds. Every condition carries the generation of
// this write, also those of others.
func kstatus(now time.Time, generation int64, conditions *[]metav1.Condition, r reading, message string) {
	set := func(t string, present bool, status metav1.ConditionStatus) {
		if !present {
			meta.RemoveStatusCondition(conditions, t)
			return
		}
		meta.SetStatusCondition(conditions, metav1.Condition{Type: t, Status: status, Reason: r.reason,
			Message: cut(message, maxMessage), LastTransitionTime: metav1.NewTime(now)})
	}
	set(v1alpha1.ConditionReady, true, r.ready)
	set(v1alpha1.ConditionReconciling, r.reconciling, metav1.ConditionTrue)
	set(v1alpha1.ConditionStalled, r.stalled, metav1.ConditionTrue)
	for i := range *conditions {
		(*conditions)[i].ObservedGeneration = generation
	}
}

// cut shortens s to at most n bytes, at the end of a character.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const ellipsis = "…"
	return strings.ToValidUTF8(s[:n-len(ellipsis)], "") + ellipsis
}
