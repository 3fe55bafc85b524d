package engine_test

import (
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
)

func window(schedule string, duration time.Duration) func(*v1alpha1.CronBatchJob) {
	return spec(func(s *v1alpha1.CronBatchJobSpec) {
		s.Blackouts = append(s.Blackouts, v1alpha1.Blackout{Schedule: schedule, Duration: &metav1.Duration{Duration: duration}})
	})
}

// TestRefused: what never works is Stalled, naming the field; a correct edit
// heals it at once.
func TestRefused(t *testing.T) {
	schedules := func(list ...string) func(*v1alpha1.CronBatchJob) {
		return spec(func(s *v1alpha1.CronBatchJobSpec) { s.Schedule, s.Schedules = "", list })
	}
	zone := func(name string) func(*v1alpha1.CronBatchJob) {
		return spec(func(s *v1alpha1.CronBatchJobSpec) { s.TimeZone = &name })
	}
	for _, c := range []struct {
		name           string
		mods           mods
		reason, prefix string
	}{
		{"TZ=0", mods{expression("TZ=0")}, "InvalidSchedule", "spec.schedule: "},
		{"CRON_TZ", mods{expression("CRON_TZ=UTC * * * * *")}, "InvalidSchedule", "spec.schedule: "},
		{"never", mods{expression("0 0 31 2 *")}, "InvalidSchedule", `spec.schedule: "0 0 31 2 *": never fires`},
		{"out of range", mods{expression("61 * * * *")}, "InvalidSchedule", `spec.schedule: "61 * * * *": minute: `},
		{"@reboot", mods{expression("@reboot")}, "InvalidSchedule", "spec.schedule: "},
		{"empty", mods{expression("")}, "InvalidSchedule", "spec.schedule: "},
		{"the second", mods{schedules("@daily", "61 * * * *")}, "InvalidSchedule", "spec.schedules[1]: "},
		{"zone", mods{zone("Mars/Olympus")}, "UnknownTimeZone", "spec.timeZone: "},
		{"zone of several", mods{schedules("@daily"), zone("Mars/Olympus")}, "UnknownTimeZone", "spec.timeZone: "},
		{"blackout's schedule", mods{window("@daily", time.Hour), window("61 * * * *", time.Hour)}, "InvalidBlackout", "spec.blackouts[1].schedule: "},
		{"blackout of no length", mods{window("@daily", 0)}, "InvalidBlackout", "spec.blackouts[0]: "},
		{"blackouts cover it", mods{window("* * * * *", 2*time.Minute)}, "InvalidBlackout", "spec.blackouts: they cover every time"},
		{"blackouts cover it up to notAfter", mods{window("@daily", 24*time.Hour), spec(func(s *v1alpha1.CronBatchJobSpec) { s.NotAfter = stamp("23:00") })},
			"InvalidBlackout", "spec.blackouts: they cover every time of the schedule up to notAfter"},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := cron(append(c.mods, last("09:00"), queue("08:50"), runAt("a", ""))...)
			o := observe("09:10", j)
			plan, starts := settle(t, o)
			after := written(o, plan)
			stalled := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionStalled)
			if stalled == nil || stalled.Reason != c.reason || !strings.HasPrefix(stalled.Message, c.prefix) {
				t.Errorf("Stalled is %+v", stalled)
			}
			same(t, "Ready", meta.IsStatusConditionFalse(after.Status.Conditions, v1alpha1.ConditionReady), true)
			same(t, "starts", len(starts), 0)
			same(t, "next", clockOf(plan.Status.NextScheduleTime), "")
			same(t, "queue", queueWords(plan.Status.Queue), "08:50")

			after.Spec, after.Generation = cron().Spec, 2
			after.Spec.RunAt = "a"
			o = observe("09:15", after)
			plan, starts = settle(t, o)
			same(t, "healed: starts", startWords(starts), "08:50, r a")
			same(t, "healed: next", clockOf(plan.Status.NextScheduleTime), "09:20")
			same(t, "healed: Stalled", meta.FindStatusCondition(written(o, plan).Status.Conditions, v1alpha1.ConditionStalled), (*metav1.Condition)(nil))
		})
	}
}

