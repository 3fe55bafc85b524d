package engine_test

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// TestAnEndIsCountedOnce follows one end through the three writes of KEP-2307:
// written down, let go, counted. At each step the plan is made twice from what
// is durable, since the process may have died in between.
func TestAnEndIsCountedOnce(t *testing.T) {
	for _, c := range []struct {
		name              string
		end               func(*engine.Pod)
		succeeded, failed int32
	}{
		{"success", succeeded, 1, 0},
		{"failure", failed, 0, 1},
		{"deletion", deleting, 0, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := begun(job(fixed(2, 5)))
			p, other := pod("a", c.end), pod("b")

			first := decide(j, p, other)
			same(t, "let go before it was written down", first.Release, []engine.PodRef(nil))
			same(t, "counted before it was let go", first.Status.Succeeded+first.Status.Failed, int32(0))
			checkUncounted(t, first, c.succeeded, c.failed)

			j = wrote(j, first)
			second := decide(j, p, other)
			same(t, "released", names(second.Release), []string{"a"})
			same(t, "counted while it was held", second.Status.Succeeded+second.Status.Failed, int32(0))
			checkUncounted(t, second, c.succeeded, c.failed)

			for _, left := range [][]engine.Pod{{pod("a", c.end, released), other}, {other}} {
				third := decide(wrote(j, second), left...)
				same(t, "released again", third.Release, []engine.PodRef(nil))
				checkUncounted(t, third, 0, 0)
				checkCounts(t, third, c.succeeded, c.failed)
				fourth := decide(wrote(j, third), left...)
				checkUncounted(t, fourth, 0, 0)
				checkCounts(t, fourth, c.succeeded, c.failed)
			}
		})
	}
}

func checkUncounted(t *testing.T, p engine.Plan, succeeded, failed int32) {
	t.Helper()
	u := p.Status.UncountedTerminatedPods
	if u == nil {
		u = &v1alpha1.UncountedTerminatedPods{}
	}
	same(t, "uncounted succeeded, failed", []int{len(u.Succeeded), len(u.Failed)}, []int{int(succeeded), int(failed)})
}

func checkCounts(t *testing.T, p engine.Plan, succeeded, failed int32) {
	t.Helper()
	same(t, "status.succeeded, failed", []int32{p.Status.Succeeded, p.Status.Failed}, []int32{succeeded, failed})
}

// TestACrashAtAnyStepCountsOnce: the status write of a step is lost, or its
// release is; the next observation shows one without the other.
func TestACrashAtAnyStepCountsOnce(t *testing.T) {
	j := begun(job(fixed(1, 3)))
	p := pod("a", succeeded)

	same(t, "the write was lost", decide(j, p).Status, decide(j, p).Status)

	known := begun(job(fixed(1, 3)), uncounted([]engine.Pod{p}, nil))
	again := decide(known, p)
	same(t, "the release was lost: it is asked for again", names(again.Release), []string{"a"})
	checkUncounted(t, again, 1, 0)

	folded := begun(job(fixed(1, 3)), counted(1, 0))
	gone := decide(folded, pod("a", succeeded, released))
	checkCounts(t, gone, 1, 0)
	checkUncounted(t, gone, 0, 0)
}

// TestWhatIsAFailure is batch/v1's isPodFailed.
func TestWhatIsAFailure(t *testing.T) {
	target := declared(v1alpha1.ConditionFailureTarget)
	none := func(*v1alpha1.BatchJobStatus) {}
	for _, c := range []struct {
		name   string
		policy v1alpha1.PodReplacementPolicy
		was    func(*v1alpha1.BatchJobStatus)
		pod    engine.Pod
		wanted bool
	}{
		{"failed", v1alpha1.TerminatingOrFailed, none, pod("a", failed), true},
		{"failed and deleted", v1alpha1.TerminatingOrFailed, none, pod("a", failed, deleting), true},
		{"deleted while it runs", v1alpha1.TerminatingOrFailed, none, pod("a", deleting), true},
		{"deleted while pending", v1alpha1.TerminatingOrFailed, none, pod("a", pending, deleting), true},
		{"running", v1alpha1.TerminatingOrFailed, none, pod("a"), false},
		{"its state unknown", v1alpha1.TerminatingOrFailed, none, pod("a", ended(corev1.PodUnknown, 0)), false},
		{"let go before it failed", v1alpha1.TerminatingOrFailed, none, pod("a", failed, released), false},
		{"let go and deleted", v1alpha1.TerminatingOrFailed, none, pod("a", deleting, released), false},
		{"policy Failed: failed", v1alpha1.Failed, none, pod("a", failed), true},
		{"policy Failed: still terminating", v1alpha1.Failed, none, pod("a", deleting), false},
		{"policy Failed: deleted by force", v1alpha1.Failed, none, pod("a", deleting, forced), true},
		{"policy Failed: the job has failed", v1alpha1.Failed, target, pod("a", deleting), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := decide(begun(job(fixed(2, 5), replacing(c.policy)), c.was), c.pod, pod("b"))
			checkUncounted(t, plan, 0, map[bool]int32{true: 1}[c.wanted])
		})
	}
	plan := decide(begun(job(fixed(2, 5))), pod("a", succeeded, deleting), pod("b"))
	checkUncounted(t, plan, 1, 0)
}

