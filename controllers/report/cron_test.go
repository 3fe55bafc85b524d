package report_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
)

func cron() *v1alpha1.CronBatchJob {
	c := &v1alpha1.CronBatchJob{ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: "team", Generation: 4}}
	c.Spec.Schedule = "@daily"
	c.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionLastRunSucceeded, Status: metav1.ConditionFalse, Reason: "RunFailed", ObservedGeneration: 3},
		{Type: v1alpha1.ConditionStalled, Status: metav1.ConditionTrue, Reason: "Of old", ObservedGeneration: 3},
	}
	return c
}

// TestCronStatus: Ready is about the schedule, Stalled about what only an edit
// heals; every condition tells of this generation.
func TestCronStatus(t *testing.T) {
	for state, want := range map[engine.State]string{
		engine.StateScheduled: "LastRunSucceeded=False Ready=True",
		engine.StateSuspended: "LastRunSucceeded=False Ready=True",
		engine.StateExpired:   "LastRunSucceeded=False Ready=True",
		engine.StateRefused:   "LastRunSucceeded=False Ready=False Stalled=True",
		engine.StateRetrying:  "LastRunSucceeded=False Ready=False Reconciling=True",
	} {
		c := cron()
		plan := engine.Plan{Status: c.Status.DeepCopy(), Outcome: engine.Outcome{State: state, Reason: "Why", Message: strings.Repeat("x", 5000)}}
		before, planned := c.DeepCopy(), plan.Status.DeepCopy()
		s := report.CronStatus(now, c, plan)
		var got []string
		for _, cond := range s.Conditions {
			got = append(got, cond.Type+"="+string(cond.Status))
			same(t, "observes", cond.ObservedGeneration, int64(4))
			if cond.Type != v1alpha1.ConditionLastRunSucceeded {
				same(t, "reason", cond.Reason, "Why")
				same(t, "fits", len(cond.Message) <= 4096, true)
			}
		}
		slices.Sort(got)
		same(t, string(state), strings.Join(got, " "), want)
		same(t, "observedGeneration", s.ObservedGeneration, int64(4))
		same(t, "the object", c, before)
		same(t, "the plan", plan.Status, planned)
		c.Status = *s
		plan.Status = c.Status.DeepCopy()
		same(t, "written again", report.CronStatus(now.Add(time.Hour), c, plan), s)
	}
}

// TestCronNotices are batch/v1's events where it has any.
func TestCronNotices(t *testing.T) {
	at := time.Date(2026, 5, 4, 13, 0, 0, 0, time.FixedZone("CEST", 7200))
	for _, c := range []struct {
		notice engine.Notice
		want   []string
	}{
		{engine.Notice{Reason: "MissSchedule", Count: 1, Latest: at}, []string{"Warning MissSchedule: Missed scheduled time to start a job: 2026-05-04T11:00:00Z"}},
		{engine.Notice{Reason: "MissSchedule", Count: 2, Latest: at}, []string{"Warning MissSchedule: Missed 2 scheduled times to start a job, the latest: 2026-05-04T11:00:00Z"}},
		{engine.Notice{Reason: "MissSchedule", Count: 101, Latest: at}, []string{
			"Warning TooManyMissedTimes: too many missed start times: 101. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
			"Warning MissSchedule: Missed 101 scheduled times to start a job, the latest: 2026-05-04T11:00:00Z"}},
		{engine.Notice{Reason: "Blackout", Count: 1, Latest: at}, []string{"Normal Blackout: Not starting job because its time is in a blackout: 2026-05-04T11:00:00Z"}},
		{engine.Notice{Reason: "QueueFull", Count: 1, Latest: at}, []string{"Warning QueueFull: Not starting job because the queue is full: 2026-05-04T11:00:00Z"}},
		{engine.Notice{Reason: "NameTaken", Count: 1, Latest: at, Name: "c-1"}, []string{
			"Warning NameTaken: Not starting job for 2026-05-04T11:00:00Z: a job named c-1 exists and does not belong to this CronBatchJob"}},
		{engine.Notice{Reason: "JobAlreadyActive", Count: 1, Latest: at, Waits: true}, []string{
			"Normal JobAlreadyActive: Not starting job because prior execution is running and concurrency policy is Forbid; it waits: 2026-05-04T11:00:00Z"}},
		{engine.Notice{Reason: "JobAlreadyActive", Count: 1, Latest: at}, []string{"Normal MissSchedule: Not starting job because a later time waits: 2026-05-04T11:00:00Z"}},
		{engine.Notice{Reason: "SawCompletedJob", Count: 1, Name: "c-1", Result: engine.Failed}, []string{"Normal SawCompletedJob: Saw completed job: c-1, condition: Failed"}},
		{engine.Notice{Reason: "MissingJob", Count: 1, Name: "c-1"}, []string{"Normal MissingJob: Active job went missing: c-1"}},
	} {
		r, about := &recorder{}, cron()
		about.Spec.ConcurrencyPolicy = v1alpha1.ForbidConcurrent
		(&report.Voice{Recorder: r}).CronWrote(about, &about.Status, &about.Status, []engine.Notice{c.notice})
		same(t, c.notice.Reason, r.events, c.want)
	}
}

// TestCronStalledIsToldOnce, and again when the words change.
func TestCronStalledIsToldOnce(t *testing.T) {
	r, c := &recorder{}, cron()
	voice := &report.Voice{Recorder: r}
	after := c.Status.DeepCopy()
	voice.CronWrote(c, &c.Status, after, nil)
	same(t, "the same", len(r.events), 0)
	after.Conditions[1].Reason, after.Conditions[1].Message = "InvalidSchedule", "spec.schedule: no"
	voice.CronWrote(c, &c.Status, after, nil)
	voice.CronWrote(c, &v1alpha1.CronBatchJobStatus{}, after, nil)
	voice.CronWrote(c, after, after, nil)
	same(t, "new", r.events, []string{"Warning InvalidSchedule: spec.schedule: no", "Warning InvalidSchedule: spec.schedule: no"})
}

