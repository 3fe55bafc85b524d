package engine_test

import (
	"testing"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
)

type (
	mods = []func(*v1alpha1.CronBatchJob)
	runs = []engine.Child
)

func queueLimit(n int32) func(*v1alpha1.CronBatchJob) {
	return spec(func(s *v1alpha1.CronBatchJobSpec) { s.QueueLimit = &n })
}

var (
	busy = runs{run("09:00")}
	over = runs{run("09:00", ended(engine.Complete, "09:09"))}
)

// concurrencyRows: at a time, with a policy and runs, what starts, waits, is
// deleted, and what is told.
var concurrencyRows = []struct {
	name                            string
	now                             string
	mods                            mods
	runs                            runs
	starts, queue, replace, notices string
}{
	{"Allow", "09:10", mods{policy(allow)}, busy, "09:10", "", "", ""},

	{"Forbid, busy", "09:10", mods{policy(forbid)}, busy, "", "09:10", "", "JobAlreadyActive 1 waits"},
	{"Forbid, ended", "09:10", mods{policy(forbid)}, over, "09:10", "", "", "SawCompletedJob 1"},
	{"Forbid, being deleted", "09:10", mods{policy(forbid)}, runs{run("09:00", deleting)}, "", "09:10", "", "JobAlreadyActive 1 waits"},
	{"Forbid, the latest waits", "09:20", mods{policy(forbid), queue("09:10"), last("09:10")}, busy, "", "09:20", "",
		"JobAlreadyActive 1, JobAlreadyActive 1 waits"},
	{"Forbid, nothing new", "09:25", mods{policy(forbid), queue("09:20"), last("09:20")}, busy, "", "09:20", "", ""},
	{"Forbid, at the end", "09:35", mods{policy(forbid), queue("09:30"), last("09:30")}, runs{run("09:00", ended(engine.Failed, "09:35"))}, "09:30", "", "",
		"SawCompletedJob 1"},
	{"Forbid, hours later", "15:05", mods{policy(forbid), queue("15:00"), missed(none), last("15:00")}, nil, "15:00", "", "", ""},
	{"Forbid, past the deadline", "09:12", mods{policy(forbid), queue("09:10"), last("09:10"), deadline(60)}, busy, "", "", "", "MissSchedule 1"},
	{"Forbid, within the deadline", "09:11", mods{policy(forbid), queue("09:10"), last("09:10"), deadline(60)}, over, "09:10", "", "", "SawCompletedJob 1"},
	{"Forbid, two late ones", "09:20:30", mods{policy(forbid), deadline(900), last("09:00")}, nil, "09:10", "09:20", "", "JobAlreadyActive 1 waits"},
	{"Forbid and All", "09:35", mods{policy(forbid), missed(all), last("09:00")}, nil, "c 09:10", "c 09:20, c 09:30", "",
		"JobAlreadyActive 2 waits"},
	{"Forbid and All, a time comes due", "09:40", mods{policy(forbid), missed(all), queue("c 09:20", "c 09:30"), last("09:30")}, busy,
		"", "c 09:20, c 09:30, 09:40", "", "JobAlreadyActive 1 waits"},
	{"Forbid, a stranger is in nobody's way", "09:10", mods{policy(forbid)}, runs{{ChildRef: engine.ChildRef{Name: "other"}, Nominal: at("09:00")}}, "09:10", "", "", ""},

	{"Replace, idle", "09:10", mods{policy(replace)}, nil, "09:10", "", "", ""},
	{"Replace, first it is written down", "09:10", mods{policy(replace)}, busy, "", "09:10", "", ""},
	{"Replace, then the old one goes", "09:10:01", mods{policy(replace), queue("09:10"), last("09:10")}, busy, "", "09:10", "c-29543580", ""},
	{"Replace, while it goes", "09:10:01", mods{policy(replace), queue("09:10"), last("09:10")}, runs{run("09:00", deleting)}, "", "09:10", "", ""},
	{"Replace, once it is gone", "09:19", mods{policy(replace), queue("09:10"), last("09:10"), missed(none), deadline(1)}, nil, "09:10", "", "", ""},
	{"Replace, a later time", "09:20", mods{policy(replace), queue("09:10"), last("09:10")}, runs{run("09:00", deleting)}, "", "09:20", "", "JobAlreadyActive 1"},
	{"Replace, two late ones", "09:20:30", mods{policy(replace), deadline(900), last("09:00")}, nil, "09:20", "", "", "JobAlreadyActive 1"},
	{"Replace and All replace nothing", "09:35", mods{policy(replace), missed(all), queue("c 09:20"), last("09:30")}, busy, "", "c 09:20", "", ""},

	{"Queue, idle", "09:10", mods{policy(line)}, nil, "09:10", "", "", ""},
	{"Queue, busy", "09:10", mods{policy(line)}, busy, "", "09:10", "", ""},
	{"Queue, in order", "09:20", mods{policy(line), queue("09:10"), last("09:10")}, nil, "09:10", "09:20", "", ""},
	{"Queue, an older time that is found later", "09:15", mods{policy(line), queue("09:12"), deadline(900), last("09:00")}, nil, "09:10", "09:12", "", ""},
	{"Queue, waiting is not missing", "15:05", mods{policy(line), queue("09:10"), missed(none), deadline(1), last("15:00")}, nil, "09:10", "", "", ""},
	{"Queue, full", "09:30", mods{policy(line), queueLimit(2), queue("09:10", "09:20"), last("09:20")}, busy, "", "09:10, 09:20", "", "QueueFull 1"},
	{"Queue, full but idle", "09:30", mods{policy(line), queueLimit(2), queue("09:10", "09:20"), last("09:20")}, nil, "09:10", "09:20, 09:30", "", ""},
	{"Queue, the newest is dropped", "09:30:30", mods{policy(line), queueLimit(1), deadline(9000), last("09:00")}, busy, "", "09:10", "", "QueueFull 2"},
	{"Queue, a lowered limit drops nothing", "09:25", mods{policy(line), queueLimit(1), queue("09:10", "09:20"), last("09:20")}, busy, "", "09:10, 09:20", "", ""},
	{"Queue, made before and not written down", "09:15", mods{policy(line), queue("09:10"), last("09:10")}, runs{run("09:10")}, "", "", "", ""},

	{"a blackout holds the queue", "09:25", mods{policy(line), queue("09:10"), last("09:20"), blackout("09:15", "10:00")}, nil, "", "09:10", "", ""},
	{"and lets it go at its end", "10:00", mods{policy(line), queue("09:10"), last("09:50"), blackout("09:15", "10:00")}, nil, "09:10", "10:00", "", ""},
	{"a late one waits for its end", "09:10:20", mods{policy(allow), last("09:00"), blackout("09:10:10", "10:00")}, nil, "", "09:10", "", ""},
	{"and so does a caught-up one", "09:15", mods{policy(allow), last("09:00"), blackout("09:12", "10:00")}, nil, "", "c 09:10", "", ""},
	{"a blackout replaces nothing", "09:25", mods{policy(replace), queue("09:10"), last("09:20"), blackout("09:15", "10:00")}, busy, "", "09:10", "", ""},
	{"all of the queue under Allow", "09:45", mods{policy(allow), queue("09:10", "c 09:20", "r now 09:30"), last("09:40")}, busy, "09:10, c 09:20, r now", "", "", ""},
}

