package report_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/report"
)

// TestRefuseCron: a schedule that is not run says so, naming the field, and says
// the same each time.
func TestRefuseCron(t *testing.T) {
	for field, spec := range map[string]v1alpha1.CronBatchJobSpec{
		"spec.schedule:":  {Schedule: "@daily"},
		"spec.schedules:": {Schedules: []string{"@daily", "@hourly"}},
	} {
		cron := &v1alpha1.CronBatchJob{ObjectMeta: metav1.ObjectMeta{Generation: 4}, Spec: spec}
		report.RefuseCron(now, cron)
		again := cron.DeepCopy()
		report.RefuseCron(now.Add(time.Hour), again)
		same(t, "said again", again, cron)
		same(t, "observedGeneration", cron.Status.ObservedGeneration, int64(4))
		same(t, "schedules", cron.Status.Schedule, strings.Join(cron.Spec.GetSchedules(), "; "))
		want := map[string]metav1.ConditionStatus{v1alpha1.ConditionReady: metav1.ConditionFalse, v1alpha1.ConditionStalled: metav1.ConditionTrue}
		same(t, "conditions", len(cron.Status.Conditions), len(want))
		for _, c := range cron.Status.Conditions {
			same(t, c.Type, c.Status, want[c.Type])
			same(t, c.Type+": reason", c.Reason, v1alpha1.ReasonUnsupportedField)
			same(t, c.Type+" observes", c.ObservedGeneration, int64(4))
			same(t, c.Type+" names the field", strings.HasPrefix(c.Message, field), true)
		}
	}
}