// TestRejected: the API server never takes what the template makes. Nothing is
// tried again before an edit or a request, and the past is not started then.
func TestRejected(t *testing.T) {
	for _, reason := range []string{v1alpha1.ReasonPodRejected, v1alpha1.ReasonJobRejected} {
		o := observe("09:10", cron(last("09:00"), missed(all)))
		o.Rejected = &engine.Rejection{Reason: reason, Message: "spec.jobTemplate: no"}
		plan, starts := settle(t, o)
		same(t, "starts", len(starts), 0)
		same(t, "undecided while late", clockOf(plan.Status.LastScheduleTime), "09:00")
		same(t, "state", plan.Outcome, engine.Outcome{State: engine.StateRefused, Reason: reason, Message: "spec.jobTemplate: no"})

		o = observe("09:35", written(o, plan))
		plan, starts = settle(t, o)
		same(t, "later: starts", len(starts), 0)
		same(t, "later: state", plan.Outcome.Reason, reason)
		same(t, "later: accounted", noticeWords(plan.Notices), "MissSchedule 3")
		same(t, "later: last", clockOf(plan.Status.LastScheduleTime), "09:30")
		same(t, "later: wakes to account", plan.Wake, at("09:40"))

		edited := written(o, plan)
		edited.Generation = 2
		same(t, "an edit is tried", engine.Decide(observe("09:40:30", edited)).Try, true)
		_, starts = settle(t, observe("09:40:30", edited))
		same(t, "an edit: starts what is late", startWords(starts), "09:40")

		asked := written(o, plan)
		asked.Annotations[v1alpha1.AnnotationReconcileRequestedAt] = "now"
		same(t, "a request is tried", engine.Decide(observe("09:40:30", asked)).Try, true)
		plan, starts = settle(t, observe("09:40:30", asked))
		same(t, "a request: starts", startWords(starts), "09:40")
		same(t, "a request: mirrored", plan.Status.LastHandledReconcileAt, "now")
	}
}

// TestTrials: once for each generation, also while suspended.
func TestTrials(t *testing.T) {
	same(t, "known", engine.Decide(observe("09:05", cron(last("09:00")))).Try, false)
	fresh := cron(was(func(s *v1alpha1.CronBatchJobStatus) { s.ObservedGeneration = -1 }))
	same(t, "new", engine.Decide(observe("09:05", fresh)).Try, true)
	fresh.Spec.Suspend = new(true)
	same(t, "suspended", engine.Decide(observe("09:05", fresh)).Try, true)
	o := observe("09:05", fresh)
	o.Tried = true
	same(t, "tried", engine.Decide(o).Try, false)
}

// TestRetrying: a refusal that may pass loses no time within its deadline.
func TestRetrying(t *testing.T) {
	retry := &engine.Retry{At: at("09:10:05"), Message: "quota"}
	o := observe("09:10:01", cron(last("09:00"), missed(none)))
	o.Retry = retry
	plan, starts := settle(t, o)
	same(t, "starts", len(starts), 0)
	same(t, "last", clockOf(plan.Status.LastScheduleTime), "09:00")
	same(t, "wake", plan.Wake, at("09:10:05"))
	same(t, "next", clockOf(plan.Status.NextScheduleTime), "09:20")
	same(t, "reconciling", meta.FindStatusCondition(written(o, plan).Status.Conditions, v1alpha1.ConditionReconciling).Message, "quota")
	o.Now = at("09:10:05")
	_, starts = settle(t, o)
	same(t, "tried again", startWords(starts), "09:10")
	o.Now = at("09:11:10")
	plan, starts = settle(t, o)
	same(t, "too late", startWords(starts), "")
	same(t, "accounted", noticeWords(plan.Notices), "MissSchedule 1")

	// The first of two was made before the refusal: it is written down.
	o = observe("09:20:30", cron(last("09:00"), deadline(9000)), run("09:10"))
	o.Retry = &engine.Retry{At: at("09:21")}
	plan, _ = settle(t, o)
	same(t, "partly: last", clockOf(plan.Status.LastScheduleTime), "09:10")
	same(t, "partly: nothing is given up", noticeWords(plan.Notices), "")
	same(t, "partly: active", plan.Status.ActiveCount, int32(1))

	// In a queue waiting is not missing, whatever it is for.
	o = observe("09:10:01", cron(last("09:00"), policy(line)))
	o.Retry = retry
	plan, _ = settle(t, o)
	same(t, "queue", queueWords(plan.Status.Queue), "09:10")
}

