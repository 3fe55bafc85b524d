package engine_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

func dependent(names ...string) func(*v1alpha1.BatchJob) {
	return func(j *v1alpha1.BatchJob) {
		for _, name := range names {
			j.Spec.DependsOn = append(j.Spec.DependsOn, v1alpha1.Dependency{Name: name})
		}
	}
}

// isReady is a dependency that has succeeded.
func isReady(name string) engine.Dependency {
	return engine.Dependency{Name: name, Exists: true, Current: true, Ready: true, Phase: v1alpha1.PhaseComplete}
}

// TestDependencies: what holds the start of a run, what refuses it, and how the
// message names it.
func TestDependencies(t *testing.T) {
	with := func(change func(*engine.Dependency)) engine.Dependency {
		d := isReady("db")
		change(&d)
		return d
	}
	const wait, refuse = engine.StateWaiting, engine.StateRefused
	for name, c := range map[string]struct {
		dep    engine.Dependency
		state  engine.State
		reason string
		words  string
	}{
		"ready":   {isReady("db"), engine.StateRunning, "", ""},
		"missing": {with(func(d *engine.Dependency) { d.Exists = false }), wait, "DependencyNotReady", "db does not exist"},
		"running": {with(func(d *engine.Dependency) { d.Ready, d.Phase = false, "Running" }), wait, "DependencyNotReady", "db is Running"},
		"failed":  {with(func(d *engine.Dependency) { d.Ready, d.Phase = false, "Failed" }), wait, "DependencyNotReady", "db is Failed"},
		"suspended": {with(func(d *engine.Dependency) { d.Ready, d.Phase = false, "Suspended" }), wait, "DependencyNotReady",
			"db is Suspended"},
		"ready for an older generation": {with(func(d *engine.Dependency) { d.Current = false }), wait, "DependencyNotReady", "db has a spec"},
		"not looked at":                 {engine.Dependency{Name: "db", Exists: true}, wait, "DependencyNotReady", "db has a spec"},
		"nothing known":                 {engine.Dependency{Name: "db"}, wait, "DependencyNotReady", "db does not exist"},
		"an expression that holds": {with(func(d *engine.Dependency) { d.Expression, d.Holds, d.Ready, d.Current = true, true, false, false }),
			engine.StateRunning, "", ""},
		"one that does not":     {with(func(d *engine.Dependency) { d.Expression = true }), wait, "DependencyNotReady", "readyExpr"},
		"of a job that is gone": {with(func(d *engine.Dependency) { d.Expression, d.Holds, d.Exists = true, true, false }), wait, "DependencyNotReady", "exist"},
		"without an answer yet": {with(func(d *engine.Dependency) { d.Expression, d.Error = true, "no such key: run" }), wait, "DependencyNotReady",
			"no such key: run"},
		"without an answer for ever": {with(func(d *engine.Dependency) { d.Expression, d.Bad, d.Error = true, true, "it gives int" }), refuse,
			"InvalidExpression", "spec.dependsOn[0].readyExpr: it gives int"},
		"of another namespace": {with(func(d *engine.Dependency) { d.Denied = true }), refuse, "InvalidSpec", "spec.dependsOn[0].namespace"},
		"a ring":               {with(func(d *engine.Dependency) { d.Ring = []string{"work", "db", "work"} }), refuse, "DependencyCycle", "work -> db -> work"},
	} {
		p := newPlay(t, dependent("db"))
		p.deps = []engine.Dependency{c.dep}
		plan := p.look()
		same(t, name+": state", plan.Outcome.State, c.state)
		same(t, name+": reason", plan.Outcome.Reason, c.reason)
		if !strings.Contains(plan.Outcome.Message, c.words) {
			t.Errorf("%s: the message is %q", name, plan.Outcome.Message)
		}
		if c.state == engine.StateRunning {
			continue
		}
		same(t, name+": created", len(plan.Create), 0)
		same(t, name+": startTime", plan.Status.StartTime, (*metav1.Time)(nil))
		same(t, name+": tried", plan.Try != nil, c.state == wait)
		same(t, name+": tried again", p.look().Try != nil, false)
		p.deps = []engine.Dependency{isReady("db")}
		p.settle()
		p.in(name+", once ready", engine.StateRunning, 1, 1)
	}
}

