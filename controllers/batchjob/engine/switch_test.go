package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// TestTheSwitch is one write that leaves nothing of the old run but its record.
func TestTheSwitch(t *testing.T) {
	p := newPlay(t, fixed(2, 2), spec(asIndexed), perIndex(0))
	p.fail()
	p.edit(image("new"))
	tried := p.look()
	same(t, "the run until the new pod was tried", p.j.GetRun(), int64(1))
	same(t, "Failed until then", isTrue(tried.Status, v1alpha1.ConditionFailed), true)
	p.at = after(time.Minute)
	plan := p.look()
	same(t, "created before the switch is durable", len(plan.Create), 0)
	s := plan.Status
	same(t, "the run", s.Run, &v1alpha1.RunStatus{Number: 2, Reason: v1alpha1.RunChanged})
	same(t, "revision", []any{s.Revision, s.Next}, []any{revisionOf(p.j), (*v1alpha1.NextRun)(nil)})
	same(t, "counters", []any{s.Active, *s.Ready, *s.Terminating, s.Succeeded, s.Failed, s.CompletedIndexes}, []any{int32(0), int32(0), int32(0), int32(0), int32(0), ""})
	same(t, "the rest", []any{s.FailedIndexes, s.Backoff, s.StartTime, s.CompletionTime}, []any{(*string)(nil), (*v1alpha1.BackoffStatus)(nil), (*metav1.Time)(nil), (*metav1.Time)(nil)})
	for _, c := range []string{v1alpha1.ConditionComplete, v1alpha1.ConditionFailed, v1alpha1.ConditionFailureTarget, v1alpha1.ConditionSuccessCriteriaMet, v1alpha1.ConditionStalled} {
		same(t, c, verdict(s, c), "")
	}
	r := s.History[0]
	same(t, "the record", []any{len(s.History), r.Run, r.Outcome, r.Failed, r.Start.Time, r.End.Time},
		[]any{1, int64(1), v1alpha1.RunFailed, int32(2), now, now})
	if !strings.HasPrefix(r.Message, "MaxFailedIndexesExceeded") && !strings.HasPrefix(r.Message, "FailedIndexes: ") {
		t.Errorf("the message is %q", r.Message)
	}
	p.look()
	same(t, "created after it", len(p.plan.Create), 2)
	same(t, "startTime", p.j.Status.StartTime.Time, after(time.Minute))
}

// TestWhatHoldsTheSwitch: pods that are active, terminating or held by our
// finalizer, and ends that are not counted.
func TestWhatHoldsTheSwitch(t *testing.T) {
	for name, c := range map[string]struct {
		pod  func(*engine.Pod)
		held bool
	}{
		"active": {func(*engine.Pod) {}, true}, "active, let go": {released, true}, "terminating": {deleting, true},
		"terminating, let go": {func(p *engine.Pod) { deleting(p); released(p) }, true}, "held": {succeeded, true},
		"ended and let go": {func(p *engine.Pod) { succeeded(p); released(p) }, false},
		"of nobody":        {func(p *engine.Pod) { orphan(p); released(p) }, false},
		"of an earlier run": {func(p *engine.Pod) {
			deleting(p)
			p.Run = 1
		}, true},
	} {
		for what, j := range map[string]*v1alpha1.BatchJob{"ended": finishedJob(true), "superseded": begun(job(fixed(1, 5)), counted(1, 0))} {
			j.Status.Run.Number = 2
			j.Status.Next = &v1alpha1.NextRun{Revision: revisionOf(job(fixed(1, 5), newImage))}
			newImage(j)
			q := pod("q", func(p *engine.Pod) { p.Run = 2 }, c.pod)
			same(t, name+", "+what, decide(j, q).Status.Run.Number, map[bool]int64{true: 2, false: 3}[c.held])
		}
	}
	j := begun(job(newImage, fixed(1, 5)), uncounted(pods("s", 1), nil))
	j.Status.Next = &v1alpha1.NextRun{Revision: "v1-0000000000000000"}
	same(t, "not counted, and held", decide(j, pod("s0", succeeded)).Status.Run.Number, int64(1))
	same(t, "not counted, and let go", decide(j).Status.History[0].Succeeded, int32(1))
}