// TestReady: suspended and expired are as they should be; a failed run changes
// nothing about the schedule.
func TestReady(t *testing.T) {
	for reason, mod := range map[string]func(*v1alpha1.CronBatchJob){
		v1alpha1.ReasonScheduled: func(*v1alpha1.CronBatchJob) {},
		v1alpha1.ReasonSuspended: spec(func(s *v1alpha1.CronBatchJobSpec) { s.Suspend = new(true) }),
		v1alpha1.ReasonExpired:   spec(func(s *v1alpha1.CronBatchJobSpec) { s.NotAfter = stamp("08:55") }),
	} {
		failed := run("09:00", ended(engine.Failed, "09:01"))
		o := observe("09:02", cron(last("09:00"), active(failed), mod), failed)
		plan, _ := settle(t, o)
		after := written(o, plan)
		ready := meta.FindStatusCondition(after.Status.Conditions, v1alpha1.ConditionReady)
		same(t, reason+": Ready", ready.Status, metav1.ConditionTrue)
		same(t, "reason", ready.Reason, reason)
		same(t, reason+": LastRunSucceeded", meta.IsStatusConditionFalse(after.Status.Conditions, v1alpha1.ConditionLastRunSucceeded), true)
		same(t, reason+": conditions", len(after.Status.Conditions), 2)
		for _, c := range after.Status.Conditions {
			same(t, c.Type+" observes", c.ObservedGeneration, int64(1))
		}
	}
}

// TestWake is the exact moment, and nothing where nothing will happen.
func TestWake(t *testing.T) {
	for name, c := range map[string]struct {
		mods mods
		want string
	}{
		"the next time":           {nil, "09:10"},
		"seconds":                 {mods{expression("*/7 * * * * *")}, "09:02:07"},
		"past a blackout":         {mods{blackout("09:05", "09:25")}, "09:30"},
		"the end of a blackout":   {mods{queue("09:00"), blackout("09:01", "09:25")}, "09:25"},
		"Forbid's deadline":       {mods{queue("09:00"), policy(forbid), deadline(300), active(run("08:00"))}, "09:05:01"},
		"suspended":               {mods{spec(func(s *v1alpha1.CronBatchJobSpec) { s.Suspend = new(true) })}, ""},
		"expired":                 {mods{spec(func(s *v1alpha1.CronBatchJobSpec) { s.NotAfter = stamp("09:05") })}, ""},
		"refused":                 {mods{expression("61 * * * *")}, ""},
		"not before":              {mods{spec(func(s *v1alpha1.CronBatchJobSpec) { s.NotBefore = stamp("15:00") })}, "15:00"},
		"a schedule not seen yet": {mods{was(func(s *v1alpha1.CronBatchJobStatus) { s.ScheduleHash = "old" })}, "09:10"},
	} {
		var runs []engine.Child
		if name == "Forbid's deadline" {
			runs = append(runs, run("08:00"))
		}
		plan, _ := settle(t, observe("09:02", cron(append(mods{last("09:00")}, c.mods...)...), runs...))
		want := time.Time{}
		if c.want != "" {
			want = at(c.want)
		}
		same(t, name, plan.Wake.UTC(), want.UTC())
	}
}

// TestWhoSuspended: git does not say suspend, so the message names the field
// manager who did.
func TestWhoSuspended(t *testing.T) {
	for want, entries := range map[string][]metav1.ManagedFieldsEntry{
		"": {{Manager: "flux", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:schedule":{}}}`)}},
		" (set by kubectl-edit, argocd)": {{Manager: "kubectl-edit", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:suspend":{}}}`)},
			{Manager: "argocd", FieldsV1: metav1.NewFieldsV1(`{"f:spec":{"f:suspend":{}}}`)}},
	} {
		j := cron(last("09:00"), spec(func(s *v1alpha1.CronBatchJobSpec) { s.Suspend = new(true) }))
		j.ManagedFields = entries
		plan, _ := settle(t, observe("09:02", j))
		same(t, "message", plan.Outcome.Message, "spec.suspend is true"+want+": nothing is started until it is set to false, or removed")
	}
}
