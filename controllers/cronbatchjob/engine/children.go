package engine

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// record finds the ends to be counted by this look, the runs that are gone, and
// those whose lock has served.
//
// An end is counted in the write that makes it so: the one that takes the run
// out of status.active, or, if the run had never been written down, the one
// that does so. After that write neither holds any more.
func (w *work) record() {
	for i := range w.o.Children {
		c := &w.o.Children[i]
		if !w.made(c) && !c.finished() {
			w.plan.Strangers = append(w.plan.Strangers, c.Name)
		}
		if w.made(c) && c.finished() && w.recorded(c, w.last, w.handled, w.queue) && !w.settled(c) {
			w.ended = append(w.ended, c)
			w.notice(Notice{Reason: "SawCompletedJob", Count: 1, Latest: c.Ended, Name: c.Name, Result: c.Result})
		}
	}
	slices.SortStableFunc(w.ended, func(a, b *Child) int { return cmp.Or(a.Ended.Compare(b.Ended), cmp.Compare(a.Name, b.Name)) })
	if !w.policy().replaces { // which makes them go missing itself
		for _, ref := range w.was.Active {
			if c := w.children[ref.Name]; c == nil || c.UID != ref.UID {
				w.notice(Notice{Reason: "MissingJob", Count: 1, Name: ref.Name})
			}
		}
	}
	w.plan.Release = append(w.plan.Release, w.o.Strays...)
	for i := range w.o.Children {
		if c := &w.o.Children[i]; c.Held && w.served(c) {
			w.plan.Release = append(w.plan.Release, c.ChildRef)
		}
	}
}

// recorded tells whether the start of a run is in a status: its time has been
// passed, or its token handled, and it waits no longer.
func (w *work) recorded(c *Child, last time.Time, handled []string, queue []v1alpha1.QueuedRun) bool {
	switch {
	case !c.Held: // which is taken off only after that
		return true
	case c.Token != "" && !slices.Contains(handled, c.Token), c.Token == "" && c.Nominal.After(last):
		return false
	}
	return !slices.ContainsFunc(queue, func(q v1alpha1.QueuedRun) bool { return w.entryName(q) == c.Name })
}

// durablyRecorded asks the status as observed.
func (w *work) durablyRecorded(c *Child) bool {
	return w.recorded(c, timeOf(w.was.LastScheduleTime), w.was.HandledRunTokens, w.was.Queue)
}

// settled tells whether everything about an ended run is durable.
func (w *work) settled(c *Child) bool {
	return w.durablyRecorded(c) && !w.listed(c.UID)
}

// listed tells whether a run stands in the durable status.active.
func (w *work) listed(uid types.UID) bool {
	return slices.ContainsFunc(w.was.Active, func(r corev1.ObjectReference) bool { return r.UID == uid })
}

// served tells whether a run needs its lock no more: its end has been counted,
// or it is being deleted and its start is written down.
func (w *work) served(c *Child) bool {
	switch {
	case !w.made(c):
		return true
	case c.finished():
		return w.settled(c)
	}
	return c.Deleting && w.durablyRecorded(c)
}
