package engine_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// TestSuspendAndResume: the active pods go without counting, startTime goes with
// them, and the deadline starts anew at the resume.
func TestSuspendAndResume(t *testing.T) {
	j := begun(job(fixed(3, 9), lasting(90)))
	suspend(j)
	plan := decide(j, pod("r"), pod("l", released), pod("s", succeeded), pod("d", deleting))
	same(t, "state", plan.Outcome.State, engine.StateSuspended)
	same(t, "dropped", names(plan.Drop), []string{"r"})
	same(t, "deleted", names(plan.Delete), []string{"l"})
	same(t, "created", len(plan.Create), 0)
	same(t, "active", plan.Status.Active, int32(0))
	same(t, "startTime", plan.Status.StartTime, (*metav1.Time)(nil))
	same(t, "Suspended", verdict(plan.Status, v1alpha1.ConditionSuspended), "True/JobSuspended")
	same(t, "wake", plan.Wake, time.Time{})
	checkUncounted(t, plan, 1, 1)

	j = wrote(j, plan)
	plan = decideAt(after(time.Hour), j, pod("s", succeeded, released))
	same(t, "Suspended since", condition(plan.Status, v1alpha1.ConditionSuspended).LastTransitionTime.Time, now)
	checkCounts(t, plan, 1, 1)

	j = wrote(j, plan)
	j.Spec.Suspend = nil
	plan = decideAt(after(2*time.Hour), j)
	same(t, "created", len(plan.Create), 3)
	same(t, "startTime", plan.Status.StartTime.Time, after(2*time.Hour))
	same(t, "Suspended", verdict(plan.Status, v1alpha1.ConditionSuspended), "False/JobResumed")
	checkCounts(t, plan, 1, 1)
	same(t, "the run", plan.Status.Run, j.Status.Run)

	j = wrote(j, plan)
	same(t, "wake for the deadline", decideAt(after(2*time.Hour+time.Minute), j, pods("n", 3)...).Wake, after(2*time.Hour+90*time.Second))
	kind, _ := reached(decideAt(after(2*time.Hour+89*time.Second), j))
	same(t, "a second before the deadline", kind, goesOn)
}

func condition(s *v1alpha1.BatchJobStatus, t string) metav1.Condition {
	for _, c := range s.Conditions {
		if c.Type == t {
			return c
		}
	}
	return metav1.Condition{}
}

// TestSuspendedIsNeverAddedAsFalse, as in batch/v1.
func TestSuspendedIsNeverAddedAsFalse(t *testing.T) {
	same(t, "Suspended", verdict(decide(begun(job()), pod("r")).Status, v1alpha1.ConditionSuspended), "")
}

// TestCreatedSuspended: the run begins, its clock does not.
func TestCreatedSuspended(t *testing.T) {
	plan := decide(job(suspend))
	same(t, "created", len(plan.Create), 0)
	same(t, "startTime", plan.Status.StartTime, (*metav1.Time)(nil))
	same(t, "Suspended", verdict(plan.Status, v1alpha1.ConditionSuspended), "True/JobSuspended")
	same(t, "the run", plan.Status.Run, &v1alpha1.RunStatus{Number: 1, Reason: v1alpha1.RunCreated})

	j := wrote(job(), plan)
	resumed := decideAt(after(time.Hour), j)
	same(t, "created", len(resumed.Create), 1)
	same(t, "startTime", resumed.Status.StartTime.Time, after(time.Hour))
}

// TestASuspendedPodIsTried once for each generation, without making it: one that
// can never run is told so before anybody waits for it.
func TestASuspendedPodIsTried(t *testing.T) {
	for name, j := range map[string]*v1alpha1.BatchJob{"plain": job(suspend), "indexed": indexed(2, 3, perIndex(1), suspend)} {
		plan := decide(j)
		if plan.Try == nil {
			t.Fatalf("%s: nothing is tried", name)
		}
		same(t, name+": tried", *plan.Try, engine.PodOrder{Name: plan.Try.Name, Run: 1, Revision: revisionOf(j),
			Indexed: j.Spec.IsIndexed(), CountsFailures: j.Spec.IsIndexed()})
		same(t, name+": created", len(plan.Create), 0)
		j = wrote(j, plan)
		same(t, name+": tried again", decide(j).Try, (*engine.PodOrder)(nil))
		j.Generation++
		same(t, name+": tried for another generation", decide(j).Try != nil, true)
	}
	for name, j := range map[string]*v1alpha1.BatchJob{
		"running": job(), "refused": job(suspend, refused), "complete": job(suspend, fixed(1, 0)),
	} {
		same(t, name+": tried", decide(j).Try, (*engine.PodOrder)(nil))
	}
}

// TestTheBackoffSurvivesASuspend, as the failures do.
func TestTheBackoffSurvivesASuspend(t *testing.T) {
	j := begun(job(suspend), backedOff(2, 0), counted(0, 2))
	plan := decide(j)
	same(t, "failures", plan.Status.Backoff.Failures, int32(2))
	same(t, "failed", plan.Status.Failed, int32(2))
	j = wrote(j, plan)
	j.Spec.Suspend = nil
	same(t, "wake at the resume", decide(j).Wake, after(20*time.Second))
}

// TestSuspendingAJobThatIsEnding does not undo its verdict.
func TestSuspendingAJobThatIsEnding(t *testing.T) {
	j := begun(job(suspend), declared(v1alpha1.ConditionFailureTarget))
	j.Status.StartTime = stamp(-runAge)
	plan := decide(j, pod("r"))
	same(t, "deleted, so that they count", names(plan.Delete), []string{"r"})
	same(t, "Suspended", verdict(plan.Status, v1alpha1.ConditionSuspended), "True/JobSuspended")
	same(t, "startTime", plan.Status.StartTime.Time, after(-runAge))
	done := decide(wrote(j, plan))
	same(t, "Failed", isTrue(done.Status, v1alpha1.ConditionFailed), true)
}

// TestWhoSuspended: git does not say suspend, so the message names the field
// manager who did.
func TestWhoSuspended(t *testing.T) {
	entry := func(manager, fields, subresource string) metav1.ManagedFieldsEntry {
		return metav1.ManagedFieldsEntry{Manager: manager, Subresource: subresource, FieldsV1: metav1.NewFieldsV1(fields)}
	}
	const owns = `{"f:spec":{"f:suspend":{}}}`
	for _, c := range []struct {
		name    string
		entries []metav1.ManagedFieldsEntry
		want    string
	}{
		{"nobody known", nil, ""},
		{"one", []metav1.ManagedFieldsEntry{entry("kubectl-edit", owns, "")}, " (set by kubectl-edit)"},
		{"two, each once", []metav1.ManagedFieldsEntry{entry("kueue", owns, ""), entry("helm", owns, ""), entry("kueue", owns, "")}, " (set by kueue, helm)"},
		{"others' fields", []metav1.ManagedFieldsEntry{entry("flux", `{"f:spec":{"f:template":{}}}`, "")}, ""},
		{"the same name elsewhere", []metav1.ManagedFieldsEntry{entry("flux", `{"f:metadata":{"f:suspend":{}}}`, "")}, ""},
		{"through a subresource", []metav1.ManagedFieldsEntry{entry("hpa", owns, "scale")}, ""},
		{"no JSON", []metav1.ManagedFieldsEntry{entry("odd", `{`, ""), {Manager: "none"}}, ""},
	} {
		j := job(suspend)
		j.ManagedFields = c.entries
		same(t, c.name, decide(j).Outcome.Message, "spec.suspend is true"+c.want+"; set it to false, or remove it, to run")
	}
}
