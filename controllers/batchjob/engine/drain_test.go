package engine_test

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// TestADrain: no pod of the old revision is made any more, those that run
// finish, and the new run begins when the last is gone. A revert before that lets
// the run go on.
func TestADrain(t *testing.T) {
	for _, reverted := range []bool{false, true} {
		p := newPlay(t, fixed(2, 5))
		p.settle()
		old := p.j.Status.Revision
		p.edit(image("new"))
		first := p.look()
		same(t, "the first look tries the new pod", first.Try.Revision, revisionOf(p.j))
		p.settle()
		p.in("draining", engine.StateDraining, 1, 0)
		same(t, "removed", len(p.plan.Drop)+len(p.plan.Delete), 0)
		same(t, "next", p.j.Status.Next, &v1alpha1.NextRun{Revision: revisionOf(p.j)})
		succeeded(&p.pods[0])
		p.settle()
		same(t, "active", p.j.Status.Active, int32(1))
		p.in("one has ended", engine.StateDraining, 1, 0)
		if reverted {
			p.edit(image("busybox"))
			p.settle()
			p.in("reverted", engine.StateRunning, 1, 3)
			same(t, "next", p.j.Status.Next, (*v1alpha1.NextRun)(nil))
			same(t, "succeeded", p.j.Status.Succeeded, int32(1))
			continue
		}
		failed(p.pod(p.pods[1].Name))
		p.settle()
		p.in("switched", engine.StateRunning, 2, 2)
		r := p.j.Status.History[0]
		same(t, "the record", []any{r.Run, r.Revision, r.Reason, r.Outcome, r.Succeeded, r.Failed}, []any{int64(1), old, v1alpha1.RunCreated, v1alpha1.RunSuperseded, int32(1), int32(1)})
		same(t, "the run", p.j.Status.Run.Reason, v1alpha1.RunChanged)
	}
}

// TestAReplace removes the running pods; that is no failure of theirs.
func TestAReplace(t *testing.T) {
	p := newPlay(t, fixed(2, 5), limit(0))
	p.settle()
	p.edit(image("new"), replacingRuns) // in one manifest
	p.look()
	same(t, "dropped", len(p.plan.Drop), 2)
	p.settle()
	p.in("they are terminating", engine.StateDraining, 1, 0)
	same(t, "terminating", *p.j.Status.Terminating, int32(2))
	p.stopped()
	p.settle()
	p.in("switched", engine.StateRunning, 2, 2)
	same(t, "failed", p.j.Status.History[0].Failed, int32(0))
	same(t, "outcome", p.j.Status.History[0].Outcome, v1alpha1.RunSuperseded)
}

// TestPoliciesActAtOnce: a drain that takes too long is turned into a
// replacement, by the deadline or a suspend ended too.
func TestPoliciesActAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*v1alpha1.BatchJob)
		outcome v1alpha1.RunOutcome
	}{
		"updatePolicy": {replacingRuns, v1alpha1.RunSuperseded},
		"suspend":      {suspend, v1alpha1.RunSuperseded},
		"deadline":     {lasting(30), v1alpha1.RunFailed},
	} {
		p := newPlay(t, fixed(2, 2))
		p.settle()
		p.edit(image("new"))
		p.settle()
		p.at = after(time.Minute)
		p.edit(c.change)
		p.settle()
		same(t, name+": active", p.j.Status.Active, int32(0))
		p.stopped()
		p.every(failed) // what is deleted for a failure is counted
		p.settle()
		same(t, name+": run", p.j.GetRun(), int64(2))
		same(t, name+": outcome", p.j.Status.History[0].Outcome, c.outcome)
		same(t, name+": suspended", p.plan.Outcome.State == engine.StateSuspended, name == "suspend")
	}
}

// TestASuspendedRunHasNothingToDrain: the new run begins Suspended.
func TestASuspendedRunHasNothingToDrain(t *testing.T) {
	p := newPlay(t, suspend, fixed(1, 5))
	p.settle()
	p.edit(image("new"))
	p.settle()
	p.in("changed", engine.StateSuspended, 2, 0)
	same(t, "Suspended", verdict(&p.j.Status, v1alpha1.ConditionSuspended), "True/JobSuspended")
	same(t, "start of a run that never did", p.j.Status.History[0].Start, (*metav1.Time)(nil))
	p.edit(func(j *v1alpha1.BatchJob) { j.Spec.Suspend = nil })
	p.settle()
	p.in("resumed", engine.StateRunning, 2, 1)
}

