package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

const (
	onChange = v1alpha1.RerunOnChange
	once     = v1alpha1.RerunOncePerRevision
	never    = v1alpha1.RerunNever
)

// TestWhatFollowsAnEndedRun, by policy.
func TestWhatFollowsAnEndedRun(t *testing.T) {
	for _, c := range []struct {
		policy              v1alpha1.RerunPolicy
		ended               func(*play)
		afterNew, afterBack engine.State // a new image, and back to the first
		runs                int64
	}{
		{onChange, (*play).succeed, engine.StateRunning, engine.StateRunning, 3},
		{onChange, (*play).fail, engine.StateRunning, engine.StateRunning, 3},
		{once, (*play).succeed, engine.StateRunning, engine.StateNotRun, 2},
		{once, (*play).fail, engine.StateRunning, engine.StateRunning, 3},
		{never, (*play).succeed, engine.StateNotRun, engine.StateComplete, 1},
		{never, (*play).fail, engine.StateNotRun, engine.StateFailed, 1},
	} {
		p := newPlay(t, rerun(c.policy), limit(0))
		c.ended(p)
		p.edit(image("new"))
		p.settle()
		same(t, fmt.Sprintf("%s: a new image", c.policy), p.plan.Outcome.State, c.afterNew)
		if c.afterNew == engine.StateRunning {
			p.succeed()
		}
		p.edit(image("busybox"))
		p.settle()
		same(t, fmt.Sprintf("%s: back to the first", c.policy), p.plan.Outcome.State, c.afterBack)
		same(t, fmt.Sprintf("%s: the run", c.policy), p.j.GetRun(), c.runs)
	}
}

// TestWhatActsOnTheRunStartsNone: a change of anything that does not define a
// run, on a job that has ended.
func TestWhatActsOnTheRunStartsNone(t *testing.T) {
	for name, change := range actingFields {
		if name == "RunAt" || name == "ManagedBy" || name == "Suspend" {
			continue
		}
		p := newPlay(t, fixed(1, 1))
		p.succeed()
		p.edit(spec(change))
		p.settle()
		same(t, name+": state", p.plan.Outcome.State, engine.StateComplete)
		same(t, name+": run", p.j.GetRun(), int64(1))
	}
}

// TestNeverDuringARun: the run ends all the same, as its template exists nowhere,
// and nothing follows. If the spec returns to it, it goes on.
func TestNeverDuringARun(t *testing.T) {
	p := newPlay(t, fixed(1, 3), rerun(never), lasting(90))
	p.settle()
	p.edit(image("new"))
	p.settle()
	p.in("the pod runs", engine.StateDraining, 1, 0)
	p.every(succeeded)
	p.settle()
	p.in("it has ended", engine.StateNotRun, 1, 0)
	same(t, "who says so", p.j.Status.Next.SkippedBy, never)
	p.at = after(2 * time.Minute)
	p.settle()
	p.in("after its deadline", engine.StateNotRun, 1, 0)
	p.edit(rerun(onChange))
	p.settle()
	p.in("the policy alone starts nothing", engine.StateNotRun, 1, 0)
	p.edit(lasting(900), image("busybox"))
	p.settle()
	p.in("back", engine.StateRunning, 1, 2)
	p.edit(image("new"))
	p.every(succeeded)
	p.settle()
	p.in("and changed again", engine.StateRunning, 2, 1)
}

// TestAPolicyOfTheSameManifest handles the change.
func TestAPolicyOfTheSameManifest(t *testing.T) {
	p := newPlay(t)
	p.succeed()
	p.edit(image("new"), rerun(never))
	p.settle()
	p.in("to Never", engine.StateNotRun, 1, 0)
	p.edit(image("newer"), rerun(onChange))
	p.settle()
	p.in("to OnChange", engine.StateRunning, 2, 1)
}

// TestAnUpgradeRunsNothing: whatever the spec hashes to, a generation that was
// looked at starts no run, and neither does an algorithm that cannot be
// compared.
func TestAnUpgradeRunsNothing(t *testing.T) {
	for _, revision := range []string{"v0-123", "", "v1-0123456789abcdef"} {
		for name, done := range map[string]bool{"complete": true, "failed": false} {
			j := finishedJob(done)
			j.Status.Revision, j.Status.FixedRevision, j.Status.RulesRevision = revision, revision, ""
			plan := decide(j)
			same(t, name+": run", plan.Status.Run.Number, int64(1))
			same(t, name+": revision", plan.Status.Revision, revisionOf(j))
			same(t, name+": verdict", isTrue(plan.Status, v1alpha1.ConditionComplete), done)
			j.Generation++
			same(t, name+", edited since: run", decide(j).Status.Run.Number, int64(1))
		}
	}
}

// TestAnUpgradeDuringADrain goes on with the drain.
func TestAnUpgradeDuringADrain(t *testing.T) {
	p := newPlay(t, fixed(1, 5))
	p.settle()
	p.edit(image("new"))
	p.settle()
	p.j.Status.Revision, p.j.Status.Next.Revision = "v0-1", "v0-2"
	p.settle()
	p.in("draining", engine.StateDraining, 1, 0)
	p.every(succeeded)
	p.settle()
	p.in("switched", engine.StateRunning, 2, 1)
}

// TestACorrectionOfWhatIsRefused: a spec that can never run leaves the last run
// as it is, and a revert heals it without a run.
func TestACorrectionOfWhatIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*v1alpha1.BatchJob)
		reject bool
		reason string
	}{
		"invalid":  {policy(onExit(failJob, true, "nobody", 1)), false, v1alpha1.ReasonInvalidSpec},
		"rejected": {image(" "), true, v1alpha1.ReasonPodRejected},
	} {
		for what, state := range map[string]func(*play){"complete": (*play).succeed, "running": func(p *play) { p.settle() }} {
			p := newPlay(t, fixed(1, 1))
			state(p)
			before := p.plan.Outcome.State
			p.edit(c.change)
			p.look()
			if c.reject { // the voice says so, of the pod that was tried
				same(t, name+": tried", p.plan.Try != nil, true)
				rejectedAt(p.j.Generation)(&p.j.Status)
			}
			p.settle()
			p.in(name+", "+what, engine.StateRefused, 1, 0)
			same(t, name+": reason", p.plan.Outcome.Reason, c.reason)
			p.edit(image("busybox"), spec(func(s *v1alpha1.BatchJobSpec) { s.PodFailurePolicy = nil }))
			p.settle()
			p.in(name+", "+what+", reverted", before, 1, 1)
		}
	}
}
