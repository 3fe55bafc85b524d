package report_test

import (
	"testing"

	kstatus "github.com/fluxcd/cli-utils/pkg/kstatus/status"
	"github.com/fluxcd/pkg/runtime/conditions/check"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
)

// cronAnswers is every state that a CronBatchJob can be found in, and the one
// answer of kstatus to it. Its last run has failed, which is none of them.
var cronAnswers = []struct {
	name   string
	state  engine.State // empty: no operator has looked
	change func(*v1alpha1.CronBatchJob)
	want   kstatus.Status
}{
	{"a fresh object", "", func(c *v1alpha1.CronBatchJob) {
		c.Status = v1alpha1.CronBatchJobStatus{ObservedGeneration: -1}
	}, kstatus.InProgressStatus},
	{"scheduled", engine.StateScheduled, nil, kstatus.CurrentStatus},
	{"suspended", engine.StateSuspended, nil, kstatus.CurrentStatus},
	{"past notAfter", engine.StateExpired, nil, kstatus.CurrentStatus},
	{"refused for good", engine.StateRefused, nil, kstatus.FailedStatus},
	{"refused for now", engine.StateRetrying, nil, kstatus.InProgressStatus},
	{"a new generation, not looked at", engine.StateScheduled, func(c *v1alpha1.CronBatchJob) { c.Generation++ }, kstatus.InProgressStatus},
	{"a new generation of a refused one, not looked at", engine.StateRefused, func(c *v1alpha1.CronBatchJob) { c.Generation++ }, kstatus.InProgressStatus},
	{"being deleted", engine.StateScheduled, func(c *v1alpha1.CronBatchJob) { c.DeletionTimestamp = new(metav1.NewTime(now)) }, kstatus.TerminatingStatus},
}

// TestKstatusOfACronBatchJob asks Flux's own library, and its rules for
// conditions.
func TestKstatusOfACronBatchJob(t *testing.T) {
	for _, a := range cronAnswers {
		c := cron()
		c.TypeMeta = metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.CronBatchJobKind}
		if a.state != "" {
			plan := engine.Plan{Status: c.Status.DeepCopy(), Outcome: engine.Outcome{State: a.state, Reason: "Why", Message: "because"}}
			c.Status = *report.CronStatus(now, c, plan)
		}
		if a.change != nil {
			a.change(c)
		}
		object, err := runtime.DefaultUnstructuredConverter.ToUnstructured(c)
		if err != nil {
			t.Fatal(err)
		}
		result, err := kstatus.Compute(&unstructured.Unstructured{Object: object})
		if err != nil {
			t.Fatal(err)
		}
		same(t, a.name, result.Status, a.want)
		if a.state == "" {
			continue
		}
		checker := check.NewChecker(nil, &check.Conditions{NegativePolarity: []string{v1alpha1.ConditionStalled, v1alpha1.ConditionReconciling}})
		if a.want == kstatus.InProgressStatus {
			checker = check.NewInProgressChecker(nil)
		}
		checker.DisableFetch = true
		if fail, warn := checker.Check(t.Context(), c); fail != nil || warn != nil {
			t.Errorf("%s: fails %v, warns %v: %+v", a.name, fail, warn, c.Status.Conditions)
		}
	}
}