// TestAllDependenciesAreNamed, and all have to be ready.
func TestAllDependenciesAreNamed(t *testing.T) {
	p := newPlay(t, dependent("a", "b", "c"))
	p.deps = []engine.Dependency{{Name: "a"}, isReady("b"), {Name: "other/c"}}
	p.look()
	for _, word := range []string{"a does not exist", "other/c does not exist"} {
		if !strings.Contains(p.plan.Outcome.Message, word) {
			t.Errorf("the message is %q", p.plan.Outcome.Message)
		}
	}
	same(t, "short", p.plan.Outcome.Short, "a")
	p.deps = p.deps[:2]
	p.deps[0] = isReady("a")
	p.look()
	same(t, "one of which nothing was observed", p.plan.Outcome.State, engine.StateWaiting)
}

// TestDependenciesGateTheStartOnly: what becomes of a dependency later changes
// nothing, also after a suspend; the next run is gated anew.
func TestDependenciesGateTheStartOnly(t *testing.T) {
	p := newPlay(t, dependent("db"), fixed(1, 2))
	p.deps = []engine.Dependency{isReady("db")}
	p.settle()
	p.deps = []engine.Dependency{{Name: "db", Ring: []string{"work", "db", "work"}}}
	p.every(succeeded)
	p.settle()
	p.in("the dependency is gone", engine.StateRunning, 1, 2)
	p.edit(suspend)
	p.settle()
	p.stopped()
	p.edit(func(j *v1alpha1.BatchJob) { j.Spec.Suspend = nil })
	p.settle()
	p.in("resumed", engine.StateRunning, 1, 3)
	p.succeed()
	p.deps = []engine.Dependency{{Name: "db"}}
	p.settle()
	p.in("ended", engine.StateComplete, 1, 3)

	p.edit(runAt("t1"))
	p.settle()
	p.in("the next run", engine.StateWaiting, 2, 3)
	same(t, "handled", p.j.Status.HandledRunTokens, []string{"t1"})
	p.deps = []engine.Dependency{isReady("db")}
	p.settle()
	p.in("once it is ready", engine.StateRunning, 2, 4)
}

// TestAChangeThatCanNeverStart leaves the last run as it is; a revert heals.
func TestAChangeThatCanNeverStart(t *testing.T) {
	p := newPlay(t)
	p.succeed()
	p.edit(image("new"), dependent("db"))
	p.deps = []engine.Dependency{{Name: "db", Exists: true, Ring: []string{"work", "db", "work"}}}
	p.settle()
	p.in("a ring", engine.StateRefused, 1, 0)
	p.edit(image("busybox"), func(j *v1alpha1.BatchJob) { j.Spec.DependsOn = nil })
	p.deps = nil
	p.settle()
	p.in("reverted", engine.StateComplete, 1, 1)
}

// TestAWaitingRunThatIsChanged: there is nothing to drain.
func TestAWaitingRunThatIsChanged(t *testing.T) {
	p := newPlay(t, dependent("db"))
	p.settle()
	p.edit(image("new"))
	p.settle()
	p.in("changed", engine.StateWaiting, 2, 0)
	same(t, "the record", p.j.Status.History[0].Start, (*metav1.Time)(nil))
}

// TestARingThatIsClosedLater: what waits goes on to wait, and starts when it may.
func TestARingThatIsClosedLater(t *testing.T) {
	p := newPlay(t, dependent("db"))
	p.settle()
	p.deps = []engine.Dependency{{Name: "db", Exists: true, Ring: []string{"work", "db", "work"}}}
	p.settle()
	p.in("closed", engine.StateRefused, 1, 0)
	same(t, "startTime", p.j.Status.StartTime, (*metav1.Time)(nil))
	p.deps = []engine.Dependency{{Name: "db", Exists: true}}
	p.settle()
	p.in("opened", engine.StateWaiting, 1, 0)
	p.deps = []engine.Dependency{isReady("db")}
	p.settle()
	p.in("ready", engine.StateRunning, 1, 1)
}
