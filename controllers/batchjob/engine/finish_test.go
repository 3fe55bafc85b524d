package engine_test

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

const (
	complete = "success"
	fails    = "failure"
	goesOn   = ""
)

// reached is the verdict that a plan writes, and its reason.
func reached(p engine.Plan) (kind, reason string) {
	for _, c := range p.Status.Conditions {
		if c.Status != metav1.ConditionTrue {
			continue
		}
		switch c.Type {
		case v1alpha1.ConditionSuccessCriteriaMet:
			return complete, c.Reason
		case v1alpha1.ConditionFailureTarget:
			return fails, c.Reason
		}
	}
	return goesOn, ""
}

type verdictCase struct {
	name   string
	job    *v1alpha1.BatchJob
	pods   []engine.Pod
	kind   string
	reason string
}

func (c verdictCase) run(t *testing.T) {
	t.Run(c.name, func(t *testing.T) {
		plan := decide(c.job, c.pods...)
		kind, reason := reached(plan)
		same(t, "verdict", kind, c.kind)
		same(t, "reason", reason, c.reason)
		if kind != goesOn {
			same(t, "created", plan.Create, []engine.PodOrder(nil))
		}
	})
}

func TestBackoffLimit(t *testing.T) {
	const exceeded = v1alpha1.ReasonBackoffLimitExceeded
	for _, c := range []verdictCase{
		{"as many failures as allowed", begun(job(limit(2))), pods("f", 2, failed), goesOn, ""},
		{"one more", begun(job(limit(2))), pods("f", 3, failed), fails, exceeded},
		{"counted, uncounted and new ones together",
			begun(job(limit(2)), counted(0, 1), uncounted(nil, pods("u", 1))), append(pods("u", 1, failed), pod("n", failed)), fails, exceeded},
		{"an uncounted one is not a new one", begun(job(limit(1)), uncounted(nil, pods("u", 1))), pods("u", 1, failed), goesOn, ""},
		{"six by default", begun(job(), counted(0, 6)), nil, goesOn, ""},
		{"seven by default", begun(job(), counted(0, 7)), nil, fails, exceeded},
		{"0 allows none", begun(job(limit(0))), pods("f", 1, failed), fails, exceeded},
		{"0 and no failure", begun(job(limit(0))), pods("r", 1), goesOn, ""},
		{"a deleted pod is a failure", begun(job(limit(0))), pods("d", 1, deleting), fails, exceeded},
		{"lowered below what has failed", begun(job(limit(1)), counted(0, 2)), pods("r", 1), fails, exceeded},
		{"more than 500 at once", begun(job(limit(600), fixed(900, 900))), pods("f", 601, failed), fails, exceeded},
		{"restarts with Never are the kubelet's", begun(job(limit(0))), pods("r", 1, restarts(9)), goesOn, ""},
		{"OnFailure: fewer restarts than the limit", begun(job(onFailure, limit(3), fixed(2, 2))), []engine.Pod{pod("a", restarts(1)), pod("b", restarts(1))}, goesOn, ""},
		{"OnFailure: as many restarts as the limit, all pods together",
			begun(job(onFailure, limit(3), fixed(2, 2))), []engine.Pod{pod("a", restarts(1)), pod("b", restarts(2))}, fails, exceeded},
		{"OnFailure: pending pods restart too", begun(job(onFailure, limit(2))), pods("p", 1, pending, restarts(2)), fails, exceeded},
		{"OnFailure: 0 allows no restart", begun(job(onFailure, limit(0))), pods("r", 1, restarts(1)), fails, exceeded},
		{"OnFailure: 0 and no restart", begun(job(onFailure, limit(0))), pods("r", 1), goesOn, ""},
		{"OnFailure: an ended pod's restarts are past", begun(job(onFailure, limit(2), fixed(1, 2))), pods("s", 1, succeeded, restarts(5)), goesOn, ""},
		{"OnFailure: failed pods count as with Never", begun(job(onFailure, limit(1))), pods("f", 2, failed), fails, exceeded},
	} {
		c.run(t)
	}
}

func TestCompletions(t *testing.T) {
	const met = v1alpha1.ReasonCompletionsReached
	for _, c := range []verdictCase{
		{"one by default", begun(job()), pods("s", 1, succeeded), complete, met},
		{"too few", begun(job(fixed(2, 3))), pods("s", 2, succeeded), goesOn, ""},
		{"enough", begun(job(fixed(2, 3)), counted(1, 0)), pods("s", 2, succeeded), complete, met},
		{"counted, uncounted and new ones together",
			begun(job(fixed(3, 3)), counted(1, 0), uncounted(pods("u", 1), nil)), []engine.Pod{pod("n", succeeded)}, complete, met},
		{"an uncounted one is not a new one", begun(job(fixed(2, 2)), uncounted(pods("u", 1), nil)), pods("u", 1, succeeded), goesOn, ""},
		{"more than enough", begun(job(fixed(1, 1)), counted(1, 0)), pods("s", 1, succeeded), complete, met},
		{"a pod is still active", begun(job(fixed(2, 2))), append(pods("s", 2, succeeded), pod("r")), goesOn, ""},
		{"0 at once", job(fixed(1, 0)), nil, complete, met},
		{"0 though suspended", job(fixed(1, 0), suspend), nil, complete, met},
		{"work queue: the first, and none active", begun(job(queue(3))), pods("s", 1, succeeded), complete, met},
		{"work queue: others are active", begun(job(queue(3))), append(pods("s", 1, succeeded), pod("r")), goesOn, ""},
		{"work queue: none succeeded", begun(job(queue(3))), pods("f", 3, failed), goesOn, ""},
		{"a failed pod is no success", begun(job()), pods("f", 1, failed), goesOn, ""},
		{"a pod that was let go before it ended", begun(job()), pods("s", 1, succeeded, released), goesOn, ""},
	} {
		c.run(t)
	}
}

