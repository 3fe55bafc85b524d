package engine_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// TestWhatTheEngineLeavesAlone: fields of the status that are the voice's or a
// record of former runs.
func TestWhatTheEngineLeavesAlone(t *testing.T) {
	theirs := func(s *v1alpha1.BatchJobStatus) {
		s.ObservedGeneration, s.Phase, s.Reason, s.Progress, s.Duration, s.Images = 3, "P", "R", "1/2", "3s", "i"
		s.History = []v1alpha1.RunRecord{{Run: 1}}
		s.HandledRunTokens, s.SucceededRevisions, s.LastHandledReconcileAt = []string{"t"}, []string{"r"}, "at"
		s.Conditions = append(s.Conditions, metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionUnknown, Reason: "Progressing"},
			metav1.Condition{Type: "acme.io/Theirs", Status: metav1.ConditionTrue, Reason: "Theirs"})
	}
	for name, j := range map[string]*v1alpha1.BatchJob{"running": job(), "suspended": job(suspend), "ending": job(lasting(1))} {
		j = begun(j, theirs)
		plan := decide(j, pod("r"))
		got := plan.Status.DeepCopy()
		var kept []metav1.Condition
		for _, c := range got.Conditions {
			if c.Type == v1alpha1.ConditionReady || c.Type == "acme.io/Theirs" {
				kept = append(kept, c)
			}
		}
		want := v1alpha1.BatchJobStatus{}
		theirs(&want)
		same(t, name+": conditions", kept, want.Conditions)
		same(t, name+": reason", got.Reason, "R")
		same(t, name+": records", []any{got.History, got.HandledRunTokens, got.SucceededRevisions, got.LastHandledReconcileAt, got.ObservedGeneration},
			[]any{want.History, want.HandledRunTokens, want.SucceededRevisions, want.LastHandledReconcileAt, want.ObservedGeneration})
	}
}

// TestOurConditionsAreDated with the observation, and keep their date while they
// stay what they are.
func TestOurConditionsAreDated(t *testing.T) {
	j := job(suspend)
	j.Generation = 7
	c := condition(decide(j).Status, v1alpha1.ConditionSuspended)
	same(t, "condition", c, metav1.Condition{Type: v1alpha1.ConditionSuspended, Status: metav1.ConditionTrue, Reason: v1alpha1.ReasonJobSuspended,
		Message: "Job suspended", ObservedGeneration: 7, LastTransitionTime: metav1.NewTime(now)})
	later := wrote(j, decide(j))
	later.Generation = 8
	c = condition(decideAt(after(time.Hour), later).Status, v1alpha1.ConditionSuspended)
	same(t, "since", c.LastTransitionTime.Time, now)
	same(t, "generation", c.ObservedGeneration, int64(8))
}

// TestStartTime is when the run began, and stays.
func TestStartTime(t *testing.T) {
	plan := decide(job())
	same(t, "at the first look", plan.Status.StartTime.Time, now)
	j := wrote(job(), plan)
	same(t, "later", decideAt(after(time.Hour), j, pod("r")).Status.StartTime.Time, now)
	zero := decide(job(fixed(1, 0)))
	same(t, "of a job that ends at once", zero.Status.StartTime.Time, now)
	same(t, "its end", zero.Status.CompletionTime.Time, now)
	stalled := decide(job(refused))
	same(t, "of a job that is refused from the start", stalled.Status.StartTime, (*metav1.Time)(nil))
}

// TestARequestToReconcile is mirrored, once handled.
func TestARequestToReconcile(t *testing.T) {
	j := begun(job())
	j.Annotations = map[string]string{v1alpha1.AnnotationReconcileRequestedAt: "t1"}
	plan := decide(j, pod("r"))
	same(t, "handled", plan.Status.LastHandledReconcileAt, "t1")
	j = wrote(j, plan)
	delete(j.Annotations, v1alpha1.AnnotationReconcileRequestedAt)
	same(t, "after the annotation is gone", decide(j, pod("r")).Status.LastHandledReconcileAt, "t1")
}

// TestReadyNeverExceedsActive, which an API server refuses.
func TestReadyNeverExceedsActive(t *testing.T) {
	for name, plan := range map[string]engine.Plan{
		"stopped":   decide(begun(job(fixed(3, 3)), declared(v1alpha1.ConditionFailureTarget)), pods("r", 3)...),
		"suspended": decide(begun(job(fixed(3, 3), suspend)), pods("r", 3)...),
		"expired":   decide(begun(job(startWithin(1))), pod("p", pending, func(p *engine.Pod) { p.Ready = true })),
	} {
		same(t, name+": ready, active", []int32{*plan.Status.Ready, plan.Status.Active}, []int32{0, 0})
	}
}

// TestSetsOfAnIndexedJobOnly: others have neither.
func TestSetsOfAnIndexedJobOnly(t *testing.T) {
	plain := decide(begun(job()), pod("s", succeeded)).Status
	same(t, "of a plain job", []any{plain.CompletedIndexes, plain.FailedIndexes}, []any{"", (*string)(nil)})
	ofIndexed := decide(begun(indexed(1, 2)), pod("s", succeeded)).Status
	same(t, "of an Indexed one", []any{ofIndexed.CompletedIndexes, ofIndexed.FailedIndexes}, []any{"0", (*string)(nil)})
	same(t, "of one with a limit per index", *decide(begun(indexed(1, 2, perIndex(1)))).Status.FailedIndexes, "")
}
