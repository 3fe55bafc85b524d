package schedule

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// FuzzParse: no input makes Parse panic, what it refuses it refuses with a
// ParseError, and what it accepts fires, where its fields say.
func FuzzParse(f *testing.F) {
	for _, e := range []string{
		"* * * * *", "*/5 1-5,H 1/3 jan-FEB fri-sun", "H(0-29)/10 H * * 7", "@every 1h30m", "@daily", "TZ=0", "CRON_TZ=UTC * * * * *",
		"0 0 31 2 *", "61 * * * *", "0 0 29 2 *", "*/10 30 2 * * *", "*-5 ? * * *", "99999999999999999999/1 * * * *", ", * * * *", "@reboot", "",
	} {
		f.Add(e, "America/New_York", "ns/name", int64(1772953199))
	}
	f.Add("30 2 * * *", "Pacific/Apia", "", int64(1325239199))
	f.Add("30 2 * * *", "TZ=UTC", "", int64(-1<<62))
	for i, text := range expressions(f) {
		if i%40 == 0 {
			f.Add(text, "Europe/Berlin", "ns/name", int64(i)*86400)
		}
	}
	f.Fuzz(func(t *testing.T, expression, zone, key string, at int64) {
		s, err := Parse([]string{expression}, zone, key)
		if err != nil {
			var refused *ParseError
			if !errors.As(err, &refused) || refused.Kind == nil || refused.Reason == "" || len(err.Error()) > 2000 {
				t.Fatalf("%q: %#v", expression, err)
			}
			return
		}
		at = at % (8000 * 366 * 86400)
		if next := s.Next(time.Unix(at, 0)); next.IsZero() && !strings.Contains(expression, "@every") && at < lastInstant-50*366*86400 {
			t.Fatalf("%q in %q is accepted and does not fire after %d", expression, zone, at)
		}
		checkAround(t, s, expression, at)
	})
}

// FuzzNext: Next, Previous and Between agree in any zone at any time.
func FuzzNext(f *testing.F) {
	for i := range zones {
		f.Add("30 2 * * *", uint16(i), int64(1772953199), int64(1))
		f.Add("*/30 0-5 * * *", uint16(i), int64(1325239199), int64(1))
		f.Add("0 0 29 2 *", uint16(i), int64(7163424000), int64(100))
	}
	f.Fuzz(func(t *testing.T, expression string, zone uint16, at, anchor int64) {
		s, err := Parse([]string{expression, "H H 1 * *"}, zones[int(zone)%len(zones)], "ns/name")
		if err != nil {
			return
		}
		checkAround(t, s.Anchored(time.Unix(anchor, 0)), expression, at)
	})
}

// checkAround asks about some times after an instant in every way.
func checkAround(t *testing.T, s *Schedule, expression string, at int64) {
	first := time.Unix(at, 0)
	began, last := time.Now(), first
	var times []time.Time
	for range 4 {
		next := s.Next(last)
		if next.IsZero() {
			break
		}
		if !next.After(last) || !s.Previous(next).Equal(next) || s.Next(next.Add(-1)).Unix() != next.Unix() {
			t.Fatalf("%q in %s after %v: %v, previous %v", expression, s.Location(), last, next, s.Previous(next))
		}
		if before := s.Previous(next.Add(-1)); !before.IsZero() && before.After(last) || len(times) > 0 && !before.Equal(last) {
			t.Fatalf("%q in %s: before %v comes %v, not %v", expression, s.Location(), next, before, last)
		}
		if !shows(s, next) {
			t.Fatalf("%q in %s does not match %v", expression, s.Location(), next)
		}
		times, last = append(times, next), next
	}
	if found := s.Between(first, last, 10); len(times) > 0 && found.Count != len(times) {
		t.Fatalf("%q in %s after %d: %d times, Between counts %d", expression, s.Location(), at, len(times), found.Count)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Fatalf("%q in %s after %d took %v", expression, s.Location(), at, took)
	}
}

// shows tells whether the clock shows what an expression names, or has jumped.
func shows(s *Schedule, at time.Time) bool {
	for _, p := range s.programs {
		c, ok := p.(*calendar)
		if !ok {
			return true
		}
		hour, minute, second := at.Clock()
		if c.second.has(int64(second)) && c.minute.has(int64(minute)) && c.hour.has(int64(hour)) && c.month.has(int64(at.Month())) &&
			(c.dom.has(int64(at.Day())) || c.dow.has(int64(at.Weekday()))) {
			return true
		}
		_, before := at.Add(-time.Second).Zone()
		if _, now := at.Zone(); !c.interval && now > before {
			return true
		}
	}
	return false
}
