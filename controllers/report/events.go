package report

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Recorder is client-go's recorder of events.k8s.io.
type Recorder interface {
	Eventf(regarding, related runtime.Object, eventtype, reason, action, note string, args ...any)
}

// Voice speaks after a write.
type Voice struct {
	// Recorder takes Kubernetes events; nil speaks none.
	Recorder Recorder
	// Notifier takes them for Flux's notification-controller; nil tells it none.
	Notifier *Notifier
}

const (
	// maxNames is how many pods an event names; it counts the others.
	maxNames = 5
	// maxNote is what the API takes as the text of an event.
	maxNote = 1024
	// action is what the operator was doing, for all its events.
	action = "Reconcile"
)

// Acted tells of pods made and deleted, one event for a batch.
func (v *Voice) Acted(job *v1alpha1.BatchJob, done Done) {
	podsCreated(len(done.Created))
	if len(done.Created) > 0 {
		v.event(job, corev1.EventTypeNormal, "SuccessfulCreate", list("Created pod", done.Created))
	}
	if len(done.Deleted) > 0 {
		v.event(job, corev1.EventTypeNormal, "SuccessfulDelete", list("Deleted pod", done.Deleted))
	}
	if done.Err != nil && Classify(done.Err) != Wait {
		_, _, reason := done.refusal()
		message := done.Err.Error()
		if !done.Adopting {
			message = "Error creating: " + message
		}
		v.event(job, corev1.EventTypeWarning, reason, message)
	}
}

// Wrote tells what became true by a status write.
func (v *Voice) Wrote(job *v1alpha1.BatchJob, before, after *v1alpha1.BatchJobStatus) {
	podsFinished(before, after)
	v.followed(job, before, after)
	for _, t := range []string{v1alpha1.ConditionSuspended, v1alpha1.ConditionFailureTarget, v1alpha1.ConditionComplete, v1alpha1.ConditionFailed, v1alpha1.ConditionStalled} {
		old, now := meta.FindStatusCondition(before.Conditions, t), meta.FindStatusCondition(after.Conditions, t)
		if now == nil || old != nil && old.Status == now.Status && old.Reason == now.Reason {
			continue
		}
		v.turned(job, after, now)
	}
}

// followed tells of a run that took the place of another, and of a revision that
// is not run.
func (v *Voice) followed(job *v1alpha1.BatchJob, before, after *v1alpha1.BatchJobStatus) {
	if number(before) > 0 && number(after) > number(before) && len(after.History) > 0 {
		last := after.History[0]
		v.event(job, corev1.EventTypeNormal, "RunStarted", fmt.Sprintf("Run %d of revision %s (%s), after run %d (%s)",
			after.Run.Number, after.Revision, after.Run.Reason, last.Run, last.Outcome))
	}
	old, now := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionReady), meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionReady)
	if now != nil && now.Reason == v1alpha1.ReasonNotRun && (old == nil || old.Reason != now.Reason || before.Next == nil ||
		before.Next.Revision != after.Next.Revision) {
		v.event(job, corev1.EventTypeNormal, v1alpha1.ReasonNotRun, now.Message)
	}
}

// turned tells of one condition that changed.
func (v *Voice) turned(before *v1alpha1.BatchJob, after *v1alpha1.BatchJobStatus, c *metav1.Condition) {
	job := new(*before)
	job.Status = *after // run and revision are those of what became true
	isTrue := c.Status == metav1.ConditionTrue
	switch {
	case c.Type == v1alpha1.ConditionSuspended && isTrue:
		v.event(job, corev1.EventTypeNormal, "Suspended", c.Message)
	case c.Type == v1alpha1.ConditionSuspended:
		v.event(job, corev1.EventTypeNormal, "Resumed", c.Message)
	case c.Type == v1alpha1.ConditionComplete && isTrue:
		jobFinished(job, c)
		v.event(job, corev1.EventTypeNormal, "Completed", "Job completed")
	case c.Type == v1alpha1.ConditionFailed && isTrue:
		jobFinished(job, c)
	case c.Type == v1alpha1.ConditionFailureTarget && isTrue:
		v.event(job, corev1.EventTypeWarning, c.Reason, c.Message)
	case c.Type == v1alpha1.ConditionStalled && !meta.IsStatusConditionTrue(after.Conditions, v1alpha1.ConditionFailed):
		v.event(job, corev1.EventTypeWarning, c.Reason, c.Message)
	}
}

// event speaks of an object of either kind.
func (v *Voice) event(object client.Object, kind, reason, message string) {
	if v == nil {
		return
	}
	note := cut(message, maxNote)
	if v.Recorder != nil {
		v.Recorder.Eventf(object, nil, kind, reason, action, "%s", note)
	}
	v.Notifier.tell(object, kind, reason, note)
}

// list is batch/v1's sentence for one pod, and counts them for more.
func list(what string, names []string) string {
	if len(names) == 1 {
		return what + ": " + names[0]
	}
	shown := names[:min(len(names), maxNames)]
	message := fmt.Sprintf("%ss (%d): %s", what, len(names), strings.Join(shown, ", "))
	if len(shown) < len(names) {
		message += ", …"
	}
	return message
}
