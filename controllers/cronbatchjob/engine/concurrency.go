package engine

import (
	"slices"
	"time"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// maxWaiting bounds status.queue where queueLimit does not.
const maxWaiting = 1000

// policy is what one concurrencyPolicy does with starts while a run is active.
type policy struct {
	// alone: only one run at a time.
	alone bool
	// yields: of the times that wait only the latest stays.
	yields bool
	// replaces: a time that waits ends the active run.
	replaces bool
	// expires: a time that waits can still become too old.
	expires bool
	// limited: queueLimit bounds how many wait.
	limited bool
}

var policies = map[v1alpha1.ConcurrencyPolicy]policy{
	v1alpha1.AllowConcurrent:   {expires: true},
	v1alpha1.ForbidConcurrent:  {alone: true, yields: true, expires: true},
	v1alpha1.ReplaceConcurrent: {alone: true, yields: true, replaces: true},
	v1alpha1.QueueConcurrent:   {alone: true, limited: true},
}

func (w *work) policy() policy { return policies[w.spec.GetConcurrencyPolicy()] }

// seeWaiting takes up the durable queue, less what has been made since, what
// cannot have its name, and what has become too old.
func (w *work) seeWaiting() {
	for _, q := range w.was.Queue {
		if w.exists(w.entryName(q)) {
			continue
		}
		if at := w.expiry(q); !at.IsZero() && w.o.Now.After(at) && w.hold == nil {
			w.notice(Notice{Reason: v1alpha1.ReasonMissSchedule, Count: 1, Latest: q.Time.Time})
			continue
		}
		w.waiting = append(w.waiting, q)
	}
}

// expiry is when a waiting start becomes too old; zero for never. Under Queue
// waiting is not being missed, and Replace has deleted the old run for it.
func (w *work) expiry(q v1alpha1.QueuedRun) time.Time {
	deadline, set := w.spec.GetStartingDeadline()
	if !set || !w.policy().expires || q.Reason == v1alpha1.StartRequested {
		return time.Time{}
	}
	return q.Time.Add(w.offset + deadline)
}

// lineUp puts everything that wants to start in one line, oldest first, starts
// what may start, and lets the rest wait or give way.
func (w *work) lineUp() {
	p := w.policy()
	line := slices.DeleteFunc(slices.Concat(w.waiting, w.fresh), w.takenByOthers)
	slices.SortStableFunc(line, func(a, b v1alpha1.QueuedRun) int { return a.Time.Compare(b.Time.Time) })
	if p.yields && (len(w.busy) > 0 || p.replaces) {
		line = w.giveWay(line)
	}
	switch {
	case w.closed(), p.alone && len(w.busy) > 0:
	case p.alone:
		w.start(line[:min(len(line), 1)])
	default:
		w.start(line)
	}
	if len(w.plan.Start) > 0 {
		return // what waits is decided once these exist
	}
	w.queue = w.limit(line)
	if p.replaces && !w.closed() && len(w.busy) > 0 {
		w.replace()
	}
}

// takenByOthers gives up a start whose name belongs to somebody else's object.
// It is decided all the same, so that it does not hold up later ones.
func (w *work) takenByOthers(q v1alpha1.QueuedRun) bool {
	name := w.entryName(q)
	if !w.o.Taken[name] {
		return false
	}
	w.notice(Notice{Reason: v1alpha1.ReasonNameTaken, Count: 1, Latest: q.Time.Time, Name: name})
	if q.Token != "" {
		w.handle(q.Token)
	}
	return true
}

// giveWay drops every time but the latest, and that too if a run of a later
// time exists already. What was asked for stays, and so do the runs that
// missedRunPolicy All catches up with: their author wants each of them.
func (w *work) giveWay(line []v1alpha1.QueuedRun) (left []v1alpha1.QueuedRun) {
	newest := w.newestMade()
	for _, q := range line {
		if w.yields(q) {
			newest = latest(newest, q.Time.Time)
		}
	}
	for _, q := range line {
		if w.yields(q) && q.Time.Time.Before(newest) {
			w.notice(Notice{Reason: v1alpha1.ReasonJobAlreadyActive, Count: 1, Latest: q.Time.Time})
			continue
		}
		left = append(left, q)
	}
	return left
}

func (w *work) yields(q v1alpha1.QueuedRun) bool {
	switch q.Reason {
	case v1alpha1.StartScheduled:
		return true
	case v1alpha1.StartCaughtUp:
		return w.spec.GetMissedRunPolicy() != v1alpha1.MissedRunAll
	case v1alpha1.StartRequested:
	}
	return false
}

// newestMade is the latest time for which a run exists. A time of the future
// was started under another clock and says nothing.
func (w *work) newestMade() (newest time.Time) {
	for i := range w.o.Children {
		if c := &w.o.Children[i]; c.Token == "" && w.made(c) && !c.Nominal.After(w.o.Now) {
			newest = latest(newest, c.Nominal)
		}
	}
	return newest
}

func (w *work) start(line []v1alpha1.QueuedRun) {
	for _, q := range line {
		nominal := q.Time.In(w.schedule.Location())
		due := nominal
		if q.Reason != v1alpha1.StartRequested {
			due = due.Add(w.offset)
		}
		w.plan.Start = append(w.plan.Start, Start{Name: w.entryName(q), Nominal: nominal, Due: due, Reason: q.Reason, Token: q.Token,
			Waited: w.durable(q)})
	}
}

// limit drops the newest of the fresh starts that the queue has no room for.
// What is durable in it stays, also where an edit has lowered the limit.
func (w *work) limit(line []v1alpha1.QueuedRun) (queue []v1alpha1.QueuedRun) {
	room := maxWaiting
	if w.policy().limited {
		room = min(room, int(w.spec.GetQueueLimit()))
	}
	room -= len(line) - w.freshIn(line)
	for _, q := range line {
		if w.durable(q) {
			queue = append(queue, q)
			continue
		}
		if q.Token != "" {
			w.handle(q.Token)
		}
		if room <= 0 {
			w.notice(Notice{Reason: v1alpha1.ReasonQueueFull, Count: 1, Latest: q.Time.Time})
			continue
		}
		room--
		queue = append(queue, q)
		if p := w.policy(); p.alone && p.expires && len(w.busy) > 0 {
			w.notice(Notice{Reason: v1alpha1.ReasonJobAlreadyActive, Count: 1, Latest: q.Time.Time, Waits: true})
		}
	}
	return queue
}

func (w *work) freshIn(line []v1alpha1.QueuedRun) (n int) {
	for _, q := range line {
		if !w.durable(q) {
			n++
		}
	}
	return n
}

// durable tells whether a start stands in the queue as observed.
func (w *work) durable(q v1alpha1.QueuedRun) bool {
	name := w.entryName(q)
	return slices.ContainsFunc(w.was.Queue, func(d v1alpha1.QueuedRun) bool { return w.entryName(d) == name })
}

// replace deletes what is active for the sake of a start that is durable. A
// caught-up run of policy All replaces nothing: it would replace the one before
// it, which is to run as well.
func (w *work) replace() {
	if !slices.ContainsFunc(w.queue, func(q v1alpha1.QueuedRun) bool {
		return w.durable(q) && (w.yields(q) || q.Reason == v1alpha1.StartRequested)
	}) {
		return
	}
	for _, c := range w.busy {
		if !c.Deleting {
			w.plan.Replace = append(w.plan.Replace, c.ChildRef)
		}
	}
}