// TestCronActs are told when they are done.
func TestCronActs(t *testing.T) {
	r, c := &recorder{}, cron()
	voice := &report.Voice{Recorder: r}
	voice.Started(c, engine.Start{Name: "c-1"}, now)
	voice.NotStarted(c, errors.New("no"))
	voice.Removed(c, nil)
	voice.Removed(c, []string{"c-1", "c-2"})
	voice.Kept(c, "c-3", errors.New("no"))
	voice.Unexpected(c, "x")
	same(t, "events", r.events, []string{"Normal SuccessfulCreate: Created job c-1", "Warning FailedCreate: Error creating job: no",
		"Normal SuccessfulDelete: Deleted jobs (2): c-1, c-2", "Warning FailedDelete: Error deleting job c-3: no",
		"Warning UnexpectedJob: Saw a job that the controller did not create or forgot: x"})
}

// TestCronMetrics: lateness of scheduled runs only; what waits is not missed.
func TestCronMetrics(t *testing.T) {
	voice, c := &report.Voice{}, cron()
	notices := func(list ...engine.Notice) func() {
		return func() { voice.CronWrote(c, &c.Status, &c.Status, list) }
	}
	for _, row := range []struct {
		name string
		do   func()
		want map[string]float64
	}{
		{"a start", func() { voice.Started(c, engine.Start{Reason: v1alpha1.StartRequested}, now) }, map[string]float64{"stint_cronbatchjob_runs_started_total{Requested}": 1}},
		{"missed", notices(engine.Notice{Reason: "MissSchedule", Count: 3}), map[string]float64{"stint_cronbatchjob_missed_total{MissSchedule}": 3}},
		{"gave way", notices(engine.Notice{Reason: "JobAlreadyActive", Count: 1}), map[string]float64{"stint_cronbatchjob_missed_total{JobAlreadyActive}": 1}},
		{"waits", notices(engine.Notice{Reason: "JobAlreadyActive", Count: 1, Waits: true}), map[string]float64{}},
		{"an end", notices(engine.Notice{Reason: "SawCompletedJob", Count: 1, Result: engine.Failed}), map[string]float64{"stint_cronbatchjob_runs_finished_total{Failed}": 1}},
	} {
		same(t, row.name, added(t, row.do), row.want)
	}
	before := lateness(t)
	voice.Started(c, engine.Start{Reason: v1alpha1.StartScheduled, Due: now.Add(-2 * time.Second)}, now)
	voice.Started(c, engine.Start{Reason: v1alpha1.StartScheduled, Due: now.Add(time.Second)}, now)
	voice.Started(c, engine.Start{Reason: v1alpha1.StartCaughtUp, Due: now.Add(-time.Hour)}, now)
	voice.Started(c, engine.Start{Reason: v1alpha1.StartScheduled, Due: now.Add(-time.Hour), Waited: true}, now)
	after := lateness(t)
	same(t, "observations", after[0]-before[0], 2.0)
	same(t, "seconds", after[1]-before[1], 2.0)
}

// crons is a reader that has these.
type crons struct {
	client.Reader
	items []v1alpha1.CronBatchJob
}

func (c crons) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if c.items == nil {
		return errSome
	}
	list.(*v1alpha1.CronBatchJobList).Items = c.items //nolint:forcetypeassert // the collector lists nothing else
	return nil
}

// TestCronCollector counts objects, and has no series of a single one.
func TestCronCollector(t *testing.T) {
	stalled, suspended, busy := *cron(), v1alpha1.CronBatchJob{}, v1alpha1.CronBatchJob{}
	suspended.Spec.Suspend = new(true)
	busy.Status.ActiveCount, busy.Status.Queue = 2, make([]v1alpha1.QueuedRun, 3)
	for name, c := range map[string]struct {
		items []v1alpha1.CronBatchJob
		want  map[string]float64
	}{
		"three": {[]v1alpha1.CronBatchJob{stalled, suspended, busy}, map[string]float64{"stint_cronbatchjobs{stalled}": 1, "stint_cronbatchjobs{suspended}": 1,
			"stint_cronbatchjobs{scheduled}": 1, "stint_cronbatchjob_active_runs{}": 2, "stint_cronbatchjob_queued_runs{}": 3}},
		"none": {[]v1alpha1.CronBatchJob{}, map[string]float64{"stint_cronbatchjobs{stalled}": 0, "stint_cronbatchjobs{suspended}": 0,
			"stint_cronbatchjobs{scheduled}": 0, "stint_cronbatchjob_active_runs{}": 0, "stint_cronbatchjob_queued_runs{}": 0}},
		"no cache": {nil, map[string]float64{}},
	} {
		registry := prometheus.NewPedanticRegistry()
		registry.MustRegister(report.CronCollector{Reader: crons{items: c.items}})
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, family := range families {
			for _, m := range family.GetMetric() {
				var labels []string
				for _, l := range m.GetLabel() {
					labels = append(labels, l.GetValue())
				}
				got[family.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue()
			}
		}
		if !maps.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// lateness gives the number and the sum of the histogram's observations.
func lateness(t *testing.T) [2]float64 {
	t.Helper()
	families, err := metrics.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "stint_cronbatchjob_start_lateness_seconds" {
			h := family.GetMetric()[0].GetHistogram()
			return [2]float64{float64(h.GetSampleCount()), h.GetSampleSum()}
		}
	}
	t.Fatal("there is no histogram of lateness")
	return [2]float64{}
}
