package report

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
)

// tooMany is from where on batch/v1 calls missed times too many.
const tooMany = 100

// Started tells of a run that exists now, and how late it is.
func (v *Voice) Started(cron *v1alpha1.CronBatchJob, start engine.Start, now time.Time) {
	cronStarted(start, now)
	v.event(cron, corev1.EventTypeNormal, "SuccessfulCreate", "Created job "+start.Name)
}

// NotStarted tells why the API server did not take a run.
func (v *Voice) NotStarted(cron *v1alpha1.CronBatchJob, err error) {
	v.event(cron, corev1.EventTypeWarning, "FailedCreate", "Error creating job: "+err.Error())
}

// Removed tells of runs that were deleted.
func (v *Voice) Removed(cron *v1alpha1.CronBatchJob, names []string) {
	if len(names) > 0 {
		v.event(cron, corev1.EventTypeNormal, "SuccessfulDelete", list("Deleted job", names))
	}
}

// Kept tells of a run that could not be deleted.
func (v *Voice) Kept(cron *v1alpha1.CronBatchJob, name string, err error) {
	v.event(cron, corev1.EventTypeWarning, "FailedDelete", fmt.Sprintf("Error deleting job %s: %v", name, err))
}

// Unexpected tells of an unfinished BatchJob that the schedule did not start.
func (v *Voice) Unexpected(cron *v1alpha1.CronBatchJob, name string) {
	v.event(cron, corev1.EventTypeWarning, "UnexpectedJob", "Saw a job that the controller did not create or forgot: "+name)
}

// CronWrote tells what became true by a status write.
func (v *Voice) CronWrote(cron *v1alpha1.CronBatchJob, before, after *v1alpha1.CronBatchJobStatus, notices []engine.Notice) {
	for _, n := range notices {
		cronNoticed(n)
		v.noticed(cron, n)
	}
	old, now := meta.FindStatusCondition(before.Conditions, v1alpha1.ConditionStalled), meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionStalled)
	if now != nil && (old == nil || old.Reason != now.Reason || old.Message != now.Message) {
		v.event(cron, corev1.EventTypeWarning, now.Reason, now.Message)
	}
}

// noticed has batch/v1's words where it has any.
func (v *Voice) noticed(cron *v1alpha1.CronBatchJob, n engine.Notice) {
	at := n.Latest.UTC().Format(time.RFC3339)
	warning := func(text string) { v.event(cron, corev1.EventTypeWarning, n.Reason, text) }
	normal := func(text string) { v.event(cron, corev1.EventTypeNormal, n.Reason, text) }
	switch n.Reason {
	case v1alpha1.ReasonMissSchedule:
		if n.Count > tooMany {
			v.event(cron, corev1.EventTypeWarning, "TooManyMissedTimes", fmt.Sprintf("too many missed start times: %d. "+
				"Set or decrease .spec.startingDeadlineSeconds or check clock skew", n.Count))
		}
		warning(plural(n.Count, "Missed scheduled time to start a job: "+at, "Missed %d scheduled times to start a job, the latest: "+at))
	case v1alpha1.ReasonBlackout:
		normal(plural(n.Count, "Not starting job because its time is in a blackout: "+at,
			"Not starting jobs because their %d times are in a blackout, the latest: "+at))
	case v1alpha1.ReasonQueueFull:
		warning(plural(n.Count, "Not starting job because the queue is full: "+at, "Not starting jobs because the queue is full: %d times, the latest: "+at))
	case v1alpha1.ReasonNameTaken:
		warning(fmt.Sprintf("Not starting job for %s: a job named %s exists and does not belong to this CronBatchJob", at, n.Name))
	case v1alpha1.ReasonJobAlreadyActive:
		if n.Waits {
			normal("Not starting job because prior execution is running and concurrency policy is " +
				string(cron.Spec.GetConcurrencyPolicy()) + "; it waits: " + at)
			return
		}
		// Another reason than that of waiting, or the API would fold the two
		// into one event.
		v.event(cron, corev1.EventTypeNormal, v1alpha1.ReasonMissSchedule, plural(n.Count,
			"Not starting job because a later time waits: "+at, "Not starting jobs because a later time waits: %d times, the latest: "+at))
	case "SawCompletedJob":
		normal(fmt.Sprintf("Saw completed job: %s, condition: %s", n.Name, n.Result))
	case "MissingJob":
		normal("Active job went missing: " + n.Name)
	}
}

// plural takes the sentence for one, or the one for many with their number.
func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return fmt.Sprintf(many, n)
}
