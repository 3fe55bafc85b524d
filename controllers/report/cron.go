package report

import (
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// RefuseCron writes into the status of a CronBatchJob that this version does
// not run schedules.
func RefuseCron(now time.Time, cron *v1alpha1.CronBatchJob) {
	field := "spec.schedule"
	if cron.Spec.Schedule == "" {
		field = "spec.schedules"
	}
	s := &cron.Status
	for _, c := range []metav1.Condition{
		{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse},
		{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue},
	} {
		c.Reason = v1alpha1.ReasonUnsupportedField
		c.Message = field + ": this version of the operator does not run schedules; nothing will be started"
		c.ObservedGeneration, c.LastTransitionTime = cron.Generation, metav1.NewTime(now)
		meta.SetStatusCondition(&s.Conditions, c)
	}
	s.ObservedGeneration = cron.Generation
	s.LastResult = "Stalled"
	s.Schedule = strings.Join(cron.Spec.GetSchedules(), "; ")
}
