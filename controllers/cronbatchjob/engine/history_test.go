package engine_test

import (
	"testing"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
)

// TestHistory is batch/v1's by count, and ours by age.
func TestHistory(t *testing.T) {
	limits := func(successful, failed int32) func(*v1alpha1.CronBatchJob) {
		return spec(func(s *v1alpha1.CronBatchJobSpec) {
			s.SuccessfulJobsHistoryLimit, s.FailedJobsHistoryLimit = &successful, &failed
		})
	}
	ttl := func(seconds int64) func(*v1alpha1.CronBatchJob) {
		return spec(func(s *v1alpha1.CronBatchJobSpec) { s.HistoryTTLSeconds = &seconds })
	}
	ok := func(clock string, mods ...func(*engine.Child)) engine.Child {
		return run(clock, append([]func(*engine.Child){ended(engine.Complete, clock), free}, mods...)...)
	}
	ko := func(clock string) engine.Child { return run(clock, ended(engine.Failed, clock), free) }
	unstarted := func(c *engine.Child) { c.Started = c.Started.AddDate(-3000, 0, 0); c.Started = engine.Child{}.Started }
	name := func(clock string) string { return engine.RunName("c", at(clock)) }
	for _, c := range []struct {
		name string
		mods mods
		runs []engine.Child
		want string
	}{
		{"three successes", nil, []engine.Child{ok("08:20"), ok("08:00"), ok("08:10")}, ""},
		{"the oldest of four", nil, []engine.Child{ok("08:20"), ok("08:00"), ok("08:10"), ok("08:30")}, name("08:00")},
		{"one failure", nil, []engine.Child{ok("08:00"), ok("08:10"), ko("08:20"), ko("08:30")}, name("08:20")},
		{"limits of 0", mods{limits(0, 0)}, []engine.Child{ok("08:00"), ko("08:10"), run("09:00")}, name("08:00") + ", " + name("08:10")},
		{"one that never started is the newest", mods{limits(1, 1)}, []engine.Child{ok("08:00", unstarted), ok("08:30")}, name("08:30")},
		{"going already", mods{limits(0, 0)}, []engine.Child{ok("08:00", deleting)}, ""},
		{"those going do not count", mods{limits(1, 1)}, []engine.Child{ok("08:00", deleting), ok("08:10")}, ""},
		{"a stranger counts", mods{limits(1, 1)}, []engine.Child{ok("08:30"), ok("08:00", func(c *engine.Child) { c.Name = "by-hand" })}, "by-hand"},
		{"an end that is not counted is kept", mods{limits(0, 0), active(run("08:50"))}, []engine.Child{run("08:50", ended(engine.Complete, "08:55"))}, ""},
		{"suspended too", mods{limits(0, 0), spec(func(s *v1alpha1.CronBatchJobSpec) { s.Suspend = new(true) })}, []engine.Child{ok("08:00")}, name("08:00")},
		{"refused too", mods{limits(0, 0), expression("61 * * * *")}, []engine.Child{ok("08:00")}, name("08:00")},
		{"of a token long forgotten", mods{limits(0, 0)}, []engine.Child{ok("08:00", forToken("a"))}, engine.TokenName("c", "a")},
		{"by age", mods{ttl(600)}, []engine.Child{ok("08:52"), ok("08:52:01"), ko("08:40")}, name("08:40") + ", " + name("08:52")},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, _ := settle(t, observe("09:02", cron(append(mods{last("09:00")}, c.mods...)...), c.runs...))
			same(t, "pruned", refs(plan.Prune), c.want)
		})
	}
	plan, _ := settle(t, observe("09:02", cron(last("09:00"), ttl(600)), ok("08:55")))
	same(t, "wakes for the age", plan.Wake, at("09:05"))
}
