package schedule

import "time"

// program is one parsed expression. Instants are seconds since 1970.
type program interface {
	// next is the first instant at or after u at which it fires.
	next(u int64) (int64, bool)
	// previous is the last instant at or before u at which it fires.
	previous(u int64) (int64, bool)
}

// calendar is a pattern in a zone. It is walked stretch by stretch: within one
// the zone is mere addition, and what a change of offset does to the pattern is
// decided in lowest and instant alone.
//
// An interval fires at each instant whose wall clock reading matches: twice
// where readings repeat, not at all where they are skipped. A fixed time fires
// at the first instant at which the clock has reached or passed the reading.
// That is the moment after the gap for all readings in it, and the first of two
// passes; every matching reading fires exactly once, and in order.
type calendar struct {
	pattern
	loc *time.Location
}

// lowest is the first reading that belongs to the stretch.
func (c *calendar) lowest(s stretch, u int64) int64 {
	if c.interval {
		return s.start + s.offset
	}
	if u-s.start > memory { // too long ago to matter, and not free to find out
		return s.start + s.offset
	}
	return s.reached(c.loc)
}

// instant at which a reading that belongs to the stretch fires.
func (s stretch) instant(reading int64) int64 { return max(s.start, reading-s.offset) }

func (c *calendar) next(u int64) (int64, bool) {
	u = max(u, firstInstant)
	for u <= lastInstant {
		s := stretchAt(c.loc, u)
		from := c.lowest(s, u)
		if u > s.start { // readings skipped before the stretch fired at its start
			from = max(from, u+s.offset)
		}
		if reading, ok := c.pattern.next(from, min(s.end, lastInstant+1)+s.offset); ok {
			return s.instant(reading), true
		}
		u = s.end
	}
	return 0, false
}

func (c *calendar) previous(u int64) (int64, bool) {
	u = min(u, lastInstant)
	for u >= firstInstant {
		s := stretchAt(c.loc, u)
		reading, ok := c.pattern.previous(u+s.offset, max(s.start-memory, firstInstant)+s.offset)
		if ok && (reading-s.offset-s.start > memory || reading >= c.lowest(s, s.start)) {
			return s.instant(reading), true
		}
		u = s.start - 1
	}
	return 0, false
}

// every is @every: real time from an anchor, no zone, no wall clock.
type every struct {
	period, anchor int64
	// anchored: nothing fires at the anchor or before, the first is one period
	// after it. Else the times go on in both directions.
	anchored bool
}

func (e *every) next(u int64) (int64, bool) {
	u = max(u, firstInstant)
	if e.anchored {
		u = max(u, e.anchor+1)
	}
	t := e.anchor - floorDiv(e.anchor-u, e.period)*e.period
	return t, t <= lastInstant
}

func (e *every) previous(u int64) (int64, bool) {
	t := e.anchor + floorDiv(min(u, lastInstant)-e.anchor, e.period)*e.period
	return t, t >= firstInstant && (!e.anchored || t > e.anchor)
}