func TestDeadline(t *testing.T) {
	const exceeded = v1alpha1.ReasonDeadlineExceeded
	later := begun(job(lasting(60)), func(s *v1alpha1.BatchJobStatus) { s.StartTime = stamp(time.Second - runAge) })
	for _, c := range []verdictCase{
		{"reached", begun(job(lasting(60))), pods("r", 1), fails, exceeded},
		{"passed", begun(job(lasting(59))), pods("r", 1), fails, exceeded},
		{"a second is left", begun(job(lasting(61))), pods("r", 1), goesOn, ""},
		{"started later", later, pods("r", 1), goesOn, ""},
		{"0: over before it starts", job(lasting(0)), nil, fails, exceeded},
		{"not started yet", job(lasting(1)), nil, goesOn, ""},
		{"0, once started", begun(job(lasting(0))), pods("r", 1), fails, exceeded},
		{"the largest number", begun(job(lasting(1<<63 - 1))), pods("r", 1), goesOn, ""},
		{"suspended: the clock stands", begun(job(lasting(1), suspend)), nil, goesOn, ""},
		{"suspended a moment ago", suspendedNow(begun(job(lasting(1)))), pods("r", 1), goesOn, ""},
	} {
		c.run(t)
	}
	same(t, "wake", decide(later, pod("r")).Wake, after(time.Second))
	held := decide(begun(job(lasting(90)), declared(v1alpha1.ConditionReady)), pod("r"))
	same(t, "wake", held.Wake, after(30*time.Second))
}

func suspendedNow(j *v1alpha1.BatchJob) *v1alpha1.BatchJob {
	suspend(j)
	return j
}

// TestOrderOfVerdicts: two hold at once, and batch/v1 says which one counts.
func TestOrderOfVerdicts(t *testing.T) {
	target, met := declared(v1alpha1.ConditionFailureTarget), declared(v1alpha1.ConditionSuccessCriteriaMet)
	for _, c := range []verdictCase{
		{"failure beats success", begun(job(limit(0), fixed(2, 1))), []engine.Pod{pod("s", succeeded), pod("f", failed)},
			fails, v1alpha1.ReasonBackoffLimitExceeded},
		{"the deadline beats success", begun(job(lasting(1))), pods("s", 1, succeeded), fails, v1alpha1.ReasonDeadlineExceeded},
		{"the deadline loses to the backoffLimit", begun(job(lasting(1), limit(0))), pods("f", 1, failed), fails, v1alpha1.ReasonBackoffLimitExceeded},
		{"a written failure stands when it succeeds", begun(job(), target), pods("s", 1, succeeded), fails, "Declared"},
		{"a written failure stands when nothing asks for it", begun(job(), target), pods("r", 1), fails, "Declared"},
		{"a written failure keeps its reason", begun(job(lasting(1), limit(0)), target), pods("f", 1, failed), fails, "Declared"},
		{"a written failure stands while suspended", begun(job(suspend), target), nil, fails, "Declared"},
		{"a written success stands when pods fail", begun(job(limit(0)), met), pods("f", 1, failed), complete, "Declared"},
		{"a written success stands when the deadline passes", begun(job(lasting(1)), met), pods("r", 1), complete, "Declared"},
		{"a written success stands when more are wanted", begun(job(fixed(5, 5)), met), pods("r", 1), complete, "Declared"},
	} {
		c.run(t)
	}
	no := begun(job(), func(s *v1alpha1.BatchJobStatus) {
		s.Conditions = append(s.Conditions, metav1.Condition{Type: v1alpha1.ConditionFailureTarget, Status: metav1.ConditionFalse, Reason: "No"})
	})
	kind, _ := reached(decide(no, pod("r")))
	same(t, "FailureTarget=False", kind, goesOn)
	both := decide(begun(job(), target, met))
	same(t, "a written success beside a written failure", isTrue(both.Status, v1alpha1.ConditionComplete), true)
}

// TestAFinishedJobStaysAsItIs whatever its pods and its spec say later.
func TestAFinishedJobStaysAsItIs(t *testing.T) {
	for _, done := range []bool{true, false} {
		j := finishedJob(done, limit(0), lasting(1))
		plan := decide(j, pod("s", succeeded), pod("f", failed))
		same(t, "conditions", plan.Status.Conditions, j.Status.Conditions)
	}
}

