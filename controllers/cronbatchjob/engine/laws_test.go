package engine_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
	"github.com/stint-dev/stint/controllers/schedule"
)

// TestLaws plays random stories with the judge alone: plans are cut off after
// any of their orders, runs end, are deleted and expire, the operator is away
// for a while. test/world does the same to the whole operator; this is
// what must hold of the judge whatever the hands do:
//
//   - no run is made twice, and no token asks twice
//   - with any policy but Allow no run is made while another is active
//   - every due time is started, waits, or was given up with a reason, once
//   - every end is counted once
//   - in the end, and once nobody disturbs, nothing is left to write
func TestLaws(t *testing.T) {
	stories := 1000
	if testing.Short() {
		stories = 300
	}
	for seed := range uint64(stories) {
		s := newStory(seed)
		for range 60 {
			s.step()
		}
		s.calm()
		s.judge()
		if len(s.wrong) > 0 {
			t.Fatalf("seed %d (%s, %s, %s): %s", seed, s.cron.Spec.Schedule, s.cron.Spec.ConcurrencyPolicy, s.cron.Spec.MissedRunPolicy, s.wrong)
		}
	}
	t.Logf("%d stories", stories)
}

type story struct {
	rand     *rand.Rand
	now      time.Time
	cron     *v1alpha1.CronBatchJob
	cache    *schedule.Cache
	children map[string]engine.Child
	made     map[string]v1alpha1.StartReason
	tokens   map[string]bool
	// lost and counted are what was told by writes that succeeded.
	lost, counted, ends int
	wrong               []string
}

func newStory(seed uint64) *story {
	s := &story{rand: rand.New(rand.NewPCG(seed, 1)), now: at("09:00").Add(time.Duration(seed) * time.Millisecond),
		cache: schedule.NewCache(10), children: map[string]engine.Child{}, made: map[string]v1alpha1.StartReason{}, tokens: map[string]bool{}}
	s.cron = cron(was(func(st *v1alpha1.CronBatchJobStatus) {
		*st = v1alpha1.CronBatchJobStatus{ObservedGeneration: -1, ScheduleHash: "none"}
	}))
	c := &s.cron.Spec
	c.Schedule = pick(s, "*/10 * * * * *", "*/7 * * * * *", "0,1,2,30 * * * * *", "@every 45s", "* * * * *", "0 */2 * * * *")
	c.ConcurrencyPolicy = pick(s, allow, forbid, replace, line)
	c.MissedRunPolicy = pick(s, theLast, all, none)
	c.QueueLimit = pick(s, nil, new(int32(1)), new(int32(3)))
	c.MissedRunLimit = pick(s, nil, new(int32(2)))
	c.StartingDeadlineSeconds = pick(s, nil, nil, new(int64(0)), new(int64(20)), new(int64(300)))
	c.JitterSeconds = pick(s, nil, new(int32(5)))
	c.SuccessfulJobsHistoryLimit, c.FailedJobsHistoryLimit = pick(s, nil, new(int32(0))), pick(s, nil, new(int32(0)))
	c.HistoryTTLSeconds = pick(s, nil, nil, new(int64(30)))
	if s.rand.IntN(3) == 0 {
		c.Blackouts = []v1alpha1.Blackout{{Schedule: "*/3 * * * *", Duration: &metav1.Duration{Duration: 50 * time.Second}}}
	}
	return s
}

func pick[V any](s *story, of ...V) V { return of[s.rand.IntN(len(of))] }

func (s *story) fail(format string, args ...any) {
	s.wrong = append(s.wrong, fmt.Sprintf(format, args...))
}

// step lets something happen, and the operator look at it.
func (s *story) step() {
	switch s.rand.IntN(8) {
	case 0:
		s.now = s.now.Add(time.Duration(s.rand.IntN(400)) * time.Second) // nobody there
	case 1, 2, 3:
		s.now = s.now.Add(time.Duration(s.rand.IntN(20_000)) * time.Millisecond)
	case 4:
		token := fmt.Sprint("t", s.rand.IntN(5))
		s.cron.Spec.RunAt, s.tokens[token] = token, true
	default:
		s.live()
	}
	s.look(s.rand.IntN(6))
}

// live lets runs end and go.
func (s *story) live() {
	for _, name := range slices.Sorted(maps.Keys(s.children)) {
		c := s.children[name]
		switch s.rand.IntN(4) {
		case 0:
			if c.Result == "" && !c.Deleting {
				c.Result, c.Ended, c.Reason = pick(s, engine.Complete, engine.Failed), s.now.Truncate(time.Second), "Why"
				s.ends++
			}
		case 1:
			if c.Result != "" || s.rand.IntN(5) == 0 { // ttl 0, or somebody's hand
				c.Deleting = true
			}
		}
		s.put(c)
	}
}

