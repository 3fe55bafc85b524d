package engine_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
	"github.com/stint-dev/stint/controllers/schedule"
)

// day is a Wednesday; at gives a time on it, or some days later.
var day = time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)

func at(clock string) time.Time {
	for _, layout := range []string{"15:04:05.999", "15:04"} {
		if t, err := time.Parse(layout, clock); err == nil {
			return day.Add(t.Sub(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)))
		}
	}
	panic("no time: " + clock)
}

func stamp(clock string) *metav1.Time { return &metav1.Time{Time: at(clock)} }

// cron is a schedule of every ten minutes that has been seen at 08:00, changed
// by mods.
func cron(mods ...func(*v1alpha1.CronBatchJob)) *v1alpha1.CronBatchJob {
	c := &v1alpha1.CronBatchJob{ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: "team", UID: "u", Generation: 1, Annotations: map[string]string{}}}
	c.Spec.Schedule = "*/10 * * * *"
	c.Status.ObservedGeneration = 1
	for _, mod := range mods {
		mod(c)
	}
	if c.Status.ScheduleHash == "" {
		c.Status.ScheduleHash, c.Status.ScheduleSince = engine.ScheduleHash(&c.Spec), stamp("08:00")
	}
	return c
}

func spec(mod func(*v1alpha1.CronBatchJobSpec)) func(*v1alpha1.CronBatchJob) {
	return func(c *v1alpha1.CronBatchJob) { mod(&c.Spec) }
}

func was(mod func(*v1alpha1.CronBatchJobStatus)) func(*v1alpha1.CronBatchJob) {
	return func(c *v1alpha1.CronBatchJob) { mod(&c.Status) }
}

func last(clock string) func(*v1alpha1.CronBatchJob) {
	return was(func(s *v1alpha1.CronBatchJobStatus) { s.LastScheduleTime = stamp(clock) })
}

func policy(p v1alpha1.ConcurrencyPolicy) func(*v1alpha1.CronBatchJob) {
	return spec(func(s *v1alpha1.CronBatchJobSpec) { s.ConcurrencyPolicy = p })
}

func missed(p v1alpha1.MissedRunPolicy) func(*v1alpha1.CronBatchJob) {
	return spec(func(s *v1alpha1.CronBatchJobSpec) { s.MissedRunPolicy = p })
}

func deadline(seconds int64) func(*v1alpha1.CronBatchJob) {
	return spec(func(s *v1alpha1.CronBatchJobSpec) { s.StartingDeadlineSeconds = &seconds })
}

func expression(e string) func(*v1alpha1.CronBatchJob) {
	return spec(func(s *v1alpha1.CronBatchJobSpec) { s.Schedule = e })
}

// queue puts times into the queue: "09:00", "c 09:00" for a caught-up one, or
// "r token 09:00" for one that was asked for.
func queue(entries ...string) func(*v1alpha1.CronBatchJob) {
	return was(func(s *v1alpha1.CronBatchJobStatus) {
		for _, e := range entries {
			f := strings.Fields(e)
			q := v1alpha1.QueuedRun{Time: *stamp(f[len(f)-1]), Reason: v1alpha1.StartScheduled}
			switch f[0] {
			case "c":
				q.Reason = v1alpha1.StartCaughtUp
			case "r":
				q.Reason, q.Token = v1alpha1.StartRequested, f[1]
				s.HandledRunTokens = append(s.HandledRunTokens, f[1])
			}
			s.Queue = append(s.Queue, q)
		}
	})
}

// blackout closes from one time to another.
func blackout(from, to string) func(*v1alpha1.CronBatchJob) {
	return spec(func(s *v1alpha1.CronBatchJobSpec) {
		s.Blackouts = append(s.Blackouts, v1alpha1.Blackout{From: stamp(from), To: stamp(to)})
	})
}

