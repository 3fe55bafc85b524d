package engine_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
)

func runAt(field, annotation string) func(*v1alpha1.CronBatchJob) {
	return func(c *v1alpha1.CronBatchJob) {
		c.Spec.RunAt, c.Annotations[v1alpha1.AnnotationRunAt] = field, annotation
	}
}

func handled(tokens ...string) func(*v1alpha1.CronBatchJob) {
	return was(func(s *v1alpha1.CronBatchJobStatus) { s.HandledRunTokens = tokens })
}

// TestTokens start one run each, once.
func TestTokens(t *testing.T) {
	suspend := spec(func(s *v1alpha1.CronBatchJobSpec) { s.Suspend = new(true) })
	for _, c := range []struct {
		name                   string
		mods                   mods
		runs                   []engine.Child
		starts, queue, handled string
	}{
		{"a field", mods{runAt("a", "")}, nil, "r a", "", "a"},
		{"an annotation", mods{runAt("", "a")}, nil, "r a", "", "a"},
		{"both", mods{runAt("a", "b")}, nil, "r a, r b", "", "b a"},
		{"both the same", mods{runAt("a", "a")}, nil, "r a", "", "a"},
		{"handled", mods{runAt("a", "b"), handled("b", "a")}, nil, "", "", "b a"},
		{"an older one restored", mods{runAt("a", ""), handled("c", "b", "a")}, nil, "", "", "c b a"},
		{"made and not written down", mods{runAt("a", "")}, []engine.Child{run("09:01", forToken("a"))}, "", "", "a"},
		{"made, not written down, and withdrawn", nil, []engine.Child{run("09:01", forToken("a"))}, "", "", "a"},
		{"present at creation", mods{runAt("a", ""), was(func(s *v1alpha1.CronBatchJobStatus) { s.ObservedGeneration = -1 })}, nil, "r a", "", "a"},
		{"beside an active run", mods{runAt("a", "")}, []engine.Child{run("09:00")}, "r a", "", "a"},
		{"Forbid waits", mods{runAt("a", ""), policy(forbid)}, []engine.Child{run("09:00")}, "", "r a", "a"},
		{"Queue waits", mods{runAt("a", ""), policy(line)}, []engine.Child{run("09:00")}, "", "r a", "a"},
		{"suspended waits", mods{runAt("a", ""), suspend}, nil, "", "r a", "a"},
		{"a blackout holds it", mods{runAt("a", ""), blackout("09:00:30", "10:00")}, nil, "", "r a", "a"},
		{"waits already", mods{runAt("a", ""), policy(forbid), queue("r a 09:00")}, []engine.Child{run("09:00")}, "", "r a", "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, starts := settle(t, observe("09:02", cron(append(mods{last("09:00"), active(c.runs...)}, c.mods...)...), c.runs...))
			same(t, "starts", startWords(starts), c.starts)
			same(t, "queue", queueWords(plan.Status.Queue), c.queue)
			same(t, "handled", strings.Join(plan.Status.HandledRunTokens, " "), c.handled)
			same(t, "last", clockOf(plan.Status.LastScheduleTime), "09:00")
		})
	}
}

// TestTokensReplace what is active, once they are durable.
func TestTokensReplace(t *testing.T) {
	old := run("09:00")
	o := observe("09:02", cron(last("09:00"), active(old), policy(replace), runAt("a", "")), old)
	plan, _ := settle(t, o)
	same(t, "first look", refs(plan.Replace), "")
	o.Cron = written(o, plan)
	plan, _ = settle(t, o)
	same(t, "second look", refs(plan.Replace), old.Name)
	o.Children = nil
	_, starts := settle(t, o)
	same(t, "once it is gone", startWords(starts), "r a")
}

// TestTokensAreForgotten after 32 newer ones.
func TestTokensAreForgotten(t *testing.T) {
	var tokens []string
	for i := range 32 {
		tokens = append(tokens, fmt.Sprint(i))
	}
	plan, _ := settle(t, observe("09:02", cron(last("09:00"), handled(tokens...), runAt("new", ""))))
	same(t, "number", len(plan.Status.HandledRunTokens), 32)
	same(t, "newest", plan.Status.HandledRunTokens[0], "new")
	same(t, "oldest", plan.Status.HandledRunTokens[31], "30")
}

// TestNames are locks, so they never change.
func TestNames(t *testing.T) {
	for got, want := range map[string]string{
		engine.RunName("c", at("09:10")):                "c-29543590",
		engine.RunName("c", at("09:10:30")):             "c-1772615430",
		engine.TokenName("c", "2026-03-04T09:10:00Z"):   "c-mytg43czvw",
		engine.TokenName("c", "a"):                      "c-mhvyj5voay",
		engine.TokenName("c", strings.Repeat("x", 253)): "c-mq5ocg30z6",
	} {
		same(t, "name", got, want)
	}
	seen := map[string]bool{}
	for i := range 10_000 {
		name := engine.TokenName(strings.Repeat("n", 52), fmt.Sprint(i))
		if seen[name] || len(name) != 63 {
			t.Fatalf("%s: there already, or %d characters", name, len(name))
		}
		seen[name] = true
	}
}