// TestPodsThatNeverStarted do not hold a drain: a wrong image is mended by the
// next commit. One that may be starting unseen is waited for.
func TestPodsThatNeverStarted(t *testing.T) {
	for name, c := range map[string]struct {
		pod  func(*engine.Pod)
		kept time.Duration
	}{
		"no node yet":         {func(p *engine.Pod) { p.Assigned = false }, 0},
		"cannot be scheduled": {func(p *engine.Pod) { p.Assigned, p.Why.Reason = false, "Unschedulable" }, 0},
		"a wrong image":       {func(p *engine.Pod) { p.Why.Reason = "ImagePullBackOff" }, 0},
		"nothing is known":    {func(*engine.Pod) {}, time.Minute},
	} {
		p := newPlay(t, fixed(2, 2))
		p.settle()
		pending(&p.pods[0])
		c.pod(&p.pods[0])
		p.edit(image("right"))
		p.settle()
		if c.kept > 0 {
			same(t, name+": active", p.j.Status.Active, int32(2))
			same(t, name+": looks again", p.plan.Wake, after(c.kept))
			p.at = after(c.kept)
			p.settle()
		}
		same(t, name+": active then", p.j.Status.Active, int32(1))
		p.stopped()
		p.every(succeeded)
		p.settle()
		p.in(name, engine.StateRunning, 2, 2)
	}
}

// TestAPodThatStartsDuringADrain finishes, and its end counts.
func TestAPodThatStartsDuringADrain(t *testing.T) {
	p := newPlay(t)
	p.settle()
	pending(&p.pods[0])
	p.edit(image("new"))
	p.settle()
	p.in("it has a node", engine.StateDraining, 1, 0)
	p.every(succeeded)
	p.settle()
	p.in("it has succeeded", engine.StateRunning, 2, 1)
	same(t, "outcome", p.j.Status.History[0].Outcome, v1alpha1.RunComplete)
	same(t, "succeeded", p.j.Status.History[0].Succeeded, int32(1))
}

// TestWhatIsRemovedCountsAsNothing, however it ends.
func TestWhatIsRemovedCountsAsNothing(t *testing.T) {
	for name, end := range map[string]func(*engine.Pod){"well": succeeded, "badly": failed} {
		p := newPlay(t, limit(0))
		p.settle()
		p.edit(image("new"), replacingRuns)
		p.settle()
		p.in(name+", terminating", engine.StateDraining, 1, 0)
		p.every(end)
		p.settle()
		p.in(name, engine.StateRunning, 2, 1)
		r := p.j.Status.History[0]
		same(t, name+": record", []any{r.Outcome, r.Succeeded, r.Failed}, []any{v1alpha1.RunSuperseded, int32(0), int32(0)})
		same(t, name+": succeeded revisions", len(p.j.Status.SucceededRevisions), 0)
	}
}

// TestTheVerdictOfASupersededRun stands if it reaches one.
func TestTheVerdictOfASupersededRun(t *testing.T) {
	for name, c := range map[string]struct {
		job     []func(*v1alpha1.BatchJob)
		change  func(*v1alpha1.BatchJob)
		end     func(*engine.Pod)
		outcome v1alpha1.RunOutcome
	}{
		"complete":                     {nil, newImage, succeeded, v1alpha1.RunComplete},
		"failed":                       {[]func(*v1alpha1.BatchJob){limit(0)}, newImage, failed, v1alpha1.RunFailed},
		"fewer completions than begun": {[]func(*v1alpha1.BatchJob){fixed(1, 5)}, fixed(1, 1), succeeded, v1alpha1.RunSuperseded},
		"another mode":                 {[]func(*v1alpha1.BatchJob){fixed(1, 1)}, asIndexedOf(1), succeeded, v1alpha1.RunSuperseded},
		"a policy that came later": {[]func(*v1alpha1.BatchJob){limit(3)}, policy(onExit(failJob, true, "", 1)),
			func(q *engine.Pod) { failed(q); exited("main", 1)(q) }, v1alpha1.RunSuperseded},
	} {
		p := newPlay(t, c.job...)
		p.settle()
		p.edit(c.change)
		p.settle()
		p.every(c.end)
		p.settle()
		same(t, name+": run", p.j.GetRun(), int64(2))
		same(t, name+": outcome", p.j.Status.History[0].Outcome, c.outcome)
	}
}

func asIndexedOf(n int32) func(*v1alpha1.BatchJob) {
	return func(j *v1alpha1.BatchJob) {
		j.Spec.Completions = &n
		asIndexed(&j.Spec)
	}
}

