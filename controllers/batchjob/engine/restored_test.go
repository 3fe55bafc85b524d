package engine_test

import (
	"testing"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// restored is the job as a new object with the status of the old one, whose
// generation was higher; its pods are not in a backup.
func (p *play) restored() {
	p.pods = nil
	p.j.Generation, p.j.UID = 1, "uid-of-the-restored"
	p.j.Status.ObservedGeneration = 7
}

// TestARestoredStatus: what has run does not run again, and what is edited after
// the restore does, whether the operator has seen the object in between or not.
func TestARestoredStatus(t *testing.T) {
	for name, c := range map[string]struct {
		before     func(*play)
		then, runs engine.State // after the restore, and after an edit
		run        int64
	}{
		"complete": {(*play).succeed, engine.StateComplete, engine.StateRunning, 1},
		"failed":   {(*play).fail, engine.StateFailed, engine.StateRunning, 1},
		"running":  {func(p *play) { p.settle() }, engine.StateRunning, engine.StateDraining, 1},
		"a later run": {func(p *play) {
			p.succeed()
			p.edit(newImage)
			p.settle()
			p.succeed()
		}, engine.StateComplete, engine.StateRunning, 2},
	} {
		for _, seen := range []bool{true, false} {
			p := newPlay(t, limit(0))
			c.before(p)
			tokens := p.j.Status.HandledRunTokens
			p.restored()
			if seen {
				p.settle()
				same(t, name+": state", p.plan.Outcome.State, c.then)
				same(t, name+": run", p.j.GetRun(), c.run)
				same(t, name+": tokens", p.j.Status.HandledRunTokens, tokens)
				same(t, name+": selector", p.j.Status.Selector, "batch.kubernetes.io/controller-uid=uid-of-the-restored")
			}
			p.edit(image("newest"))
			p.settle()
			if c.runs == engine.StateDraining && !seen { // no pod has been made: nothing drains
				c.runs = engine.StateRunning
			}
			same(t, name+": state after an edit", p.plan.Outcome.State, c.runs)
			if c.runs == engine.StateRunning {
				same(t, name+": run after an edit", p.j.GetRun(), c.run+1)
			}
		}
	}
}

// TestARestoredToken starts nothing: it was handled by the object before.
func TestARestoredToken(t *testing.T) {
	p := newPlay(t, spec(func(s *v1alpha1.BatchJobSpec) { s.RunAt = "monday" }))
	p.succeed()
	p.restored()
	p.settle()
	p.in("restored", engine.StateComplete, 1, 1)
	p.edit(spec(func(s *v1alpha1.BatchJobSpec) { s.RunAt = "tuesday" }))
	p.settle()
	p.in("another token", engine.StateRunning, 2, 2)
}
