package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// TestATokenAtCreation belongs to the first run.
func TestATokenAtCreation(t *testing.T) {
	p := newPlay(t, runAt("t1"))
	p.annotate("t0")
	p.succeed()
	p.settle()
	p.in("ended", engine.StateComplete, 1, 1)
	same(t, "handled", p.j.Status.HandledRunTokens, []string{"t1", "t0"})
}

// TestAToken starts one run, from the field and from the annotation, which are
// one namespace.
func TestAToken(t *testing.T) {
	for name, c := range map[string]struct{ set, other func(*play, string) }{
		"field":      {(*play).byField, (*play).byAnnotation},
		"annotation": {(*play).byAnnotation, (*play).byField},
	} {
		p := newPlay(t)
		p.succeed()
		c.set(p, "t1")
		plan := p.look()
		same(t, name+": created before the switch is durable", len(plan.Create), 0)
		same(t, name+": the switch", plan.Status.Run, &v1alpha1.RunStatus{Number: 2, Reason: v1alpha1.RunRequested})
		p.succeed()
		p.in(name, engine.StateComplete, 2, 2)
		c.other(p, "t1")
		p.settle()
		p.in(name+": said the other way too", engine.StateComplete, 2, 2)
		c.set(p, "")
		p.settle()
		c.set(p, "t1")
		p.settle()
		p.in(name+": restored", engine.StateComplete, 2, 2)
	}
}

func (p *play) byField(token string)      { p.edit(runAt(token)) }
func (p *play) byAnnotation(token string) { p.annotate(token) }

// TestATokenDuringARun waits for its end; Replace ends it.
func TestATokenDuringARun(t *testing.T) {
	p := newPlay(t, fixed(1, 2))
	p.settle()
	p.edit(runAt("t1"))
	p.settle()
	p.in("waits", engine.StateRunning, 1, 1)
	same(t, "next", p.j.Status.Next, &v1alpha1.NextRun{RunTokens: []string{"t1"}})
	if !strings.Contains(p.plan.Outcome.Message, `"t1"`) {
		t.Errorf("the message is %q", p.plan.Outcome.Message)
	}
	p.every(succeeded)
	p.settle()
	p.in("the run goes on", engine.StateRunning, 1, 2)
	p.every(succeeded)
	p.settle()
	p.in("follows", engine.StateRunning, 2, 3)
	same(t, "the record", p.j.Status.History[0].Outcome, v1alpha1.RunComplete)

	p.edit(runAt("t2"), replacingRuns)
	p.settle()
	p.in("replaced", engine.StateDraining, 2, 3)
	p.stopped()
	p.settle()
	p.in("follows at once", engine.StateRunning, 3, 4)
	same(t, "the record", p.j.Status.History[0].Outcome, v1alpha1.RunSuperseded)
	same(t, "handled", p.j.Status.HandledRunTokens, []string{"t2", "t1"})
}

// TestATokenThatIsTakenBack before its time starts nothing.
func TestATokenThatIsTakenBack(t *testing.T) {
	p := newPlay(t)
	p.settle()
	p.edit(runAt("t1"))
	p.settle()
	p.edit(runAt(""))
	p.succeed()
	p.settle()
	p.in("ended", engine.StateComplete, 1, 1)
	same(t, "next", p.j.Status.Next, (*v1alpha1.NextRun)(nil))
}

// TestOfSeveralTokensTheNewestWins, and those that gave way start nothing later.
func TestOfSeveralTokensTheNewestWins(t *testing.T) {
	p := newPlay(t)
	p.settle()
	for _, token := range []string{"a", "b", "c"} {
		p.edit(runAt(token))
		p.settle()
	}
	p.annotate("d")
	p.succeed()
	p.settle()
	p.in("one run for all", engine.StateComplete, 2, 2)
	for _, token := range []string{"a", "b", "c", "d"} {
		p.edit(runAt(token))
		p.settle()
		p.in(token, engine.StateComplete, 2, 2)
	}
}

// TestATokenAndAChange are one run; a token also runs what the policy would not.
func TestATokenAndAChange(t *testing.T) {
	p := newPlay(t)
	p.succeed()
	p.edit(image("new"), runAt("t1"))
	p.succeed()
	p.settle()
	p.in("both", engine.StateComplete, 2, 1)
	same(t, "reason", p.j.Status.Run.Reason, v1alpha1.RunChanged)

	p.edit(image("newer"), rerun(never))
	p.settle()
	p.in("not run", engine.StateNotRun, 2, 0)
	p.edit(runAt("t2"))
	p.succeed()
	p.in("asked for", engine.StateComplete, 3, 1)
	same(t, "reason", p.j.Status.Run.Reason, v1alpha1.RunRequested)

	p.edit(rerun(once), image("new"))
	p.settle()
	p.in("succeeded before", engine.StateNotRun, 3, 1)
	p.annotate("t3")
	p.succeed()
	p.in("asked for by hand", engine.StateComplete, 4, 2)
}

// TestATokenOfASuspendedJob: the run that it asks for waits for the resume.
func TestATokenOfASuspendedJob(t *testing.T) {
	p := newPlay(t)
	p.succeed()
	p.edit(suspend, runAt("t1"))
	p.settle()
	p.in("suspended", engine.StateSuspended, 2, 1)
	same(t, "Suspended", verdict(&p.j.Status, v1alpha1.ConditionSuspended), "True/JobSuspended")
}

// TestHandledTokens are the newest 32; a long one stands there by its hash.
func TestHandledTokens(t *testing.T) {
	p := newPlay(t)
	for i := range 35 {
		p.succeed()
		p.edit(runAt(fmt.Sprint(i)))
		p.pods = nil
	}
	p.settle()
	s := p.j.Status.HandledRunTokens
	same(t, "kept", []any{len(s), s[0], s[31]}, []any{32, "34", "3"})

	p.succeed()
	long := strings.Repeat("x", 9000)
	p.annotate(long)
	p.succeed()
	p.settle()
	p.in("a long one", engine.StateComplete, 37, 37)
	same(t, "its length", len(p.j.Status.HandledRunTokens[0]), len("sha256:")+64)
}