// TestTheWayToTheEnd: the interim condition is written first, the pods are
// removed once it has been read back, and the terminal one follows the last of
// them. Where nothing is left to terminate all is one write.
func TestTheWayToTheEnd(t *testing.T) {
	j := begun(job(limit(0), fixed(3, 3)))
	last := []engine.Pod{pod("f", failed), pod("r"), pod("l", released)}
	plan := decide(j, last...)
	same(t, "FailureTarget", verdict(plan.Status, v1alpha1.ConditionFailureTarget), "True/BackoffLimitExceeded")
	same(t, "Failed", verdict(plan.Status, v1alpha1.ConditionFailed), "")
	same(t, "deleted before the verdict is durable", append(plan.Delete, plan.Drop...), []engine.PodRef(nil))
	same(t, "state", plan.Outcome.State, engine.StateEnding)
	same(t, "active", plan.Status.Active, int32(2))

	j = wrote(j, plan)
	plan = decide(j, last...)
	same(t, "deleted", names(plan.Delete), []string{"r", "l"})
	same(t, "dropped", plan.Drop, []engine.PodRef(nil))
	same(t, "active", plan.Status.Active, int32(0))
	same(t, "ready", *plan.Status.Ready, int32(0))

	j = wrote(j, plan)
	last = []engine.Pod{pod("f", failed, released), pod("r", deleting)}
	plan = decide(j, last...)
	same(t, "Failed while a pod terminates", verdict(plan.Status, v1alpha1.ConditionFailed), "")
	checkUncounted(t, plan, 0, 1)

	plan = decide(wrote(j, plan), pod("r", failed, deleting))
	same(t, "Failed", verdict(plan.Status, v1alpha1.ConditionFailed), "True/BackoffLimitExceeded")
	checkCounts(t, plan, 0, 2)
	same(t, "state", plan.Outcome.State, engine.StateFailed)
	same(t, "completionTime", plan.Status.CompletionTime, (*metav1.Time)(nil))
}

// TestPodsLeftAtASuccess count as nothing: they are dropped, not failed.
func TestPodsLeftAtASuccess(t *testing.T) {
	j := begun(job(), declared(v1alpha1.ConditionSuccessCriteriaMet), counted(1, 0))
	plan := decide(j, pod("r"), pod("l", released))
	same(t, "dropped", names(plan.Drop), []string{"r"})
	same(t, "deleted", names(plan.Delete), []string{"l"})
	same(t, "Complete", isTrue(plan.Status, v1alpha1.ConditionComplete), false)
	same(t, "active", plan.Status.Active, int32(0))

	plan = decide(wrote(j, plan), pod("r", deleting, released))
	same(t, "Complete while a pod terminates", isTrue(plan.Status, v1alpha1.ConditionComplete), false)
	plan = decide(wrote(j, plan))
	same(t, "Complete", verdict(plan.Status, v1alpha1.ConditionComplete), "True/Declared")
	checkCounts(t, plan, 1, 0)
}

// TestOneWriteWhereNothingIsLeft has count, both conditions and the time.
func TestOneWriteWhereNothingIsLeft(t *testing.T) {
	plan := decide(begun(job()), pod("s", succeeded))
	s := plan.Status
	same(t, "SuccessCriteriaMet", verdict(s, v1alpha1.ConditionSuccessCriteriaMet), "True/CompletionsReached")
	same(t, "Complete", verdict(s, v1alpha1.ConditionComplete), "True/CompletionsReached")
	same(t, "completionTime", s.CompletionTime.Time, now)
	same(t, "succeeded", s.Succeeded, int32(1))
	same(t, "active", s.Active, int32(0))
	same(t, "outcome", plan.Outcome, engine.Outcome{State: engine.StateComplete, Reason: v1alpha1.ReasonCompletionsReached,
		Message: "Reached expected number of succeeded pods"})
}

// TestTheMessagesOfBatchV1 stand at the beginning of ours.
func TestTheMessagesOfBatchV1(t *testing.T) {
	for want, plan := range map[string]engine.Plan{
		"Job has reached the specified backoff limit":         decide(begun(job(limit(0))), pod("f", failed)),
		"Job was active longer than specified deadline":       decide(begun(job(lasting(1)))),
		"Reached expected number of succeeded pods":           decide(begun(job()), pod("s", succeeded)),
		"Job has reached the specified backoff limit: pod f ": decide(begun(job(limit(0))), pod("f", failed)),
	} {
		for _, c := range plan.Status.Conditions {
			if !strings.HasPrefix(c.Message, want) {
				t.Errorf("%s says %q, wanted %q…", c.Type, c.Message, want)
			}
		}
		if !strings.HasPrefix(plan.Outcome.Message, want) {
			t.Errorf("the outcome says %q, wanted %q…", plan.Outcome.Message, want)
		}
	}
}
