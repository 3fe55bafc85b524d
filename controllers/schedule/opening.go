package schedule

import "time"

// Validity is the span in which times count, both ends included. A zero time is
// no limit.
type Validity struct{ NotBefore, NotAfter time.Time }

// Holds tells whether t counts.
func (v Validity) Holds(t time.Time) bool {
	return !t.Before(v.NotBefore) && !v.over(t)
}

func (v Validity) over(t time.Time) bool {
	return !v.NotAfter.IsZero() && t.After(v.NotAfter)
}

const (
	// CoverHorizon is how far NextOpen looks for a time that no blackout holds,
	// from the end of the last window that opens once.
	CoverHorizon = 5 * 366 * 24 * time.Hour
	// openLimit bounds what it looks at on the way, times and windows.
	openLimit = 10_000
)

// Opening is the answer of NextOpen.
type Opening struct {
	// Time is the next time that counts; zero if none was found.
	Time time.Time
	// Through: up to here there is none. Set if Time is zero.
	Through time.Time
	// Never: none will come. The schedule has no more times, or none before
	// notAfter, or the blackouts cover every one of them for CoverHorizon. If
	// it is false and Time is zero, the search was long: go on from Through.
	Never bool
	// Covered: the schedule has times, and it is the blackouts that hold them
	// all.
	Covered bool
}

// NextOpen is the next time after a given one that lies in the validity and in
// no blackout: what nextScheduleTime shows, less the jitter.
//
// It is exact up to CoverHorizon, unless more than openLimit times and windows
// lie on the way. Windows that never close, such as one of an hour that opens
// every minute, count as one for each change of the zone's offset.
func (b *Blackouts) NextOpen(s *Schedule, valid Validity, after time.Time) Opening {
	if after.Before(valid.NotBefore) {
		after = valid.NotBefore.Add(-1)
	}
	through, horizon := after, b.lastSingle(after).Add(CoverHorizon)
	covered := false
	t := s.Next(after)
	for budget := openLimit; budget > 0; budget-- {
		if t.IsZero() || valid.over(t) {
			return Opening{Through: lastOf(t, through), Never: true, Covered: covered}
		}
		enough := horizon
		if !t.Before(horizon) { // look at one window at least
			enough = t.Add(1)
		}
		until, blocked := b.blocked(t, enough, &budget)
		if !blocked {
			return Opening{Time: t}
		}
		covered, through = true, until
		if !through.Before(horizon) {
			return Opening{Through: through, Never: true, Covered: true}
		}
		t = s.Next(until.Add(-1))
	}
	return Opening{Through: through, Covered: covered}
}

// lastSingle is the end of the last window that opens once, or t if later.
func (b *Blackouts) lastSingle(t time.Time) time.Time {
	if b == nil {
		return t
	}
	for _, w := range b.windows {
		if w.to.After(t) {
			t = w.to
		}
	}
	return t
}

// lastOf is how far it is certain that nothing comes: all of time, where the
// schedule has ended.
func lastOf(t, through time.Time) time.Time {
	if t.IsZero() {
		return farFuture
	}
	if through.After(t) {
		return through
	}
	return t
}
