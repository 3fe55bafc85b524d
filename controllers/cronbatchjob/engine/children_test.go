package engine_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
)

// TestEnds are counted in one write, whatever was written before.
func TestEnds(t *testing.T) {
	success, failure := run("09:00", ended(engine.Complete, "09:01")), run("09:00", ended(engine.Failed, "09:01"))
	failed := was(func(s *v1alpha1.CronBatchJobStatus) {
		s.LastFailureTime, s.LastSuccessfulTime, s.ConsecutiveFailures = stamp("08:55"), stamp("08:00"), 2
	})
	for _, c := range []struct {
		name             string
		run              engine.Child
		mods             mods
		success, failure string
		consecutive      int32
		result           string
		condition        string
	}{
		{"success", success, mods{last("09:00"), active(success), failed}, "09:01", "08:55", 0, "Complete", "RunSucceeded"},
		{"failure", failure, mods{last("09:00"), active(failure), failed}, "08:00", "09:01", 3, "Failed: Why", "RunFailed"},
		{"its start was never written down", success, mods{last("08:50"), failed}, "09:01", "08:55", 0, "Complete", "RunSucceeded"},
		{"nor was it taken off the queue", success, mods{last("09:00"), queue("09:00"), failed}, "09:01", "08:55", 0, "Complete", "RunSucceeded"},
		{"counted already", failure, mods{last("09:00"), failed}, "08:00", "08:55", 2, "", ""},
		{"counted and let go", run("09:00", ended(engine.Failed, "09:01"), free), mods{last("09:00"), failed}, "08:00", "08:55", 2, "", ""},
		{"of a token long forgotten", run("09:00", forToken("a"), ended(engine.Failed, "09:01"), free), mods{last("09:00"), failed},
			"08:00", "08:55", 2, "", ""},
		{"an old failure, seen late", run("09:00", ended(engine.Failed, "07:00")), mods{last("08:50"), failed}, "08:00", "08:55", 2, "", ""},
		{"an old success, seen late", run("09:00", ended(engine.Complete, "08:10")), mods{last("08:50"), failed}, "08:10", "08:55", 2, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := observe("09:02", cron(c.mods...), c.run)
			plan, _ := settle(t, o)
			s := plan.Status
			same(t, "lastSuccessfulTime", clockOf(s.LastSuccessfulTime), c.success)
			same(t, "lastFailureTime", clockOf(s.LastFailureTime), c.failure)
			same(t, "consecutiveFailures", s.ConsecutiveFailures, c.consecutive)
			same(t, "lastResult", s.LastResult, c.result)
			reason := ""
			if last := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionLastRunSucceeded); last != nil {
				reason = last.Reason
			}
			same(t, "LastRunSucceeded", reason, c.condition)
			same(t, "active", len(s.Active), 0)

			o.Cron = written(o, plan)
			again, _ := settle(t, o)
			same(t, "counted once", written(o, again).Status, o.Cron.Status)
			want := c.run.Name
			if !c.run.Held {
				want = ""
			}
			same(t, "let go after that", refs(again.Release), want)
		})
	}
}

// TestTheLock is held until start and end are durable, and no longer.
func TestTheLock(t *testing.T) {
	for _, c := range []struct {
		name string
		run  engine.Child
		mods mods
		want bool
	}{
		{"active", run("09:00"), mods{last("09:00")}, false},
		{"being deleted", run("09:00", deleting), mods{last("09:00")}, true},
		{"being deleted, not written down", run("09:00", deleting), mods{last("08:50")}, false},
		{"being deleted, still in the queue", run("09:00", deleting), mods{last("09:00"), queue("09:00")}, false},
		{"of a token, being deleted", run("09:00", forToken("b"), deleting), mods{last("09:00")}, false},
		{"of a handled token, being deleted", run("09:00", forToken("a"), deleting), mods{last("09:00"), handled("a")}, true},
		{"ended, in status.active", run("09:00", ended(engine.Complete, "09:01"), deleting),
			mods{last("09:00"), active(run("09:00"))}, false},
		{"a stranger's", engine.Child{ChildRef: engine.ChildRef{Name: "x", UID: "x"}, Held: true}, mods{last("09:00")}, true},
	} {
		plan, _ := settle(t, observe("09:02", cron(c.mods...), c.run))
		same(t, c.name, len(plan.Release) == 1, c.want)
	}
}

// TestGone: with the owner the reason for the lock goes.
func TestGone(t *testing.T) {
	going := cron(last("08:50"))
	going.DeletionTimestamp = stamp("09:00")
	for _, o := range []engine.Observed{
		observe("09:10", going, run("09:00"), run("08:50", free)),
		{Now: at("09:10"), Strays: []engine.ChildRef{{Name: "c-29543580"}}},
	} {
		plan, starts := settle(t, o)
		same(t, "released", refs(plan.Release), "c-29543580")
		same(t, "starts", len(starts), 0)
		same(t, "status", plan.Status, (*v1alpha1.CronBatchJobStatus)(nil))
	}
}

// TestActive keeps its order, and what goes missing is told.
func TestActive(t *testing.T) {
	first, second, third := run("09:00"), run("08:50"), run("08:40")
	plan, _ := settle(t, observe("09:02", cron(last("09:00"), active(first, second)), third, first))
	var names []string
	for _, ref := range plan.Status.Active {
		names = append(names, ref.Name)
	}
	same(t, "active", names, []string{first.Name, third.Name})
	same(t, "activeCount", plan.Status.ActiveCount, int32(2))
	same(t, "notices", noticeWords(plan.Notices), "MissingJob 1")
	plan, _ = settle(t, observe("09:02", cron(last("09:00"), active(first), policy(replace))))
	same(t, "Replace makes them go", noticeWords(plan.Notices), "")
	same(t, "told as strangers", len(plan.Strangers), 0)
	plan, _ = settle(t, observe("09:02", cron(last("09:00")), engine.Child{ChildRef: engine.ChildRef{Name: "x"}}))
	same(t, "a stranger", plan.Strangers, []string{"x"})
	same(t, "is not active", len(plan.Status.Active), 0)
}
