package engine_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// refused is a spec that can never run.
var refused = policy(onExit(failJob, true, "nobody", 1))

// workingFields have their tests in this package; managedBy means that nothing is
// done.
var workingFields = []string{"Parallelism", "Completions", "CompletionMode", "BackoffLimit", "BackoffLimitPerIndex", "MaxFailedIndexes",
	"ActiveDeadlineSeconds", "PodFailurePolicy", "SuccessPolicy", "PodReplacementPolicy", "Suspend", "TTLSecondsAfterFinished",
	"Selector", "ManualSelector", "ManagedBy", "Template", "TTLPolicy", "Backoff", "PodStartTimeoutSeconds",
	"RerunPolicy", "UpdatePolicy", "RunAt", "PodHistoryLimit", "DependsOn"}

// TestNoFieldIsSilent: each field of the spec works; one that does not yet is
// refused, and listed here.
func TestNoFieldIsSilent(t *testing.T) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[v1alpha1.BatchJobSpec]()) {
		if !slices.Contains(workingFields, f.Name) {
			t.Errorf("spec.%s: say whether it works or is refused", f.Name)
		}
	}
}

// TestARefusedSpec: no pod is made, those that run go on, and a correction is
// enough.
func TestARefusedSpec(t *testing.T) {
	j := job(refused, fixed(2, 2))
	fresh := decide(j)
	checkRefused(t, fresh, v1alpha1.ReasonInvalidSpec, "nobody")
	same(t, "a run of what never ran", fresh.Status.Run, (*v1alpha1.RunStatus)(nil))
	same(t, "startTime of what never ran", fresh.Status.StartTime, (*metav1.Time)(nil))
	healed := job(fixed(2, 2))
	healed.Status = *fresh.Status
	same(t, "created once it is corrected", len(decide(healed).Create), 2)
}

func checkRefused(t *testing.T, p engine.Plan, reason, word string) {
	t.Helper()
	same(t, "state", p.Outcome.State, engine.StateRefused)
	same(t, "reason", p.Outcome.Reason, reason)
	if !strings.Contains(p.Outcome.Message, word) {
		t.Errorf("the message %q does not name %s", p.Outcome.Message, word)
	}
	same(t, "created", len(p.Create), 0)
}

// TestDefaultsAreNotRefused: what the API server fills in.
func TestDefaultsAreNotRefused(t *testing.T) {
	plan := decide(job(spec(func(s *v1alpha1.BatchJobSpec) {
		s.CompletionMode, s.RerunPolicy, s.UpdatePolicy = new(v1alpha1.NonIndexedCompletion), v1alpha1.RerunOnChange, v1alpha1.UpdateDrain
		s.PodHistoryLimit, s.ManualSelector, s.Suspend, s.DependsOn = new(int32(1)), new(false), new(false), []v1alpha1.Dependency{}
	})))
	same(t, "state", plan.Outcome.State, engine.StateRunning)
}

// rejectedAt is the status after the API server refused the pod of a generation.
func rejectedAt(generation int64) func(*v1alpha1.BatchJobStatus) {
	return func(s *v1alpha1.BatchJobStatus) {
		s.Conditions = append(s.Conditions, metav1.Condition{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue,
			Reason: v1alpha1.ReasonPodRejected, Message: "the API server's words", ObservedGeneration: generation})
	}
}

// TestARejectedPod is tried once for each generation, and at a request.
func TestARejectedPod(t *testing.T) {
	held := decide(begun(job(), rejectedAt(1)))
	checkRefused(t, held, v1alpha1.ReasonPodRejected, "the API server's words")
	same(t, "wake", held.Wake, time.Time{})

	changed := begun(job(), rejectedAt(1))
	changed.Generation = 2
	same(t, "created for a new generation", len(decide(changed).Create), 1)

	asked := begun(job(), rejectedAt(1))
	asked.Annotations = map[string]string{v1alpha1.AnnotationReconcileRequestedAt: "t1"}
	plan := decide(asked)
	same(t, "created at a request", len(plan.Create), 1)
	same(t, "the request is handled", plan.Status.LastHandledReconcileAt, "t1")
	same(t, "created again", len(decide(wrote(asked, plan)).Create), 0)

	for _, other := range []func(*metav1.Condition){
		func(c *metav1.Condition) { c.Status = metav1.ConditionFalse },
		func(c *metav1.Condition) { c.Reason = v1alpha1.ReasonInvalidSpec },
	} {
		j := begun(job(), rejectedAt(1))
		other(&j.Status.Conditions[len(j.Status.Conditions)-1])
		same(t, "created where it is stalled for another reason", len(decide(j).Create), 1)
	}
}

// TestARetry: no pod until its time, then one, and the words stay meanwhile.
func TestARetry(t *testing.T) {
	j := begun(job(fixed(2, 2)), func(s *v1alpha1.BatchJobStatus) {
		s.Conditions = append(s.Conditions, metav1.Condition{Type: v1alpha1.ConditionReconciling, Status: metav1.ConditionTrue,
			Reason: v1alpha1.ReasonProgressingWithRetry, Message: "exceeded quota"})
	})
	look := func(at, retry time.Duration) engine.Plan {
		return engine.Decide(engine.Observed{Now: after(at), Job: j, RetryAt: after(retry), Pods: pods("r", 1)})
	}
	plan := look(0, time.Second)
	same(t, "outcome", plan.Outcome, engine.Outcome{State: engine.StateRetrying, Reason: v1alpha1.ReasonProgressingWithRetry, Message: "exceeded quota"})
	same(t, "created", len(plan.Create), 0)
	same(t, "removed", len(plan.Drop), 0)
	same(t, "wake", plan.Wake, after(time.Second))
	same(t, "created in time", len(look(time.Second, time.Second).Create), 1)

	j.Status.Conditions[0].Reason, j.Status.Conditions[0].Message = v1alpha1.ReasonProgressing, "Run 1: 1 active"
	if words := look(0, time.Second).Outcome.Message; strings.Contains(words, "active") || words == "" {
		t.Errorf("the message is %q", words)
	}
	suspend(j)
	same(t, "a suspend comes first", look(0, time.Second).Outcome.State, engine.StateSuspended)
}

// TestOrderOfHolds: what a person has to mend comes before what a person has
// asked for.
func TestOrderOfHolds(t *testing.T) {
	j := begun(job(), rejectedAt(1))
	look := func(want engine.State, reason string) {
		t.Helper()
		out := engine.Decide(engine.Observed{Now: now, Job: j, RetryAt: after(time.Second)}).Outcome
		same(t, "state", out.State, want)
		same(t, "reason", out.Reason, reason)
	}
	look(engine.StateRefused, v1alpha1.ReasonPodRejected)
	suspend(j)
	look(engine.StateRefused, v1alpha1.ReasonPodRejected)
	refused(j)
	look(engine.StateRefused, v1alpha1.ReasonInvalidSpec)
	j = begun(job(suspend, dependent("db")))
	look(engine.StateSuspended, v1alpha1.ReasonSuspended)
	j.Spec.Suspend = nil
	look(engine.StateWaiting, v1alpha1.ReasonDependencyNotReady)
	j.Spec.DependsOn = nil
	look(engine.StateRetrying, v1alpha1.ReasonProgressingWithRetry)
	j.Status.Conditions = nil
	declared(v1alpha1.ConditionFailureTarget)(&j.Status)
	look(engine.StateFailed, "Declared")
}