// run is a child for a time; mods end it, delete it and so on.
func run(nominal string, mods ...func(*engine.Child)) engine.Child {
	t := at(nominal)
	c := engine.Child{ChildRef: engine.ChildRef{Name: engine.RunName("c", t)}, Nominal: t, Held: true, Started: t}
	for _, mod := range mods {
		mod(&c)
	}
	c.UID = types.UID("uid-" + c.Name)
	return c
}

func ended(result engine.Result, clock string) func(*engine.Child) {
	return func(c *engine.Child) { c.Result, c.Ended, c.Reason, c.Message = result, at(clock), "Why", "because" }
}

func free(c *engine.Child)     { c.Held = false }
func deleting(c *engine.Child) { c.Deleting = true }

func forToken(token string) func(*engine.Child) {
	return func(c *engine.Child) { c.Token, c.Name = token, engine.TokenName("c", token) }
}

// active lists runs in the durable status.active.
func active(runs ...engine.Child) func(*v1alpha1.CronBatchJob) {
	return was(func(s *v1alpha1.CronBatchJobStatus) {
		for _, c := range runs {
			s.Active = append(s.Active, corev1.ObjectReference{Name: c.Name, UID: c.UID})
		}
	})
}

func observe(now string, c *v1alpha1.CronBatchJob, children ...engine.Child) engine.Observed {
	return engine.Observed{Now: at(now), Cron: c, Children: children, Calendar: engine.ReadCalendar(schedule.NewCache(10), c)}
}

// settle decides until nothing is left to start, as the hands do, and gives the
// plan and all starts.
func settle(t testing.TB, o engine.Observed) (plan engine.Plan, started []engine.Start) {
	t.Helper()
	for range 10 {
		plan = engine.Decide(o)
		switch {
		case plan.Try:
			o.Tried = true
		case len(plan.Start) > 0:
			for _, s := range plan.Start {
				started = append(started, s)
				o.Children = append(o.Children, childOf(s))
			}
		default:
			return plan, started
		}
	}
	t.Fatal("it does not settle")
	return plan, nil
}

func childOf(s engine.Start) engine.Child {
	return engine.Child{ChildRef: engine.ChildRef{Name: s.Name, UID: types.UID("uid-" + s.Name)}, Nominal: s.Nominal, Token: s.Token, Held: true}
}

// words of starts, a queue and notices, short enough for a table.
func startWords(starts []engine.Start) string {
	var words []string
	for _, s := range starts {
		words = append(words, word(s.Reason, s.Token, s.Nominal))
	}
	return strings.Join(words, ", ")
}

func word(reason v1alpha1.StartReason, token string, t time.Time) string {
	clock := strings.TrimSuffix(t.UTC().Format("15:04:05"), ":00")
	switch reason {
	case v1alpha1.StartCaughtUp:
		return "c " + clock
	case v1alpha1.StartRequested:
		return "r " + token
	case v1alpha1.StartScheduled:
	}
	return clock
}

func queueWords(q []v1alpha1.QueuedRun) string {
	var words []string
	for _, e := range q {
		words = append(words, word(e.Reason, e.Token, e.Time.Time))
	}
	return strings.Join(words, ", ")
}

func noticeWords(notices []engine.Notice) string {
	var words []string
	for _, n := range notices {
		w := fmt.Sprintf("%s %d", n.Reason, n.Count)
		if n.Waits {
			w += " waits"
		}
		words = append(words, w)
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func refs(list []engine.ChildRef) string {
	var names []string
	for _, r := range list {
		names = append(names, r.Name)
	}
	return strings.Join(names, ", ")
}

func clockOf(t *metav1.Time) string {
	if t == nil {
		return ""
	}
	return strings.TrimSuffix(t.UTC().Format("15:04:05"), ":00")
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// written is the cron after the plan's status has been written.
func written(o engine.Observed, plan engine.Plan) *v1alpha1.CronBatchJob {
	after := o.Cron.DeepCopy()
	after.Status = *report.CronStatus(o.Now, o.Cron, plan)
	return after
}
