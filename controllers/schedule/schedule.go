package schedule

import "time"

// Schedule is when one object runs: one or several expressions in one zone. It
// never changes and may be shared. All times it gives are whole seconds from
// year 1 to 9999 in its zone; the zero time means never.
type Schedule struct {
	programs []program
	loc      *time.Location
}

// MaxCount bounds how far Between counts.
const MaxCount = 100_000

// Location is the zone.
func (s *Schedule) Location() *time.Location { return s.loc }

// Anchored is the same schedule with @every counted from anchor (scheduleSince):
// it fires at anchor + k periods, k from 1, in real time, whatever wall clocks
// do. Unanchored, @every counts from 1970. All else ignores the anchor.
func (s *Schedule) Anchored(anchor time.Time) *Schedule {
	anchored := &Schedule{loc: s.loc, programs: make([]program, len(s.programs))}
	changed := false
	for i, p := range s.programs {
		if e, ok := p.(*every); ok {
			p = &every{period: e.period, anchor: anchor.Unix(), anchored: true}
			changed = true
		}
		anchored.programs[i] = p
	}
	if !changed {
		return s
	}
	return anchored
}

// Next is the first time strictly after a given one.
func (s *Schedule) Next(after time.Time) time.Time {
	from := min(after.Unix(), lastInstant) + 1
	best, found := int64(0), false
	for _, p := range s.programs {
		if t, ok := p.next(from); ok && (!found || t < best) {
			best, found = t, true
		}
	}
	return s.time(best, found)
}

// Previous is the last time at or before a given one.
func (s *Schedule) Previous(at time.Time) time.Time {
	best, found := int64(0), false
	for _, p := range s.programs {
		if t, ok := p.previous(at.Unix()); ok && (!found || t > best) {
			best, found = t, true
		}
	}
	return s.time(best, found)
}

// Times are the times of a span.
type Times struct {
	// Newest are the newest of them, oldest first, no more than asked for.
	Newest []time.Time
	// Count is how many there are in all.
	Count int
	// More says that there are more than Count, which stopped at MaxCount.
	More bool
}

// Between gives the times after from, up to and including to. The newest are
// found first, so the cost does not depend on how long ago from is, but on how
// many times there are, up to MaxCount.
func (s *Schedule) Between(from, to time.Time, limit int) Times {
	var found Times
	after := from.Unix()
	walk := newBackwards(s.programs, to.Unix())
	for {
		t, ok := walk.step()
		if !ok || t <= after {
			break
		}
		if found.Count == MaxCount {
			found.More = true
			break
		}
		found.Count++
		if found.Count <= limit {
			found.Newest = append(found.Newest, s.time(t, true))
		}
	}
	for i, j := 0, len(found.Newest)-1; i < j; i, j = i+1, j-1 {
		found.Newest[i], found.Newest[j] = found.Newest[j], found.Newest[i]
	}
	return found
}

func (s *Schedule) time(u int64, ok bool) time.Time {
	if !ok {
		return time.Time{}
	}
	return time.Unix(u, 0).In(s.loc)
}

// backwards walks several programs towards the past and gives each instant
// once, asking each program once for each of its times.
type backwards struct {
	programs []program
	heads    []head
}

type head struct {
	at int64
	ok bool
}

func newBackwards(programs []program, from int64) *backwards {
	b := &backwards{programs: programs, heads: make([]head, len(programs))}
	for i, p := range programs {
		b.heads[i].at, b.heads[i].ok = p.previous(from)
	}
	return b
}

func (b *backwards) step() (int64, bool) {
	latest, found := int64(0), false
	for _, h := range b.heads {
		if h.ok && (!found || h.at > latest) {
			latest, found = h.at, true
		}
	}
	for i := range b.heads {
		if h := &b.heads[i]; h.ok && h.at == latest {
			h.at, h.ok = b.programs[i].previous(latest - 1)
		}
	}
	return latest, found
}