// TestAnIndexedRunIsCountedAsItBegan: its size and mode are in its revision.
func TestAnIndexedRunIsCountedAsItBegan(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.BatchJob){
		"image": newImage, "smaller": fixed(1, 2), "another mode": spec(func(s *v1alpha1.BatchJobSpec) { s.CompletionMode = nil }),
		"both": func(j *v1alpha1.BatchJob) { newImage(j); fixed(1, 2)(j) },
	} {
		p := newPlay(t, fixed(2, 4), spec(asIndexed))
		p.settle()
		p.edit(change)
		p.settle()
		p.every(succeeded)
		p.settle()
		same(t, name+": run", p.j.GetRun(), int64(2))
		r := p.j.Status.History[0]
		same(t, name+": record", []any{r.Outcome, r.Succeeded, r.Failed}, []any{v1alpha1.RunSuperseded, int32(2), int32(0)})
	}
}

// TestTheBackoffStops: a superseded run waits for nothing.
func TestTheBackoffStops(t *testing.T) {
	for name, j := range map[string][]func(*v1alpha1.BatchJob){
		"plain":     {fixed(1, 1)},
		"per index": {fixed(1, 1), spec(asIndexed), perIndex(3)},
	} {
		p := newPlay(t, j...)
		p.settle()
		p.every(ended(corev1.PodFailed, 0))
		p.settle()
		same(t, name+": waits", p.plan.Outcome.State, engine.StateBackingOff)
		p.edit(image("new"))
		p.settle()
		p.in(name, engine.StateRunning, 2, 1)
		same(t, name+": back-off", p.j.Status.Backoff, (*v1alpha1.BackoffStatus)(nil))
		same(t, name+": failed, of the record", p.j.Status.History[0].Failed, int32(1))
	}
}

// TestAPodOnADeadNode: the message names both, and what can be done once it is
// overdue.
func TestAPodOnADeadNode(t *testing.T) {
	p := newPlay(t)
	p.settle()
	p.pods[0].Node = "worker-7"
	p.edit(image("new"), replacingRuns)
	p.settle()
	name := p.pods[0].Name
	if !strings.Contains(p.plan.Outcome.Message, name+" on node worker-7") || strings.Contains(p.plan.Outcome.Message, "--force") {
		t.Errorf("the message is %q", p.plan.Outcome.Message)
	}
	same(t, "short", p.plan.Outcome.Short, name)
	same(t, "looks again", p.plan.Wake, after(time.Minute))
	p.at = after(time.Minute)
	p.settle()
	if !strings.Contains(p.plan.Outcome.Message, name+" on node worker-7") || !strings.Contains(p.plan.Outcome.Message, "--force") {
		t.Errorf("the message is %q", p.plan.Outcome.Message)
	}
}

// TestAStuckPod of a run that was superseded is waited for, as its init container
// has run: the message says why it does not get on, and the way out.
func TestAStuckPod(t *testing.T) {
	pull := func(p *engine.Pod) {
		p.Phase, p.Ready, p.Node = corev1.PodPending, false, "worker-7"
		p.Why = engine.Why{Container: "main", Reason: "ImagePullBackOff", Message: "the image main:v9 cannot be pulled"}
	}
	const cause = `container "main": ImagePullBackOff: the image main:v9 cannot be pulled`
	for name, c := range map[string]struct {
		change func(*engine.Pod)
		short  string // empty: the pod's name
		told   bool
	}{
		"an image that is nowhere":        {pull, "ImagePullBackOff", true},
		"one that runs after all":         {func(p *engine.Pod) { pull(p); p.Ready = true }, "", false},
		"one that nothing is known about": {func(p *engine.Pod) { p.Ready = false }, "", false},
		"one that is being deleted":       {func(p *engine.Pod) { pull(p); p.Deleting = true }, "", false},
	} {
		p := newPlay(t)
		p.settle()
		c.change(&p.pods[0])
		p.edit(image("new"))
		p.settle()
		same(t, name+": state", p.plan.Outcome.State, engine.StateDraining)
		pod := p.pods[0].Name
		message := p.plan.Outcome.Message
		same(t, name+": told", strings.Contains(message, pod+" on node worker-7 ("+cause) && strings.Contains(message, "delete the pod or set spec.updatePolicy to Replace"), c.told)
		if c.short == "" {
			c.short = pod
		}
		same(t, name+": short", p.plan.Outcome.Short, c.short)
	}
}
