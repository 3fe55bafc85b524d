package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// TestHowManyPodsAreWanted: by what is wanted at a time, what has succeeded and
// what is active.
func TestHowManyPodsAreWanted(t *testing.T) {
	for _, c := range []struct {
		name             string
		job              func(*v1alpha1.BatchJob)
		succeeded        int32
		active           int
		created, removed int
	}{
		{"one by default", asIs, 0, 0, 1, 0},
		{"one by default, running", asIs, 0, 1, 0, 0},
		{"as many at a time as said", fixed(3, 9), 0, 0, 3, 0},
		{"only completions said", spec(func(s *v1alpha1.BatchJobSpec) { s.Completions = new(int32(4)) }), 0, 0, 1, 0},
		{"the gap is filled", fixed(3, 9), 0, 1, 2, 0},
		{"no more than are left to succeed", fixed(5, 7), 5, 0, 2, 0},
		{"the last one", fixed(5, 7), 6, 0, 1, 0},
		{"the last one runs", fixed(5, 7), 6, 1, 0, 0},
		{"more at a time than to succeed", fixed(9, 2), 0, 0, 2, 0},
		{"too many for what is left", fixed(5, 7), 6, 3, 0, 2},
		{"raised", fixed(5, 9), 0, 3, 2, 0},
		{"lowered", fixed(2, 9), 0, 5, 0, 3},
		{"paused", fixed(0, 9), 0, 4, 0, 4},
		{"paused, none active", fixed(0, 9), 0, 0, 0, 0},
		{"work queue", queue(3), 0, 0, 3, 0},
		{"work queue, raised", queue(4), 0, 3, 1, 0},
		{"work queue, lowered", queue(2), 0, 3, 0, 1},
		{"work queue, paused", queue(0), 0, 3, 0, 3},
		{"work queue, nothing more after a success", queue(3), 1, 2, 0, 0},
		{"work queue, nothing less after a success", queue(1), 1, 3, 0, 0},
		{"work queue, not paused after a success", queue(0), 1, 3, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := decide(begun(job(c.job), counted(c.succeeded, 0)), pods("r", c.active)...)
			same(t, "created, removed", []int{len(plan.Create), len(plan.Drop)}, []int{c.created, c.removed})
			same(t, "deleted", plan.Delete, []engine.PodRef(nil))
			same(t, "status.active", int(plan.Status.Active), c.active+c.created-c.removed)
			same(t, "state", plan.Outcome.State, engine.StateRunning)
		})
	}
}

func asIs(*v1alpha1.BatchJob) {}

// TestEndsOfThisObservationCount towards what is wanted.
func TestEndsOfThisObservationCount(t *testing.T) {
	j := begun(job(fixed(3, 5), delays(0, 0)), counted(1, 0), uncounted(pods("u", 1), nil))
	plan := decide(j, pod("u0", succeeded), pod("n", succeeded), pod("f", failed), pod("r"))
	same(t, "created: 5 - 3 succeeded - 1 active", len(plan.Create), 1)
}

// TestAtMost500AtOnce, as in batch/v1; the next plan goes on.
func TestAtMost500AtOnce(t *testing.T) {
	same(t, "created", len(decide(begun(job(fixed(1200, 1200)))).Create), 500)
	plan := decide(begun(job(fixed(10, 1200))), pods("r", 900)...)
	same(t, "removed", len(plan.Drop), 500)
	same(t, "active", plan.Status.Active, int32(400))
	plan = decide(begun(job(), declared(v1alpha1.ConditionSuccessCriteriaMet)), pods("r", 900)...)
	same(t, "removed at the end", len(plan.Drop), 500)
}

// TestPodReplacementPolicy: a pod that is being deleted keeps its place under
// Failed and gives it up under TerminatingOrFailed.
func TestPodReplacementPolicy(t *testing.T) {
	for _, c := range []struct {
		policy  v1alpha1.PodReplacementPolicy
		pods    []engine.Pod
		created int
	}{
		{v1alpha1.TerminatingOrFailed, []engine.Pod{pod("r"), pod("d", deleting)}, 2},
		{v1alpha1.Failed, []engine.Pod{pod("r"), pod("d", deleting)}, 1},
		{v1alpha1.Failed, []engine.Pod{pod("r"), pod("d", deleting), pod("e", deleting)}, 0},
		{v1alpha1.Failed, pods("d", 5, deleting), 0},
		{v1alpha1.Failed, []engine.Pod{pod("r"), pod("d", deleting, released)}, 1},
		{v1alpha1.Failed, []engine.Pod{pod("r"), pod("d", failed, deleting)}, 2},
		{v1alpha1.Failed, []engine.Pod{pod("r"), pod("d", failed)}, 2},
	} {
		plan := decide(begun(job(fixed(3, 9), replacing(c.policy), delays(0, 0))), c.pods...)
		same(t, fmt.Sprintf("%s, %d pods: created", c.policy, len(c.pods)), len(plan.Create), c.created)
		same(t, "removed", len(plan.Drop), 0)
	}
}

