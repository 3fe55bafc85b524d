package engine_test

import (
	"testing"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
)

const (
	allow   = v1alpha1.AllowConcurrent
	forbid  = v1alpha1.ForbidConcurrent
	replace = v1alpha1.ReplaceConcurrent
	line    = v1alpha1.QueueConcurrent
	theLast = v1alpha1.MissedRunLatest
	all     = v1alpha1.MissedRunAll
	none    = v1alpha1.MissedRunNone
)

// TestCatchUp: which times start when the operator looks at last.
func TestCatchUp(t *testing.T) {
	limit := func(n int32) func(*v1alpha1.CronBatchJob) {
		return spec(func(s *v1alpha1.CronBatchJobSpec) { s.MissedRunLimit = &n })
	}
	for _, c := range []struct {
		name    string
		now     string
		mods    mods
		starts  string
		notices string
		last    string
	}{
		{"on time", "09:10", mods{last("09:00")}, "09:10", "", "09:10"},
		{"a moment before", "09:09:59.999", mods{last("09:00")}, "", "", "09:00"},
		{"within the minute", "09:11", mods{last("09:00")}, "09:10", "", "09:10"},
		{"within the minute, None", "09:11", mods{last("09:00"), missed(none)}, "09:10", "", "09:10"},
		{"after the minute", "09:11:01", mods{last("09:00")}, "c 09:10", "", "09:10"},
		{"after the minute, None", "09:11:01", mods{last("09:00"), missed(none)}, "", "MissSchedule 1", "09:10"},
		{"Latest takes the latest", "09:45", mods{last("09:00")}, "c 09:40", "MissSchedule 3", "09:40"},
		{"Latest is content with a late one", "09:50:30", mods{last("09:00")}, "09:50", "MissSchedule 4", "09:50"},
		{"All, oldest first", "09:45", mods{last("09:00"), missed(all)}, "c 09:10, c 09:20, c 09:30, c 09:40", "", "09:40"},
		{"All keeps the newest", "09:45", mods{last("09:00"), missed(all), limit(2)}, "c 09:30, c 09:40", "MissSchedule 2", "09:40"},
		{"All and a late one", "09:50:30", mods{last("09:20"), missed(all), limit(1)}, "c 09:40, 09:50", "MissSchedule 1", "09:50"},
		{"None", "09:45", mods{last("09:00"), missed(none)}, "", "MissSchedule 4", "09:40"},

		{"within the deadline", "09:45", mods{last("09:00"), deadline(1000)}, "09:30, 09:40", "MissSchedule 2", "09:40"},
		{"within the deadline, None", "09:45", mods{last("09:00"), deadline(1000), missed(none)}, "09:30, 09:40", "MissSchedule 2", "09:40"},
		{"the last second of the deadline", "09:10:30", mods{last("09:00"), deadline(30)}, "09:10", "", "09:10"},
		{"older than the deadline, Latest", "09:10:31", mods{last("09:00"), deadline(30)}, "", "MissSchedule 1", "09:10"},
		{"older than the deadline, All", "09:10:31", mods{last("09:00"), deadline(30), missed(all)}, "", "MissSchedule 1", "09:10"},
		{"deadline 0", "09:10", mods{last("09:00"), deadline(0)}, "09:10", "", "09:10"},

		{"nothing before the schedule was seen", "08:10", nil, "08:10", "", "08:10"},
		{"nor at that moment", "08:00:30", nil, "", "", ""},
		{"uneven, which batch/v1 loses", "12:00", mods{last("08:05"), expression("0,5 8,9 * * *")}, "c 09:05", "MissSchedule 1", "09:05"},

		{"notBefore", "09:20", mods{last("09:00"), spec(func(s *v1alpha1.CronBatchJobSpec) { s.NotBefore = stamp("09:20") })}, "09:20", "", "09:20"},
		{"notAfter, late", "09:21", mods{last("09:00"), spec(func(s *v1alpha1.CronBatchJobSpec) { s.NotAfter = stamp("09:20") })}, "09:20", "MissSchedule 1", "09:20"},
		{"after notAfter", "10:00", mods{last("09:20"), spec(func(s *v1alpha1.CronBatchJobSpec) { s.NotAfter = stamp("09:20") })}, "", "", "09:20"},

		{"a blackout is skipped", "09:30", mods{last("09:00"), blackout("09:10", "09:30")}, "09:30", "Blackout 2", "09:30"},
		{"and never caught up", "09:29:59", mods{last("09:00"), blackout("09:05", "09:25")}, "", "Blackout 2", "09:20"},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan, starts := settle(t, observe(c.now, cron(c.mods...)))
			same(t, "starts", startWords(starts), c.starts)
			same(t, "notices", noticeWords(plan.Notices), c.notices)
			same(t, "lastScheduleTime", clockOf(plan.Status.LastScheduleTime), c.last)
		})
	}
}