// put stores a run, which goes when it is being deleted and nothing holds it.
func (s *story) put(c engine.Child) {
	s.children[c.Name] = c
	if c.Deleting && !c.Held {
		delete(s.children, c.Name)
	}
}

func (s *story) observe() engine.Observed {
	o := engine.Observed{Now: s.now, Cron: s.cron, Calendar: engine.ReadCalendar(s.cache, s.cron)}
	for _, name := range slices.Sorted(maps.Keys(s.children)) {
		o.Children = append(o.Children, s.children[name])
	}
	return o
}

// look carries out a plan, up to as many orders as are left before the crash;
// below 0 there is none.
func (s *story) look(orders int) (acted bool) {
	o := s.observe()
	plan := engine.Decide(o)
	for ; plan.Try || len(plan.Start) > 0; plan = engine.Decide(o) {
		o.Tried = true
		for _, start := range plan.Start {
			if orders--; orders == 0 {
				return false
			}
			s.start(start)
			o.Children = append(o.Children, s.children[start.Name])
		}
	}
	after := written(o, plan)
	if fmt.Sprint(after.Status) != fmt.Sprint(s.cron.Status) {
		if orders--; orders == 0 {
			return false
		}
		s.cron, acted = after, true
		s.hear(plan.Notices)
	}
	for _, ref := range plan.Release {
		if orders--; orders == 0 {
			return acted
		}
		c := s.children[ref.Name]
		c.Held, acted = false, true
		s.put(c)
	}
	for _, ref := range slices.Concat(plan.Replace, plan.Prune) {
		if orders--; orders == 0 {
			return acted
		}
		if c, there := s.children[ref.Name]; there {
			c.Deleting, acted = true, true
			s.put(c)
		}
	}
	return acted
}

func (s *story) start(start engine.Start) {
	if _, twice := s.made[start.Name]; twice {
		s.fail("%s is made twice", start.Name)
	}
	for _, c := range s.children {
		if c.Result == "" && s.cron.Spec.ConcurrencyPolicy != allow {
			s.fail("%s is made while %s is active", start.Name, c.Name)
		}
	}
	if until, closed := engine.ReadCalendar(s.cache, s.cron).Blackouts.Blocked(s.now); closed {
		s.fail("%s is made in a blackout that lasts until %s", start.Name, until)
	}
	s.made[start.Name] = start.Reason
	c := childOf(start)
	c.Started = s.now
	s.children[start.Name] = c
}

func (s *story) hear(notices []engine.Notice) {
	for _, n := range notices {
		switch {
		case n.Waits || n.Reason == "MissingJob":
		case n.Reason == "SawCompletedJob":
			s.counted++
		default:
			s.lost += n.Count
		}
	}
}

// calm is the end: runs end one after the other, and nobody crashes.
func (s *story) calm() {
	for range 5000 {
		if s.look(-1) {
			continue
		}
		waits := false
		for _, name := range slices.Sorted(maps.Keys(s.children)) {
			if c := s.children[name]; c.Result == "" && !c.Deleting {
				c.Result, c.Ended, c.Reason, waits = engine.Complete, s.now.Truncate(time.Second), "Why", true
				s.ends++
				s.put(c)
			}
		}
		if until, closed := engine.ReadCalendar(s.cache, s.cron).Blackouts.Blocked(s.now); closed && len(s.cron.Status.Queue) > 0 {
			s.now, waits = until, true
		}
		if !waits {
			return
		}
	}
	s.fail("it does not come to rest")
}

// judge compares what happened with the calendar.
func (s *story) judge() {
	status := &s.cron.Status
	parsed, err := schedule.Parse(s.cron.Spec.GetSchedules(), "", "team/c")
	if err != nil {
		s.fail("%v", err)
		return
	}
	due, made, asked := 0, 0, 0
	if status.LastScheduleTime != nil {
		due = parsed.Anchored(status.ScheduleSince.Time).Between(status.ScheduleSince.Time, status.LastScheduleTime.Time, 0).Count
	}
	for _, reason := range s.made {
		if reason == v1alpha1.StartRequested {
			asked++
			continue
		}
		made++
	}
	// A token that finds the queue full is given up, and one that was withdrawn
	// before anybody saw it was never asked.
	full := max(0, len(status.HandledRunTokens)-asked)
	if due+full != made+s.lost {
		s.fail("%d times were due (and %d tokens too many): %d started, %d given up", due, full, made, s.lost)
	}
	if s.ends != s.counted {
		s.fail("%d runs ended, %d were counted", s.ends, s.counted)
	}
	if len(status.Queue) > 0 || status.ActiveCount > 0 {
		s.fail("%d wait, %d are active", len(status.Queue), status.ActiveCount)
	}
}
