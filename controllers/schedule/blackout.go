package schedule

import (
	"errors"
	"time"
)

// Window is a blackout as its author wrote it: Schedule and Duration, repeated,
// or From and To, once. A window holds its first instant and not its last.
type Window struct {
	Schedule string
	Duration time.Duration
	From, To time.Time
}

// Blackouts are the times in which nothing starts. The nil value has none.
type Blackouts struct{ windows []window }

type window struct {
	opens    *Schedule // nil for a single window
	duration time.Duration
	from, to time.Time
	solid    bool // the duration is no shorter than the schedule's pauses
}

// ParseBlackouts reads windows whose schedules are in the object's zone and use
// its key for H. Durations are real time.
func ParseBlackouts(windows []Window, zone, key string) (*Blackouts, error) {
	return parseBlackouts(windows, func(expression string) (*Schedule, error) {
		return Parse([]string{expression}, zone, key)
	})
}

func parseBlackouts(windows []Window, parse func(string) (*Schedule, error)) (*Blackouts, error) {
	b := &Blackouts{}
	for i, w := range windows {
		if err := w.check(); err != nil {
			err.Index = i
			return nil, err
		}
		parsed := window{duration: w.Duration, from: w.From, to: w.To}
		if w.Schedule != "" {
			var err error
			if parsed.opens, err = parse(w.Schedule); err != nil {
				if at := (*ParseError)(nil); errors.As(err, &at) && at.Index >= 0 {
					refused := *at // the original may be shared
					refused.Index = i
					err = &refused
				}
				return nil, err
			}
			parsed.solid = parsed.opens.pausesWithin(w.Duration)
		}
		b.windows = append(b.windows, parsed)
	}
	return b, nil
}

func (w Window) check() *ParseError {
	bad := func(field, reason string) *ParseError {
		return &ParseError{Input: w.Schedule, Field: field, Reason: reason, Kind: ErrBadWindow}
	}
	once := !w.From.IsZero() || !w.To.IsZero()
	switch {
	case once && (w.Schedule != "" || w.Duration != 0), !once && w.Schedule == "":
		return bad("", "a blackout has either schedule and duration, or from and to")
	case !once && w.Duration <= 0:
		return bad("duration", "must be longer than 0s")
	case once && (w.From.IsZero() || w.To.IsZero()):
		return bad("", "from and to belong together")
	case once && !w.From.Before(w.To):
		return bad("from", "must be before to")
	}
	return nil
}

// Anchored counts @every of the windows' schedules from anchor.
func (b *Blackouts) Anchored(anchor time.Time) *Blackouts {
	if b == nil {
		return nil
	}
	anchored := &Blackouts{windows: make([]window, len(b.windows))}
	for i, w := range b.windows {
		if w.opens != nil {
			w.opens = w.opens.Anchored(anchor)
		}
		anchored.windows[i] = w
	}
	return anchored
}

// joinLimit bounds how many windows one answer joins.
const joinLimit = 10_000

// Blocked tells whether t is in a blackout, and when that ends: windows that
// overlap or touch are one. Where more than joinLimit windows hang together, or
// they reach beyond CoverHorizon, it is blocked until then at least, and to ask
// again then goes on from there.
func (b *Blackouts) Blocked(t time.Time) (until time.Time, blocked bool) {
	budget := joinLimit
	return b.blocked(t, t.Add(CoverHorizon), &budget)
}

// farFuture is after every time of a schedule.
var farFuture = time.Unix(lastInstant+1, 0).UTC()

// blocked joins windows until one ends at or after enough, or the budget is
// used up.
func (b *Blackouts) blocked(t, enough time.Time, budget *int) (until time.Time, blocked bool) {
	if b == nil {
		return time.Time{}, false
	}
	until = t
	for ; *budget > 0 && until.Before(enough); *budget-- {
		end := until
		for i := range b.windows {
			if e := b.windows[i].end(until); e.After(end) {
				end = e
			}
		}
		if !end.After(until) {
			break
		}
		until, blocked = end, true
	}
	if !blocked {
		return time.Time{}, false
	}
	return until, true
}

// end is an instant until which the window stays open if it is open at t, else
// t or before.
func (w *window) end(t time.Time) time.Time {
	if w.opens == nil {
		if t.Before(w.from) {
			return time.Time{}
		}
		return w.to
	}
	opened := w.opens.Previous(t)
	if opened.IsZero() {
		return time.Time{}
	}
	if w.solid && opened.Add(w.duration).After(t) {
		opened = w.opens.unbroken(opened)
	}
	return opened.Add(w.duration)
}

// pausesWithin tells whether it is certain that the times of a schedule of one
// expression are no further apart than limit, changes of the zone's offset
// aside. Only what matches every day is looked at.
func (s *Schedule) pausesWithin(limit time.Duration) bool {
	switch p := s.programs[0].(type) {
	case *every:
		return time.Duration(p.period)*time.Second <= limit
	case *calendar:
		return p.everyDay() && time.Duration(p.longestPause())*time.Second <= limit
	}
	return false
}

// unbroken is the last time of such a schedule before the zone's offset next
// changes. With it, windows that never close are found in a few steps and not
// minute by minute.
func (s *Schedule) unbroken(at time.Time) time.Time {
	end := int64(lastInstant)
	if p, ok := s.programs[0].(*calendar); ok {
		end = min(end, stretchAt(p.loc, at.Unix()).end-1)
	}
	return s.Previous(time.Unix(end, 0))
}