// TestConcurrency: what starts, what waits, what gives way.
func TestConcurrency(t *testing.T) {
	for _, c := range concurrencyRows {
		t.Run(c.name, func(t *testing.T) {
			j := cron(append(mods{last("09:00"), active(c.runs...)}, c.mods...)...)
			plan, starts := settle(t, observe(c.now, j, c.runs...))
			same(t, "starts", startWords(starts), c.starts)
			same(t, "queue", queueWords(plan.Status.Queue), c.queue)
			same(t, "replace", refs(plan.Replace), c.replace)
			same(t, "notices", noticeWords(plan.Notices), c.notices)
		})
	}
}

// TestWaited tells starts that are late by their policy from late ones.
func TestWaited(t *testing.T) {
	_, starts := settle(t, observe("09:20", cron(policy(allow), queue("09:10"), last("09:10"))))
	same(t, "starts", startWords(starts), "09:10, 09:20")
	same(t, "waited", []bool{starts[0].Waited, starts[1].Waited}, []bool{true, false})
}

// TestSuspendHoldsTheQueue, and edits keep it.
func TestSuspendHoldsTheQueue(t *testing.T) {
	c := cron(policy(line), queue("09:10", "09:20"), last("09:20"))
	c.Spec.Suspend, c.Generation = new(true), 2
	o := observe("09:25", c)
	plan, starts := settle(t, o)
	same(t, "starts", startWords(starts), "")
	same(t, "queue", queueWords(plan.Status.Queue), "09:10, 09:20")
	c = written(o, plan)
	c.Spec.Suspend, c.Spec.Schedule, c.Generation = nil, "@hourly", 3
	plan, starts = settle(t, observe("09:55", c))
	same(t, "starts", startWords(starts), "09:10")
	same(t, "queue", queueWords(plan.Status.Queue), "09:20")
}

// TestSuspendHoldsTheDeadline as well: what is too old is told when nothing else
// holds it.
func TestSuspendHoldsTheDeadline(t *testing.T) {
	c := cron(policy(forbid), queue("09:10"), last("09:10"), deadline(60), spec(func(s *v1alpha1.CronBatchJobSpec) { s.Suspend = new(true) }))
	plan, _ := settle(t, observe("09:25", c))
	same(t, "suspended", queueWords(plan.Status.Queue)+noticeWords(plan.Notices), "09:10")
	c.Spec.Suspend = nil
	plan, starts := settle(t, observe("09:25", c))
	same(t, "resumed", queueWords(plan.Status.Queue)+startWords(starts)+noticeWords(plan.Notices), "MissSchedule 1")
}

// TestTakenNames are given up, told, and hold up nobody.
func TestTakenNames(t *testing.T) {
	o := observe("09:20:30", cron(policy(line), last("09:00"), deadline(9000)))
	o.Taken = map[string]bool{engine.RunName("c", at("09:10")): true}
	plan, starts := settle(t, o)
	same(t, "starts", startWords(starts), "09:20")
	same(t, "notices", noticeWords(plan.Notices), "NameTaken 1")
	same(t, "last", clockOf(plan.Status.LastScheduleTime), "09:20")
	same(t, "reason", plan.Outcome.Reason, v1alpha1.ReasonNameTaken)
	same(t, "message", plan.Outcome.Message, "the run of 2026-03-04T09:10:00Z was not started: a BatchJob named c-29543590 exists and does not "+
		"belong to this CronBatchJob; to make up for it, set spec.runAt to something new")

	// The word stays until something else has been decided.
	o.Cron, o.Taken = written(o, plan), nil
	o.Children = append(o.Children, childOf(starts[0]))
	plan, _ = settle(t, o)
	same(t, "later", plan.Outcome.Reason, v1alpha1.ReasonNameTaken)
	same(t, "nothing is written", written(o, plan).Status, o.Cron.Status)
	o.Now = at("09:30")
	plan, _ = settle(t, o)
	same(t, "after the next time", plan.Outcome.Reason, v1alpha1.ReasonScheduled)
}
