package world

import (
	"sort"
	"time"
)

// Clock is virtual time: it moves only when the world moves it. It implements
// clock.PassiveClock.
type Clock struct {
	now    time.Time
	timers []timer
	serial int
}

// timer is something to do at an instant.
type timer struct {
	at     time.Time
	serial int
	what   func()
}

// NewClock starts at an instant with a fraction of a second, as real ones do:
// what the API stores in whole seconds must not come back unequal for ever.
func NewClock() *Clock {
	return &Clock{now: time.Date(2026, 3, 1, 12, 0, 0, 437e6, time.UTC)}
}

// Now is the virtual instant.
func (c *Clock) Now() time.Time { return c.now }

// Since is the virtual time that has passed since t.
func (c *Clock) Since(t time.Time) time.Duration { return c.now.Sub(t) }

// After does what when d has passed. Timers of one instant go off in the order
// in which they were set.
func (c *Clock) After(d time.Duration, what func()) {
	c.serial++
	c.timers = append(c.timers, timer{at: c.now.Add(d), serial: c.serial, what: what})
	sort.Slice(c.timers, func(i, j int) bool {
		a, b := c.timers[i], c.timers[j]
		if a.at.Equal(b.at) {
			return a.serial < b.serial
		}
		return a.at.Before(b.at)
	})
}

// Next is how long it is until the next timer.
func (c *Clock) Next() (time.Duration, bool) {
	if len(c.timers) == 0 {
		return 0, false
	}
	return max(0, c.timers[0].at.Sub(c.now)), true
}

// Jump is somebody setting the clock: the time of day is another one, and no
// timer goes off sooner or later for that.
func (c *Clock) Jump(d time.Duration) {
	c.now = c.now.Add(d)
	for i := range c.timers {
		c.timers[i].at = c.timers[i].at.Add(d)
	}
}

// Advance moves time by d, stopping at each timer on the way.
func (c *Clock) Advance(d time.Duration) {
	end := c.now.Add(d)
	for len(c.timers) > 0 && !c.timers[0].at.After(end) {
		t := c.timers[0]
		c.timers = c.timers[1:]
		if t.at.After(c.now) {
			c.now = t.at
		}
		t.what()
	}
	c.now = end
}
