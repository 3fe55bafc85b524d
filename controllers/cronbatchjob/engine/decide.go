package engine

import (
	"time"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/schedule"
)

// Decide says what is to be done about one CronBatchJob. It is total: every
// observation has a plan, and the plan of a settled schedule is to do nothing.
func Decide(o Observed) Plan {
	if o.Cron == nil || !o.Cron.DeletionTimestamp.IsZero() {
		return gone(&o)
	}
	w := begin(&o)
	if w.mustTry() {
		return Plan{Try: true}
	}
	w.hold = w.held()
	for _, step := range []func(){
		w.seeWaiting,  // what stands in the queue was promised first
		w.seeRequests, // a token asks for a run now
		w.seeTimes,    // what came due since the last look
		w.lineUp,      // who starts, who waits, who gives way
	} {
		step()
	}
	if len(w.plan.Start) > 0 {
		return Plan{Start: w.plan.Start}
	}
	for _, step := range []func(){
		w.record,  // starts and ends are written down once
		w.tidy,    // ended runs beyond their limits go
		w.finish,  // the status of all of that
		w.setWake, // when time alone changes something
	} {
		step()
	}
	return w.plan
}

// gone lets go of every run of a schedule that does not exist or is being
// deleted: nothing will start under its name again, so there is nothing left
// to lock.
func gone(o *Observed) Plan {
	plan := Plan{Outcome: Outcome{State: StateGone}, Release: append([]ChildRef(nil), o.Strays...)}
	for i := range o.Children {
		if o.Children[i].Held {
			plan.Release = append(plan.Release, o.Children[i].ChildRef)
		}
	}
	return plan
}

// work is one decision in the making.
type work struct {
	o    *Observed
	cron *v1alpha1.CronBatchJob
	spec *v1alpha1.CronBatchJobSpec
	// was is the status as observed: what is durable.
	was *v1alpha1.CronBatchJobStatus

	// since, last and hash are as they will be written.
	since, last time.Time
	hash        string
	schedule    *schedule.Schedule
	blackouts   *schedule.Blackouts
	offset      time.Duration
	opening     schedule.Opening
	// closedUntil is the end of the blackout that is on now; zero if none is.
	closedUntil time.Time

	// children by name, and those that are in the way of another run.
	children map[string]*Child
	busy     []*Child

	hold *hold
	// waiting are the durable starts, fresh those found by this look; both are
	// without those that have been made. queue is what waits in the end.
	waiting, fresh, queue []v1alpha1.QueuedRun
	handled               []string
	// ended are runs whose end this look counts.
	ended []*Child

	plan Plan
}

func begin(o *Observed) *work {
	w := &work{o: o, cron: o.Cron, spec: &o.Cron.Spec, was: &o.Cron.Status, children: map[string]*Child{}}
	w.handled = append(w.handled, w.was.HandledRunTokens...)
	for i := range o.Children {
		c := &o.Children[i]
		w.children[c.Name] = c
		if w.made(c) && !c.finished() {
			w.busy = append(w.busy, c)
		}
	}
	w.sinceWhen()
	w.outlook()
	return w
}

// made tells a run of the schedule from a BatchJob that somebody else put under
// it: its name follows from what it was started for.
func (w *work) made(c *Child) bool {
	if c.Token != "" {
		return c.Name == TokenName(w.cron.Name, c.Token)
	}
	return !c.Nominal.IsZero() && c.Name == RunName(w.cron.Name, c.Nominal)
}

func (w *work) exists(name string) bool { return w.children[name] != nil }

func (w *work) notice(n Notice) {
	for i := range w.plan.Notices {
		if have := &w.plan.Notices[i]; have.Reason == n.Reason && have.Name == n.Name && have.Waits == n.Waits {
			have.Count += n.Count
			have.Latest = latest(have.Latest, n.Latest)
			return
		}
	}
	w.plan.Notices = append(w.plan.Notices, n)
}