// TestAtMost500AreWrittenDown: the others wait for the next write, and are not
// forgotten by it.
func TestAtMost500AreWrittenDown(t *testing.T) {
	j := begun(job(fixed(800, 5000), limit(5000)))
	var all []engine.Pod
	for i := range 700 {
		end := ended(corev1.PodSucceeded, -time.Duration(2000-i)*time.Second)
		if i >= 400 {
			end = ended(corev1.PodFailed, -time.Duration(2000-i)*time.Second)
		}
		all = append(all, pod(fmt.Sprintf("p%03d", i), end))
	}
	plan := decide(j, all...)
	checkUncounted(t, plan, 400, 100)
	same(t, "released", plan.Release, []engine.PodRef(nil))

	j = wrote(j, plan)
	plan = decide(j, all...)
	same(t, "released", len(plan.Release), 500)
	checkUncounted(t, plan, 400, 100)

	for i := range 500 {
		all[i].Tracked = false
	}
	plan = decide(wrote(j, plan), all...)
	checkCounts(t, plan, 400, 100)
	checkUncounted(t, plan, 0, 200)
	same(t, "failures in the back-off", plan.Status.Backoff.Failures, int32(300))
}

// TestTheRoomIsShared: what is already written down takes room.
func TestTheRoomIsShared(t *testing.T) {
	old := pods("old", 498, failed)
	fresh := append(pods("s", 3, succeeded), pods("f", 3, failed)...)
	j := begun(job(fixed(900, 5000), limit(5000)), uncounted(nil, old))
	checkUncounted(t, decide(j, append(old, fresh...)...), 2, 498)
}

// TestTheTerminalWriteCountsEverything: with the verdict and no pod left,
// nothing is left uncounted, whatever the room, and no finalizer comes off that
// was not durable before.
func TestTheTerminalWriteCountsEverything(t *testing.T) {
	written := pods("w", 2, succeeded)
	all := append(pods("s", 700, succeeded), written...)
	j := begun(job(fixed(900, 702), limit(50)), uncounted(written, nil), counted(0, 7))
	plan := decide(j, append(all, pods("f", 20, failed)...)...)
	checkCounts(t, plan, 702, 27)
	checkUncounted(t, plan, 0, 0)
	same(t, "Complete", isTrue(plan.Status, v1alpha1.ConditionComplete), true)
	same(t, "released", names(plan.Release), []string{"w0", "w1"})

	failing := decide(begun(job(fixed(2, 5), limit(0))), pod("a", failed), pod("b", succeeded))
	checkCounts(t, failing, 1, 1)
	checkUncounted(t, failing, 0, 0)
	same(t, "Failed", isTrue(failing.Status, v1alpha1.ConditionFailed), true)
	same(t, "released", failing.Release, []engine.PodRef(nil))
}

// TestAFinishedRunNeverCounts: it only takes finalizers off.
func TestAFinishedRunNeverCounts(t *testing.T) {
	for _, complete := range []bool{true, false} {
		j := finishedJob(complete, fixed(3, 3))
		counted(3, 1)(&j.Status)
		plan := decide(j, pod("s", succeeded), pod("f", failed), pod("d", deleting), pod("x", failed, released))
		same(t, "status", plan.Status, &j.Status)
		same(t, "released", names(plan.Release), []string{"s", "f", "d"})
	}
}

// TestPodsOfOtherRuns count for nothing. Those of earlier runs have been
// counted; those of later ones belong to a status that is yet to be seen.
func TestPodsOfOtherRuns(t *testing.T) {
	run := func(n int64) func(*engine.Pod) { return func(p *engine.Pod) { p.Run = n } }
	j := begun(job(fixed(1, 2)))
	j.Status.Run.Number = 2
	plan := decide(j, pod("earlier", failed, run(1)), pod("mine", run(2)), pod("later", failed, run(3)),
		pod("let-go", succeeded, run(1), released))
	same(t, "released", names(plan.Release), []string{"earlier"})
	checkUncounted(t, plan, 0, 0)
	checkCounts(t, plan, 0, 0)
	same(t, "active", plan.Status.Active, int32(1))
}

// TestAPodThatLostItsRunLabel is the current run's: nothing else could be told
// of its end.
func TestAPodThatLostItsRunLabel(t *testing.T) {
	lost := func(p *engine.Pod) { p.Run, p.Labelled = 0, false }
	plan := decide(begun(job(fixed(1, 3))), pod("r", lost))
	same(t, "created beside it", len(plan.Create), 0)
	same(t, "tracked", names(plan.Track), []string{"r"})
	plan = decide(begun(job(fixed(1, 3))), pod("s", succeeded, lost))
	same(t, "tracked before it is counted", names(plan.Track), []string{"s"})
	plan = decide(begun(job(fixed(1, 3))), pod("s", succeeded, func(p *engine.Pod) { p.Run = 0 }))
	checkUncounted(t, plan, 1, 0)
}

// TestWhatIsActive: ready and terminating pods are told from active ones.
func TestWhatIsActive(t *testing.T) {
	j := begun(job(fixed(4, 10), replacing(v1alpha1.Failed)))
	plan := decide(j, pod("ready"), pod("starting", pending), pod("waiting", func(p *engine.Pod) { p.Ready = false }),
		pod("leaving", deleting), pod("done", succeeded), pod("done-and-leaving", succeeded, deleting))
	same(t, "active", plan.Status.Active, int32(3))
	same(t, "ready", *plan.Status.Ready, int32(1))
	same(t, "terminating", *plan.Status.Terminating, int32(1))
}
