package engine_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stint-dev/stint/api/v1alpha1"
)

func template(mod func(*v1alpha1.BatchJobSpec)) func(*v1alpha1.CronBatchJob) {
	return func(c *v1alpha1.CronBatchJob) { mod(&c.Spec.JobTemplate.Spec) }
}

func failing(container string) func(*v1alpha1.CronBatchJob) {
	return template(func(s *v1alpha1.BatchJobSpec) {
		s.Template.Spec.Containers = []corev1.Container{{Name: "main"}}
		exit := &v1alpha1.PodFailurePolicyOnExitCodesRequirement{ContainerName: &container}
		s.PodFailurePolicy = &v1alpha1.PodFailurePolicy{Rules: []v1alpha1.PodFailurePolicyRule{{OnExitCodes: exit}}}
	})
}

func succeeding(indexes string) func(*v1alpha1.CronBatchJob) {
	return template(func(s *v1alpha1.BatchJobSpec) {
		s.CompletionMode, s.Completions = new(v1alpha1.IndexedCompletion), new(int32(3))
		s.SuccessPolicy = &v1alpha1.SuccessPolicy{Rules: []v1alpha1.SuccessPolicyRule{{SucceededIndexes: &indexes}}}
	})
}

func depending(namespace, expr string) func(*v1alpha1.CronBatchJob) {
	return template(func(s *v1alpha1.BatchJobSpec) {
		s.DependsOn = []v1alpha1.Dependency{{Name: "d", Namespace: namespace, ReadyExpr: expr}}
	})
}

// TestRunnable: what is like the refused ones, and right, starts.
func TestRunnable(t *testing.T) {
	for name, c := range map[string]struct {
		mod   func(*v1alpha1.CronBatchJob)
		cross bool
	}{
		"container":                  {failing("main"), false},
		"indexes":                    {succeeding("0-2"), false},
		"expression":                 {depending("team", "dep.status.succeeded > 1"), false},
		"another namespace, by flag": {depending("other", ""), true},
	} {
		o := observe("09:10", cron(last("09:00"), c.mod))
		o.CrossNamespace = c.cross
		_, starts := settle(t, o)
		same(t, name, startWords(starts), "09:10")
	}
}

// TestUnrunnable: no run is made that could never begin; the condition names the
// field of the jobTemplate. The corrected one starts at its next time.
func TestUnrunnable(t *testing.T) {
	for name, c := range map[string]struct {
		mod            func(*v1alpha1.CronBatchJob)
		reason, prefix string
	}{
		"no such container":         {failing("nobody"), "InvalidSpec", "podFailurePolicy.rules[0].onExitCodes.containerName: "},
		"indexes above completions": {succeeding("0-3"), "InvalidSpec", "successPolicy.rules[0].succeededIndexes: "},
		"expression":                {depending("", "1 + 1"), "InvalidExpression", "dependsOn[0].readyExpr: it gives int, not a bool; correct"},
		"another namespace":         {depending("other", ""), "InvalidSpec", "dependsOn[0].namespace: "},
	} {
		o := observe("09:15", cron(last("09:00"), c.mod))
		plan, starts := settle(t, o)
		same(t, name+": starts", startWords(starts), "")
		same(t, name+": missed", noticeWords(plan.Notices), "MissSchedule 1")
		same(t, name+": last", clockOf(plan.Status.LastScheduleTime), "09:10")
		o.Cron = written(o, plan)
		stalled := meta.FindStatusCondition(o.Cron.Status.Conditions, v1alpha1.ConditionStalled)
		if stalled == nil || stalled.Reason != c.reason || !strings.HasPrefix(stalled.Message, "spec.jobTemplate.spec."+c.prefix) {
			t.Errorf("%s: Stalled is %+v", name, stalled)
		}
		plan, _ = settle(t, o)
		same(t, name+": again", written(o, plan).Status, o.Cron.Status)
		o.Cron.Spec, o.Cron.Generation = cron().Spec, 2
		plan, _ = settle(t, o)
		same(t, name+": healed", meta.IsStatusConditionTrue(written(o, plan).Status.Conditions, v1alpha1.ConditionReady), true)
		o.Now = at("09:20")
		_, starts = settle(t, o)
		same(t, name+": starts then", startWords(starts), "09:20")
	}
}