// TestALostRecord: the run exists, the status does not know. It is not made
// again, and no other time is lost by it.
func TestALostRecord(t *testing.T) {
	plan, starts := settle(t, observe("09:25", cron(last("09:00"), missed(all)), run("09:10")))
	same(t, "starts", startWords(starts), "c 09:20")
	same(t, "last", clockOf(plan.Status.LastScheduleTime), "09:20")
	same(t, "active", len(plan.Status.Active), 2)
	same(t, "notices", noticeWords(plan.Notices), "")

	plan, starts = settle(t, observe("09:25", cron(last("09:00")), run("09:10")))
	same(t, "Latest: starts", startWords(starts), "c 09:20")
	plan, _ = settle(t, observe("09:15", cron(last("09:00")), run("09:10", ended(engine.Complete, "09:12"))))
	same(t, "ended meanwhile", clockOf(plan.Status.LastSuccessfulTime), "09:12")
	same(t, "last", clockOf(plan.Status.LastScheduleTime), "09:10")
	same(t, "kept until that is durable", refs(plan.Release), "")
}

// TestJitter: names and lastScheduleTime go by the nominal time, being due and
// the deadline by the delayed one.
func TestJitter(t *testing.T) {
	jitter := spec(func(s *v1alpha1.CronBatchJobSpec) { s.JitterSeconds = new(int32(300)) })
	plan, _ := settle(t, observe("09:00", cron(last("09:00"), jitter)))
	offset := plan.Status.NextScheduleTime.Sub(at("09:10"))
	if offset <= 0 || offset > 300e9 {
		t.Fatalf("the offset is %s", offset)
	}
	o := observe("09:10", cron(last("09:00"), jitter))
	o.Now = at("09:10").Add(offset - 1)
	_, starts := settle(t, o)
	same(t, "before", startWords(starts), "")
	o.Now = at("09:10").Add(offset)
	plan, starts = settle(t, o)
	same(t, "due", startWords(starts), "09:10")
	same(t, "due time", starts[0].Due, o.Now)
	same(t, "last", clockOf(plan.Status.LastScheduleTime), "09:10")
	o.Cron = cron(last("09:00"), jitter, missed(none))
	o.Now = at("09:11").Add(offset)
	_, starts = settle(t, o)
	same(t, "late", startWords(starts), "09:10")
	o.Now = o.Now.Add(1)
	_, starts = settle(t, o)
	same(t, "missed", startWords(starts), "")
}

// TestEveryIsAnchored at the moment at which the schedule was seen.
func TestEveryIsAnchored(t *testing.T) {
	_, starts := settle(t, observe("08:14", cron(expression("@every 7m"))))
	same(t, "starts", startWords(starts), "08:14")
}

// TestEdits never start a run for the past; an edit of anything but the timing
// leaves due what is due.
func TestEdits(t *testing.T) {
	edited := cron(last("09:00"))
	edited.Spec.Schedule, edited.Generation = "*/5 * * * *", 2
	o := observe("09:12:30.5", edited)
	plan, starts := settle(t, o)
	same(t, "starts", startWords(starts), "")
	same(t, "since", clockOf(plan.Status.ScheduleSince), "09:12:30")
	same(t, "notices", noticeWords(plan.Notices), "")
	o.Cron = written(o, plan)
	o.Now = at("09:15")
	_, starts = settle(t, o)
	same(t, "the next", startWords(starts), "09:15")

	template := cron(last("09:00"))
	template.Spec.JobTemplate.Labels, template.Generation = map[string]string{"a": "b"}, 2
	_, starts = settle(t, observe("09:10:20", template))
	same(t, "another template", startWords(starts), "09:10")

	// A run of the former schedule whose record was lost is written down.
	suspend := cron(last("09:00"))
	suspend.Spec.Suspend, suspend.Generation = new(true), 2
	plan, _ = settle(t, observe("09:10:30", suspend, run("09:10")))
	same(t, "suspended before it was written down", clockOf(plan.Status.LastScheduleTime), "09:10")

	resumed := cron(last("09:00"), spec(func(s *v1alpha1.CronBatchJobSpec) { s.Suspend = new(true) }))
	_, starts = settle(t, observe("09:20", resumed))
	same(t, "suspended", startWords(starts), "")
	resumed.Spec.Suspend, resumed.Generation = nil, 2
	plan, starts = settle(t, observe("09:20", resumed))
	same(t, "resumed", startWords(starts), "")
	same(t, "next", clockOf(plan.Status.NextScheduleTime), "09:30")
}

// TestClockPutBack: what was decided stays decided until an edit.
func TestClockPutBack(t *testing.T) {
	c := cron(last("12:00"))
	plan, starts := settle(t, observe("09:10", c))
	same(t, "starts", startWords(starts), "")
	same(t, "next", clockOf(plan.Status.NextScheduleTime), "12:10")
	c.Spec.Schedule = "*/5 * * * *"
	plan, _ = settle(t, observe("09:11", c))
	same(t, "after an edit", clockOf(plan.Status.NextScheduleTime), "09:15")
}
