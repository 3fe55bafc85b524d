package schedule

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"
)

func parse(t testing.TB, zone string, expressions ...string) *Schedule {
	t.Helper()
	s, err := Parse(expressions, zone, "ns/name")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestStretches: the stretches of every zone follow each other without a hole,
// hold what the zone's clock shows, and end; to year 9999 for some, to 2500 for
// all. time.Time.ZoneBounds alone fails this.
func TestStretches(t *testing.T) {
	for i, zone := range zones {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		last := instant(t, "2500-01-01T00:00Z").Unix()
		if i%20 == 1 {
			last = lastInstant
		}
		for u := int64(firstInstant); u <= last; {
			s := stretchAt(loc, u)
			if s.start > u || s.end <= u || u+s.offset != localAt(loc, u) || u > firstInstant && s.start > u {
				t.Fatalf("%s at %s: %+v", zone, stamp(u), s)
			}
			if end := min(s.end, lastInstant) - 1; end+s.offset != localAt(loc, end) {
				t.Fatalf("%s at %s: the offset changes before the end %s", zone, stamp(u), stamp(s.end))
			}
			u = s.end
		}
	}
}

// TestLeapYears: February 29 comes every four years, but not in 2100.
func TestLeapYears(t *testing.T) {
	s := parse(t, "Europe/Berlin", "0 0 29 2 *")
	var years []string
	for at := instant(t, "2092-01-01T00:00Z"); len(years) < 4; {
		at = s.Next(at)
		years = append(years, at.Format("2006-01-02T15:04"))
	}
	if got := strings.Join(years, " "); got != "2092-02-29T00:00 2096-02-29T00:00 2104-02-29T00:00 2108-02-29T00:00" {
		t.Error(got)
	}
	if got := s.Previous(instant(t, "2104-02-28T00:00Z")); got.Year() != 2096 {
		t.Error(got)
	}
	if got := parse(t, "", "0 0 31 * *").Between(instant(t, "2026-01-01T00:00Z"), instant(t, "2027-01-01T00:00Z"), 0); got.Count != 7 {
		t.Error(got)
	}
}

// TestEnds: the first and last times that there are, and questions from outside.
func TestEnds(t *testing.T) {
	outside := []time.Time{{}, time.Unix(0, 0), time.Unix(1<<40, 0), time.Unix(-1<<40, 0), time.Unix(1<<62, 0), time.Unix(-1<<62, 0),
		time.Date(9999, 12, 31, 23, 59, 59, 999, time.UTC)}
	for _, zone := range []string{"", "America/New_York", "Pacific/Apia", "Asia/Manila"} {
		for _, expression := range []string{"30 2 * * *", "0 0 29 2 *", "0 */2 1 * *", "@every 1000h", "@every 999999h"} {
			s := parse(t, zone, expression)
			for _, at := range outside {
				checkEnds(t, s, expression, at)
				checkEnds(t, s.Anchored(at), expression, at)
			}
		}
	}
	// Beyond what time.Time can compare, there is only no panic to ask for.
	for _, at := range []time.Time{time.Unix(1<<63-1, 999999999), time.Unix(-1<<63, 0)} {
		s := parse(t, "Pacific/Apia", "30 2 * * *", "@every 1h").Anchored(at)
		if next := s.Next(at); next.Year() > 9999 {
			t.Error(next)
		}
		s.Previous(at)
	}
	s := parse(t, "", "0 0 1 1 *")
	last := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	if got := s.Next(last); !got.IsZero() {
		t.Error(got)
	}
	if got := s.Previous(last.AddDate(90000, 0, 0)); !got.Equal(last) {
		t.Error(got)
	}
	if got := s.Previous(time.Date(1, 6, 1, 0, 0, 0, 0, time.UTC)); !got.IsZero() {
		t.Errorf("the zero time means never, but Previous gave %v, zero is %v", got, got.IsZero())
	}
	if got := s.Next(time.Time{}); got.Year() != 2 {
		t.Error(got)
	}
}

func checkEnds(t *testing.T, s *Schedule, expression string, at time.Time) {
	t.Helper()
	if next := s.Next(at); !next.IsZero() && (next.Year() > 9999 || !next.After(at)) {
		t.Errorf("%s: Next(%v) = %v", expression, at, next)
	}
	if previous := s.Previous(at); !previous.IsZero() && previous.After(at) {
		t.Errorf("%s: Previous(%v) = %v", expression, at, previous)
	}
	s.Between(at, time.Time{}, 3)
	s.Between(at.Add(-1000*time.Hour), at, 3)
}

// TestFarFuture: rules go on after the tables end.
func TestFarFuture(t *testing.T) {
	s := parse(t, "America/New_York", "30 2 * * *")
	at := s.Next(instant(t, "2400-03-11T12:00Z"))
	if want := instant(t, "2400-03-12T07:00Z"); !at.Equal(want) || at.Format("15:04") != "03:00" {
		t.Errorf("%v, want %v", at, want)
	}
}

// TestEvery: real time from the anchor, in any zone, across a change of clocks.
func TestEvery(t *testing.T) {
	anchor := time.Date(2026, 3, 8, 5, 0, 7, 500, time.UTC)
	s := parse(t, "America/New_York", "@every 90m").Anchored(anchor)
	for k := int64(1); k < 20; k++ {
		want := time.Unix(anchor.Unix()+k*5400, 0)
		if got := s.Next(want.Add(-1)); !got.Equal(want) {
			t.Errorf("time %d: %v, want %v", k, got, want)
		}
		if got := s.Previous(want.Add(5399 * time.Second)); !got.Equal(want) {
			t.Errorf("time %d: Previous %v, want %v", k, got, want)
		}
	}
	first := time.Unix(anchor.Unix()+5400, 0)
	if got := s.Next(time.Time{}); !got.Equal(first) {
		t.Errorf("the first is %v", got)
	}
	if got := s.Previous(first.Add(-time.Second)); !got.IsZero() {
		t.Errorf("before the first there is %v", got)
	}
	if got := parse(t, "", "@every 1h").Next(instant(t, "2026-01-01T00:10Z")); !got.Equal(instant(t, "2026-01-01T01:00Z")) {
		t.Errorf("without an anchor: %v", got)
	}
	if s := parse(t, "", "0 1 * * *"); s.Anchored(anchor) != s {
		t.Error("a copy for nothing")
	}
}

// TestSeveral: an instant that two expressions name runs once.
func TestSeveral(t *testing.T) {
	s := parse(t, "Europe/Berlin", "0 * * * *", "0 */6 * * *", "30 12 * * *", "0 0 * * *")
	day := s.Between(instant(t, "2026-05-31T21:59Z"), instant(t, "2026-06-01T21:59Z"), 100)
	if day.Count != 25 || len(day.Newest) != 25 || day.More {
		t.Errorf("%+v", day)
	}
	// A skipped time runs where another is anyway: once.
	gap := parse(t, "America/New_York", "30 2 * * *", "0 3 * * *").Between(instant(t, "2026-03-08T05:00Z"), instant(t, "2026-03-08T12:00Z"), 9)
	if gap.Count != 1 || !gap.Newest[0].Equal(instant(t, "2026-03-08T07:00Z")) {
		t.Errorf("%+v", gap)
	}
}

// TestBetween: bounds and limits.
func TestBetween(t *testing.T) {
	s := parse(t, "", "0,5 8 * * *") // batch/v1 loses these after a night off
	got := s.Between(instant(t, "2026-01-01T08:05Z"), instant(t, "2026-01-02T09:00Z"), 1)
	if got.Count != 2 || len(got.Newest) != 1 || !got.Newest[0].Equal(instant(t, "2026-01-02T08:05Z")) {
		t.Errorf("%+v", got)
	}
	if got := s.Between(instant(t, "2026-01-01T08:05Z"), instant(t, "2026-01-01T08:05Z"), 9); got.Count != 0 {
		t.Errorf("%+v", got)
	}
	if got := s.Between(instant(t, "2026-01-02T08:05Z"), instant(t, "2026-01-01T08:05Z"), 9); got.Count != 0 {
		t.Errorf("%+v", got)
	}
	every := parse(t, "", "* * * * * *")
	to := instant(t, "2026-01-02T08:05Z")
	got = every.Between(to.AddDate(-100, 0, 0), to, 2)
	if got.Count != MaxCount || !got.More || len(got.Newest) != 2 || !got.Newest[1].Equal(to) {
		t.Errorf("%+v", got)
	}
	if got = every.Between(to.Add(-MaxCount*time.Second), to, -1); got.Count != MaxCount || got.More || got.Newest != nil {
		t.Errorf("%+v", got)
	}
}

// TestOffset: jitter is stable, in whole seconds, from 0 to the limit included.
func TestOffset(t *testing.T) {
	for key, want := range map[string]time.Duration{
		"default/backup": 7*time.Minute + 36*time.Second, "default/report": 51*time.Minute + 25*time.Second, "": 7*time.Minute + 57*time.Second,
	} {
		if got := Offset(key, time.Hour); got != want {
			t.Errorf("%q: %v, want %v", key, got, want)
		}
	}
	seen := map[time.Duration]int{}
	for i := range 3000 {
		seen[Offset("ns/"+strings.Repeat("x", i%50)+string(rune('a'+i/50)), 2*time.Second+time.Millisecond)]++
	}
	if len(seen) != 3 || seen[0] < 900 || seen[time.Second] < 900 || seen[2*time.Second] < 900 {
		t.Error(seen)
	}
	for _, jitter := range []time.Duration{0, -time.Hour, 999 * time.Millisecond} {
		if got := Offset("a/b", jitter); got != 0 {
			t.Errorf("%v: %v", jitter, got)
		}
	}
}