// TestOrderOfRemoval is batch/v1's ActivePods order: those go first that have
// done least. Each pod here has done more than the one before.
func TestOrderOfRemoval(t *testing.T) {
	unassigned := func(p *engine.Pod) { p.Assigned = false }
	phase := func(ph corev1.PodPhase) func(*engine.Pod) { return func(p *engine.Pod) { p.Phase = ph } }
	unready := func(p *engine.Pod) { p.Ready, p.ReadySince = false, time.Time{} }
	readyFor := func(d time.Duration) func(*engine.Pod) {
		return func(p *engine.Pod) { p.Ready, p.ReadySince = true, after(-d) }
	}
	age := func(d time.Duration) func(*engine.Pod) { return func(p *engine.Pod) { p.Created = after(-d) } }
	order := []engine.Pod{
		pod("p01", readyFor(time.Hour), released), // removal was cut short
		pod("p02", readyFor(time.Hour), unassigned, age(2*time.Hour)),
		pod("p03", phase(corev1.PodPending), readyFor(time.Hour)),
		pod("p04", phase(corev1.PodUnknown), readyFor(time.Hour)),
		pod("p05", unready, restarts(0), age(time.Hour)),
		pod("p06", readyFor(time.Minute), age(9*time.Hour)),
		pod("p07", readyFor(time.Hour), restarts(7), age(9*time.Hour)),
		pod("p08", readyFor(time.Hour), restarts(2), age(9*time.Hour)),
		pod("p09", readyFor(time.Hour), restarts(2), age(10*time.Hour)),
		pod("p10", readyFor(time.Hour), restarts(2), age(10*time.Hour)), // by name
		pod("p11", readyFor(time.Hour), func(p *engine.Pod) { p.Restarts, p.MaxRestarts = 50, 1 }),
	}
	for n := range len(order) + 1 {
		for turn := range order {
			shuffled := slices.Concat(order[turn:], order[:turn])
			if turn%2 == 1 {
				slices.Reverse(shuffled)
			}
			plan := decide(begun(job(fixed(int32(len(order)-n), 99), limit(1000))), shuffled...)
			var want, wantDeleted []string
			for i := range order[:n] {
				if order[i].Tracked {
					want = append(want, order[i].Name)
				} else {
					wantDeleted = append(wantDeleted, order[i].Name)
				}
			}
			same(t, fmt.Sprintf("%d removed: dropped", n), names(plan.Drop), want)
			same(t, fmt.Sprintf("%d removed: deleted", n), names(plan.Delete), wantDeleted)
		}
	}
}

// TestReadyPodsThatAreRemoved are not ready any more.
func TestReadyPodsThatAreRemoved(t *testing.T) {
	plan := decide(begun(job(fixed(1, 9))), pod("a"), pod("b", pending), pod("c"))
	same(t, "removed", names(plan.Drop), []string{"b", "a"})
	same(t, "ready", *plan.Status.Ready, int32(1))
	same(t, "active", plan.Status.Active, int32(1))
}

// TestAPodThatLostOurLabel gets it back before anything else is decided: the next
// look would not find it.
func TestAPodThatLostOurLabel(t *testing.T) {
	unlabelled := func(p *engine.Pod) { p.Labelled = false }
	plan := decide(begun(job(fixed(3, 9), limit(0))), pod("runs", unlabelled), pod("ended", unlabelled, succeeded), pod("failed", failed),
		pod("let-go", unlabelled, released, succeeded), pod("finalizer", released))
	same(t, "plan", plan, engine.Plan{Track: []engine.PodRef{{Name: "runs", UID: "uid-runs"}, {Name: "ended", UID: "uid-ended"}},
		Outcome: engine.Outcome{State: engine.StateRunning}})
	same(t, "whatever its selector says", names(decide(begun(job()), pod("r", unlabelled, foreign)).Track), []string(nil))
}

// TestAPodThatLostOurFinalizer gets it back, or its end would go unseen; not while
// pods are being removed, when it may be one that we let go ourselves.
func TestAPodThatLostOurFinalizer(t *testing.T) {
	lost := []engine.Pod{pod("finalizer", released), pod("other"), pod("none"), pod("ending", released, deleting), pod("ended", released, succeeded)}
	plan := decide(begun(job(fixed(3, 9))), lost...)
	same(t, "tracked", names(plan.Track), []string{"finalizer"})
	same(t, "created", len(plan.Create), 0)
	plan = decide(begun(job(fixed(2, 9))), lost...)
	same(t, "tracked while one is removed", plan.Track, []engine.PodRef(nil))
	same(t, "deleted", names(plan.Delete), []string{"finalizer"})
}

// TestAPodThatCannotStart is told of, the first by name.
func TestAPodThatCannotStart(t *testing.T) {
	stuck := because(engine.Why{Container: "main", Reason: "ImagePullBackOff", Message: "the image x cannot be pulled"})
	plan := decide(begun(job(fixed(4, 9))), pod("r"), pod("z", pending, stuck), pod("b", pending, stuck), pod("a", pending))
	same(t, "outcome", plan.Outcome, engine.Outcome{State: engine.StateRunning, Short: "ImagePullBackOff",
		Message: `pod b: container "main": ImagePullBackOff: the image x cannot be pulled`})
	restarting := decide(begun(job(onFailure, limit(9))), pod("r", restarts(1), because(engine.Why{Container: "main", ExitCode: 1, Reason: "Error"})))
	same(t, "a pod that runs", restarting.Outcome, engine.Outcome{State: engine.StateRunning})
	loops := decide(begun(job(onFailure, limit(9))), pod("l", restarts(1), func(p *engine.Pod) { p.Ready = false },
		because(engine.Why{Container: "main", ExitCode: 3, Reason: "Error", Message: "no such table"})))
	same(t, "one that starts again and again", loops.Outcome, engine.Outcome{State: engine.StateRunning, Short: "exit 3: no such table",
		Message: `pod l: container "main" exited with code 3: no such table`})
}

// TestTheOrderForAPod says what it belongs to.
func TestTheOrderForAPod(t *testing.T) {
	j := begun(job(fixed(2, 2)))
	j.Status.Run.Number = 7
	for _, order := range decide(j).Create {
		same(t, "run", order.Run, int64(7))
		same(t, "revision", order.Revision, j.Status.Revision)
	}
}
