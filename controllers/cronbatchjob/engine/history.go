package engine

import (
	"cmp"
	"slices"
	"time"
)

// tidy deletes ended runs: the oldest beyond the limits by count, as batch/v1
// does, and those older than historyTTLSeconds. It goes on while the schedule is
// suspended or refused, so that history never stands in the way of a quota. An
// end that has not been counted is kept.
func (w *work) tidy() {
	for result, limit := range map[Result]int32{
		Complete: w.spec.GetSuccessfulJobsHistoryLimit(),
		Failed:   w.spec.GetFailedJobsHistoryLimit(),
	} {
		kept := w.endedAs(result)
		for i, c := range kept {
			beyond := i < len(kept)-int(limit)
			if (beyond || w.tooOld(c)) && (!w.made(c) || w.settled(c)) {
				w.plan.Prune = append(w.plan.Prune, c.ChildRef)
			}
		}
	}
	slices.SortFunc(w.plan.Prune, func(a, b ChildRef) int { return cmp.Compare(a.Name, b.Name) })
}

// endedAs are the runs that ended so, the oldest start first; one that never
// started is the newest, as in batch/v1.
func (w *work) endedAs(result Result) (runs []*Child) {
	for i := range w.o.Children {
		if c := &w.o.Children[i]; c.Result == result && !c.Deleting {
			runs = append(runs, c)
		}
	}
	slices.SortFunc(runs, func(a, b *Child) int {
		if a.Started.IsZero() != b.Started.IsZero() {
			if a.Started.IsZero() {
				return 1
			}
			return -1
		}
		return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.Name, b.Name))
	})
	return runs
}

// tooOld applies historyTTLSeconds, counted from the end.
func (w *work) tooOld(c *Child) bool {
	at := w.oldAt(c)
	return !at.IsZero() && !w.o.Now.Before(at)
}

// oldAt is when a run becomes too old to keep; zero for never.
func (w *work) oldAt(c *Child) time.Time {
	ttl, set := w.spec.GetHistoryTTL()
	if !set || !c.finished() || c.Ended.IsZero() {
		return time.Time{}
	}
	return c.Ended.Add(ttl)
}
