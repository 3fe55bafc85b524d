package report

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
)

// CronStatus is the whole status after a plan: the engine's fields, and the
// kstatus conditions with the generation of this write. It changes neither
// argument. The plan must have a status.
func CronStatus(now time.Time, cron *v1alpha1.CronBatchJob, plan engine.Plan) *v1alpha1.CronBatchJobStatus {
	s := plan.Status.DeepCopy()
	kstatus(now, cron.Generation, &s.Conditions, readCron(plan.Outcome), plan.Outcome.Message)
	s.ObservedGeneration = cron.Generation
	return s
}

// readCron gives every state its reading. Ready is about the schedule, never
// about how a run ended: a failed run must not degrade the application that the
// schedule belongs to, and a suspended schedule is as it was asked to be.
func readCron(out engine.Outcome) reading {
	switch out.State {
	case engine.StateRefused:
		return reading{ready: metav1.ConditionFalse, reason: out.Reason, stalled: true}
	case engine.StateRetrying:
		return reading{ready: metav1.ConditionFalse, reason: out.Reason, reconciling: true}
	case engine.StateScheduled, engine.StateSuspended, engine.StateExpired, engine.StateGone:
	}
	return reading{ready: metav1.ConditionTrue, reason: out.Reason}
}
