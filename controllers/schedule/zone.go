package schedule

import (
	"math"
	"strings"
	"time"
	_ "time/tzdata" // the zone database in the binary: an image from scratch has none
)

const (
	// firstInstant and lastInstant are the years 1 to 9999, the times that the
	// API can hold, less the last day, which zones in the east would write as
	// year 10000. The first second of year 1 is time.Time's zero, which means
	// never, so no schedule fires then.
	firstInstant = -62135596800 + 1
	lastInstant  = 253402300799 - daySeconds
	// farAway stands for a stretch without a beginning or an end. Adding
	// offsets to it does not overflow.
	farAway = math.MaxInt64 / 4
	// memory is how long before an instant a clock may have shown a later
	// reading than it shows then: no zone was ever set back by so much.
	memory = 50 * hourSeconds
)

// stretch is a time during which a zone keeps one offset: local = instant +
// offset for start <= instant < end.
type stretch struct{ start, end, offset int64 }

// stretchAt is a stretch that holds the instant u. Neighbours may have the same
// offset.
//
// Beyond the last change in a zone's table, time.Time.ZoneBounds (Go 1.26) ends
// each year after 365 days, so that on December 31 of a leap year the end lies
// in the past. That day, in UTC, has no change: it is made a stretch that ends
// with it. TestStretches looks at all years to 9999.
func stretchAt(loc *time.Location, u int64) stretch {
	t := time.Unix(u, 0).In(loc)
	_, offset := t.Zone()
	s := stretch{start: -farAway, end: farAway, offset: int64(offset)}
	start, end := t.ZoneBounds()
	if !start.IsZero() {
		s.start = start.Unix()
	}
	if !end.IsZero() {
		s.end = end.Unix()
	}
	if s.end <= u {
		s.end = (floorDiv(u, daySeconds) + 1) * daySeconds
	}
	return s
}

// reached is the local reading that all clocks had passed before the stretch
// began: every earlier reading has been shown or skipped. It is the stretch's
// own first reading on an ordinary day, an earlier one where readings are
// skipped and a later one where they are repeated.
func (s stretch) reached(loc *time.Location) int64 {
	if s.start <= firstInstant {
		return s.start + s.offset
	}
	high := int64(math.MinInt64)
	for u := s.start; u > firstInstant && u > s.start-memory; {
		before := stretchAt(loc, u-1)
		high = max(high, u+before.offset)
		u = before.start
	}
	return high
}

// loadZone finds a zone by the rules of batch/v1's timeZone.
func loadZone(zone string) (*time.Location, *ParseError) {
	if zone == "" {
		return time.UTC, nil
	}
	refused := func(reason string) *ParseError {
		return &ParseError{Index: -1, Input: zone, Reason: reason, Kind: ErrUnknownZone}
	}
	// Both name whatever zone the machine is set to.
	if strings.EqualFold(zone, "local") || strings.EqualFold(zone, "localtime") {
		return nil, refused("this is the zone of the machine, not of the schedule; name one, such as Europe/Berlin or UTC")
	}
	for part := range strings.SplitSeq(zone, "/") {
		if part == "" || part == "." || part == ".." || strings.Trim(part, zoneCharacters) != "" {
			return nil, refused("this is not a name of the IANA zone database; write one such as Europe/Berlin or UTC")
		}
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return nil, refused("the IANA zone database has no such zone; check the spelling, capitals count: Europe/Berlin, America/New_York, UTC")
	}
	return loc, nil
}

const zoneCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-+"
