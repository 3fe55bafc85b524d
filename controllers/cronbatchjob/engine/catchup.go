package engine

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// maxTimes is how many past times one look judges one by one; what is older
// than the newest of them is missed.
const maxTimes = 10_000

// pastTime is a nominal time that has come due since the last look.
type pastTime struct {
	at     time.Time
	reason v1alpha1.StartReason
	// lost is why it is never started: MissSchedule or Blackout; empty if it is.
	lost string
}

// seeTimes finds what came due after the last decided time, and says of each
// whether it starts. A time whose run exists has started, whatever is thought
// of it now.
func (w *work) seeTimes() {
	from := latest(w.since, w.last)
	w.recordUpTo(from)
	if w.o.Calendar.Problem != nil || w.spec.IsSuspended() {
		return
	}
	times, older := w.window(from)
	switch {
	case w.hold == nil, w.hold.state == StateRetrying && w.spec.GetConcurrencyPolicy() == v1alpha1.QueueConcurrent:
		w.decideTimes(times, older)
	case w.hold.state == StateRetrying:
		// Not decided before the API server answers; what has started is.
		w.passWhile(times, func(t pastTime) bool { return w.exists(RunName(w.cron.Name, t.at)) })
	default:
		// Nothing can start before an edit, which will not start the past.
		w.passWhile(times, func(t pastTime) bool {
			return w.exists(RunName(w.cron.Name, t.at)) || t.lost != "" || !w.late(t.at)
		})
	}
}

// recordUpTo writes down runs that a predecessor started for times of an
// earlier schedule.
func (w *work) recordUpTo(from time.Time) {
	for i := range w.o.Children {
		c := &w.o.Children[i]
		if c.Held && c.Token == "" && w.made(c) && !c.Nominal.After(from) && c.Nominal.After(w.last) {
			w.last = c.Nominal
		}
	}
}

// window are the times after from that have come due, oldest first, and how
// many more there are before them.
func (w *work) window(from time.Time) (times []pastTime, older int) {
	if before := w.spec.NotBefore; before != nil {
		from = latest(from, before.Add(-time.Second))
	}
	to := w.o.Now.Add(-w.offset)
	if after := w.spec.NotAfter; after != nil && to.After(after.Time) {
		to = after.Time
	}
	if !to.After(from) {
		return nil, 0
	}
	found := w.schedule.Between(from, to, maxTimes)
	var closed time.Time
	for _, t := range found.Newest {
		p := pastTime{at: t, reason: v1alpha1.StartScheduled}
		if !t.Before(closed) {
			if until, blocked := w.blackouts.Blocked(t); blocked {
				closed = until
			}
		}
		if t.Before(closed) {
			p.lost = v1alpha1.ReasonBlackout
		}
		times = append(times, p)
	}
	return times, found.Count - len(found.Newest)
}

// late tells a time that is late, and started, from one that is missed.
func (w *work) late(nominal time.Time) bool {
	return w.o.Now.Sub(nominal.Add(w.offset)) <= w.spec.GetLateness()
}

// decideTimes applies missedRunPolicy and moves past all of them.
func (w *work) decideTimes(times []pastTime, older int) {
	w.applyMissedRunPolicy(times)
	if older > 0 {
		w.notice(Notice{Reason: v1alpha1.ReasonMissSchedule, Count: older})
	}
	for _, t := range times {
		w.last = latest(w.last, t.at)
		switch {
		case w.exists(RunName(w.cron.Name, t.at)):
		case t.lost != "":
			w.notice(Notice{Reason: t.lost, Count: 1, Latest: t.at})
		default:
			w.fresh = append(w.fresh, v1alpha1.QueuedRun{Time: metav1.NewTime(t.at), Reason: t.reason})
		}
	}
}

// passWhile moves past the oldest times as long as their fate is known.
func (w *work) passWhile(times []pastTime, known func(pastTime) bool) {
	for _, t := range times {
		if !known(t) {
			return
		}
		w.last = latest(w.last, t.at)
		if w.exists(RunName(w.cron.Name, t.at)) {
			continue
		}
		if t.lost == "" {
			t.lost = v1alpha1.ReasonMissSchedule
		}
		w.notice(Notice{Reason: t.lost, Count: 1, Latest: t.at})
	}
}

// applyMissedRunPolicy says which of the missed times are started: with a
// deadline none, as it is what makes them missed. It does not look at what
// exists, so that a second look gives the same answer as the first.
//
// Latest is batch/v1's intent: one run makes up for all of them, and where a
// later time starts anyway it is that one.
func (w *work) applyMissedRunPolicy(times []pastTime) {
	keep := 0
	if _, deadline := w.spec.GetStartingDeadline(); !deadline {
		switch w.spec.GetMissedRunPolicy() {
		case v1alpha1.MissedRunLatest:
			keep = 1
		case v1alpha1.MissedRunAll:
			keep = int(w.spec.GetMissedRunLimit())
		case v1alpha1.MissedRunNone:
		}
	}
	for i := len(times) - 1; i >= 0; i-- {
		t := &times[i]
		switch {
		case t.lost != "":
		case w.late(t.at):
			if w.spec.GetMissedRunPolicy() == v1alpha1.MissedRunLatest {
				keep = 0
			}
		case keep > 0:
			keep--
			t.reason = v1alpha1.StartCaughtUp
		default:
			t.lost = v1alpha1.ReasonMissSchedule
		}
	}
}