// TestHistory keeps the newest ten, and no message is above its limit.
func TestHistory(t *testing.T) {
	p := newPlay(t, history(0))
	for i := range 13 {
		p.succeed()
		p.edit(image(fmt.Sprintf("v%d", i)))
	}
	p.settle()
	same(t, "kept", len(p.j.Status.History), 10)
	same(t, "the newest", p.j.Status.History[0].Run, int64(13))
	same(t, "the oldest", p.j.Status.History[9].Run, int64(4))
	same(t, "pods kept", len(p.pods), 1)

	long := finishedJob(false)
	meta.FindStatusCondition(long.Status.Conditions, v1alpha1.ConditionFailed).Message = strings.Repeat("é", 4000)
	runAt("t")(long)
	long.Generation++
	if n := len(decide(long).Status.History[0].Message); n > 1024 || n < 1000 {
		t.Errorf("a message of %d bytes", n)
	}
}

// TestSucceededRevisions are the newest hundred, each once.
func TestSucceededRevisions(t *testing.T) {
	p := newPlay(t)
	for i := range 103 {
		p.succeed()
		p.edit(image(fmt.Sprintf("v%d", i%102)))
		p.pods = nil
	}
	s := p.j.Status.SucceededRevisions
	same(t, "kept", len(s), 100)
	seen := map[string]bool{}
	for _, r := range s {
		same(t, "twice: "+r, seen[r], false)
		seen[r] = true
	}
	same(t, "the newest", s[0], revisionOf(job(image("v101"))))
	p = newPlay(t, limit(0))
	p.fail()
	same(t, "of a failed run", p.j.Status.SucceededRevisions, []string(nil))
}

// TestPodHistory: ended pods of so many runs before the current one are kept.
func TestPodHistory(t *testing.T) {
	for limit, want := range map[int32][]string{0: {"r4"}, 1: {"r3", "r4"}, 2: {"r2", "r3", "r4"}, 9: {"r1", "r2", "r3", "r4"}} {
		for name, j := range map[string]*v1alpha1.BatchJob{"running": begun(job(fixed(1, 5), history(limit))), "ended": finishedJob(true, history(limit))} {
			j.Status.Run.Number = 4
			var of []engine.Pod
			for run := range int64(4) {
				of = append(of, pod(fmt.Sprintf("r%d", run+1), succeeded, released, func(p *engine.Pod) { p.Run = run + 1 }))
			}
			plan := decide(j, of...)
			same(t, fmt.Sprintf("%s, %d: deleted", name, limit), len(plan.Delete), 4-len(want))
			for _, ref := range plan.Delete {
				same(t, "kept "+ref.Name, strings.Contains(strings.Join(want, " "), ref.Name), false)
			}
		}
	}
}

// TestWhatPodHistoryLeavesAlone: what goes already, what is not ours any more and
// what is held; no plan deletes more pods than another makes.
func TestWhatPodHistoryLeavesAlone(t *testing.T) {
	j := begun(job(fixed(1, 5), history(0)))
	j.Status.Run.Number = 3
	old := func(p *engine.Pod) { succeeded(p); released(p); p.Run = 1 }
	for name, c := range map[string]struct {
		pod     func(*engine.Pod)
		deleted bool
	}{
		"ended": {func(*engine.Pod) {}, true}, "failed": {failed, true}, "going": {deleting, false},
		"of another selector": {func(p *engine.Pod) { p.Foreign = true }, false}, "held": {func(p *engine.Pod) { p.Tracked = true }, false},
		"of this run": {func(p *engine.Pod) { p.Run = 3 }, false},
	} {
		same(t, name, len(decide(j, pod("q", old, c.pod)).Delete) == 1, c.deleted)
	}
	same(t, "of six hundred", len(decide(j, pods("q", 600, old)...).Delete), 500)
}

// TestLateComers of an earlier run, made by an operator that did not know of the
// switch, are removed and count as nothing; no pod is made beside them.
func TestLateComers(t *testing.T) {
	former := func(p *engine.Pod) { p.Run = 1 }
	for name, j := range map[string]*v1alpha1.BatchJob{"running": begun(job(fixed(2, 5))), "ended": finishedJob(true)} {
		j.Status.Run.Number = 2
		plan := decide(j, pod("active", former), pod("let-go", former, released), pod("held", former, failed), pod("leaving", former, deleting))
		same(t, name+": dropped", names(plan.Drop), []string{"active"})
		same(t, name+": deleted", names(plan.Delete), []string{"let-go"})
		same(t, name+": released", names(plan.Release), []string{"held", "leaving"})
		same(t, name+": counted", []any{plan.Status.Active, plan.Status.Succeeded, plan.Status.Failed, plan.Status.UncountedTerminatedPods.Failed},
			[]any{int32(0), int32(0), int32(0), j.Status.UncountedTerminatedPods.Failed})
		same(t, name+": created", len(plan.Create), 0)
	}
}
