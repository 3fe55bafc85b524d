package schedule

import (
	"errors"
	"math/rand"
	"strings"
	"testing"
	"time"
)

func blackouts(t testing.TB, zone string, windows ...Window) *Blackouts {
	t.Helper()
	b, err := ParseBlackouts(windows, zone, "ns/name")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestBlocked: a window holds its first instant and not its last; windows that
// overlap or touch are one.
func TestBlocked(t *testing.T) {
	b := blackouts(t, "Europe/Berlin",
		Window{Schedule: "0 22 * * *", Duration: 2 * time.Hour},
		Window{Schedule: "0 0 * * *", Duration: time.Hour},
		Window{Schedule: "30 0 * * 1", Duration: 90 * time.Minute},
		Window{From: instant(t, "2026-06-03T10:00Z"), To: instant(t, "2026-06-03T10:30Z")},
		Window{From: instant(t, "2026-06-03T10:30Z"), To: instant(t, "2026-06-03T11:00Z")},
	)
	for _, c := range []struct{ at, until string }{ // June 1, 2026 is a Monday; Berlin is two hours ahead
		{"2026-06-02T19:59Z", ""},
		{"2026-06-02T20:00Z", "2026-06-02T23:00Z"},
		{"2026-06-02T22:00Z", "2026-06-02T23:00Z"},
		{"2026-06-02T22:59Z", "2026-06-02T23:00Z"},
		{"2026-06-02T23:00Z", ""},
		{"2026-05-31T20:30Z", "2026-06-01T00:00Z"}, // into Monday
		{"2026-06-03T09:59Z", ""},
		{"2026-06-03T10:00Z", "2026-06-03T11:00Z"},
		{"2026-06-03T10:59Z", "2026-06-03T11:00Z"},
		{"2026-06-03T11:00Z", ""},
		{"2026-03-28T20:59Z", ""},
		{"2026-03-28T21:00Z", "2026-03-29T00:00Z"}, // winter time
	} {
		until, blocked := b.Blocked(instant(t, c.at))
		if blocked != (c.until != "") || blocked && !until.Equal(instant(t, c.until)) {
			t.Errorf("at %s: %v, %v; want %q", c.at, blocked, until, c.until)
		}
	}
	if _, blocked := b.Blocked(instant(t, "2026-06-02T23:00Z").Add(-time.Nanosecond)); !blocked {
		t.Error("the last instant of a window is open")
	}
	var none *Blackouts
	if _, blocked := none.Anchored(time.Time{}).Blocked(time.Time{}); blocked {
		t.Error("no blackouts block")
	}
}

// TestBlockedAgainstOracle asks every minute of some days whether a window
// covers it, and when the cover ends.
func TestBlockedAgainstOracle(t *testing.T) {
	rng := rand.New(rand.NewSource(7))
	opens := []string{"0 * * * *", "*/20 * * * *", "30 2 * * *", "H H * * *", "0 9-17 * * 1-5", "0 */3 * * *", "* * * * *", "15 1 * * 0", "@every 25m", "@daily"}
	for range envInt(t, "STINT_SCHEDULES", 1500) / 15 {
		zone := zones[rng.Intn(len(zones))]
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		changes := append(offsetChanges(loc, instant(t, "2026-01-01T00:00Z").Unix()), instant(t, "2026-07-01T00:00Z").Unix())
		from := (changes[rng.Intn(len(changes))] - rng.Int63n(30*3600)) / 60 * 60
		covered := make([]bool, 6*24*60) // minutes
		var windows []Window
		for range 1 + rng.Intn(3) {
			w := Window{Schedule: opens[rng.Intn(len(opens))], Duration: time.Duration(1+rng.Intn(200)) * time.Minute}
			if rng.Intn(3) == 0 {
				w.Duration = time.Duration(1+rng.Intn(30)) * time.Minute
			}
			windows = append(windows, w)
			cover(covered, from, parse(t, zone, w.Schedule), int64(w.Duration/time.Minute))
		}
		b := blackouts(t, zone, windows...)
		for m := int64(0); m < int64(len(covered)/2); m += 1 + rng.Int63n(30) {
			last := m
			for last < int64(len(covered)) && covered[last] {
				last++
			}
			until, blocked := b.Blocked(time.Unix(from+m*60, 0))
			ended := until.Unix() == from+last*60 || last == int64(len(covered)) && until.Unix() > from+last*60
			if blocked != covered[m] || blocked && !ended {
				t.Fatalf("%+v in %s at %s: %v until %v, want %v until %s", windows, zone, stamp(from+m*60), blocked, until, covered[m], stamp(from+last*60))
			}
		}
	}
}

// cover marks the minutes after from in which a window is open.
func cover(covered []bool, from int64, opens *Schedule, minutes int64) {
	end := from + int64(len(covered))*60
	for at := opens.Next(time.Unix(from-5*24*3600, 0)); at.Unix() < end; at = opens.Next(at) {
		opened := (at.Unix() - from) / 60
		for m := max(0, opened); m < min(opened+minutes, int64(len(covered))); m++ {
			covered[m] = true
		}
	}
}

// TestNextOpen: the next time that counts, or that there is none.
func TestNextOpen(t *testing.T) {
	after := instant(t, "2026-06-01T12:00Z")
	for name, c := range map[string]struct {
		schedule string
		windows  []Window
		valid    Validity
		want     string // or Never, Covered
	}{
		"no windows":          {"0 2 * * *", nil, Validity{}, "2026-06-02T02:00Z"},
		"one night off":       {"0 2 * * *", []Window{{From: after, To: after.AddDate(0, 0, 2)}}, Validity{}, "2026-06-04T02:00Z"},
		"opens at the end":    {"0 2 * * *", []Window{{Schedule: "0 1 * * 2", Duration: time.Hour}}, Validity{}, "2026-06-02T02:00Z"},
		"all nights":          {"0 2 * * *", []Window{{Schedule: "0 1 * * *", Duration: 2 * time.Hour}}, Validity{}, "Covered"},
		"all but Sundays":     {"0 2 * * *", []Window{{Schedule: "0 1 * * 1-6", Duration: 2 * time.Hour}}, Validity{}, "2026-06-07T02:00Z"},
		"an hour each minute": {"0 2 * * *", []Window{{Schedule: "* * * * *", Duration: time.Hour}}, Validity{}, "Covered"},
		"a minute a minute":   {"* * * * *", []Window{{Schedule: "* * * * *", Duration: time.Minute}}, Validity{}, "Covered"},
		"a second a second":   {"* * * * * *", []Window{{Schedule: "* * * * * *", Duration: time.Second}}, Validity{}, "Covered"},
		"a day a day":         {"* * * * *", []Window{{Schedule: "@daily", Duration: 25 * time.Hour}}, Validity{}, "Covered"},
		"half and half":       {"* * * * *", []Window{{Schedule: "0 0 * * *", Duration: 12 * time.Hour}, {Schedule: "0 12 * * *", Duration: 12 * time.Hour}}, Validity{}, "Covered"},
		"every hour":          {"* * * * *", []Window{{Schedule: "@every 1h", Duration: time.Hour}}, Validity{}, "Covered"},
		"nearly every hour":   {"*/7 * * * *", []Window{{Schedule: "0 * * * *", Duration: 56 * time.Minute}}, Validity{}, "2026-06-01T12:56Z"},
		"leap days":           {"0 0 29 2 *", []Window{{Schedule: "0 0 * 2 *", Duration: 24 * time.Hour}}, Validity{}, "Covered"},
		"a long while":        {"0 2 * * *", []Window{{From: after, To: after.AddDate(20, 0, 0)}}, Validity{}, "2046-06-02T02:00Z"},
		"not before":          {"0 2 * * *", nil, Validity{NotBefore: instant(t, "2027-01-01T02:00Z")}, "2027-01-01T02:00Z"},
		"not after":           {"0 2 * * *", nil, Validity{NotAfter: instant(t, "2026-06-02T02:00Z")}, "2026-06-02T02:00Z"},
		"over":                {"0 2 * * *", nil, Validity{NotAfter: instant(t, "2026-06-02T01:59Z")}, "Never"},
		"covered, then over":  {"0 2 * * *", []Window{{From: after, To: after.AddDate(0, 0, 2)}}, Validity{NotAfter: instant(t, "2026-06-04T01:59Z")}, "Covered"},
	} {
		for _, zone := range []string{"", "Atlantic/Reykjavik"} { // never a change of clocks today
			b := blackouts(t, zone, c.windows...).Anchored(after.Add(-240 * time.Hour))
			got := b.NextOpen(parse(t, zone, c.schedule), c.valid, after)
			text := got.Time.UTC().Format("2006-01-02T15:04Z")
			if got.Never && got.Time.IsZero() {
				text = map[bool]string{false: "Never", true: "Covered"}[got.Covered]
			}
			if text != c.want {
				t.Errorf("%s: %+v, want %s", name, got, c.want)
			}
		}
	}
}

// TestNextOpenGoesOn: with changes of clocks there is an answer for windows
// that never close; with too many windows to join there is none, but progress.
func TestNextOpenGoesOn(t *testing.T) {
	after := instant(t, "2026-06-01T12:00Z")
	b := blackouts(t, "Europe/Berlin", Window{Schedule: "* * * * *", Duration: time.Minute})
	if got := b.NextOpen(parse(t, "Europe/Berlin", "30 2 * * *"), Validity{}, after); !got.Never || !got.Covered {
		t.Errorf("%+v", got)
	}
	b = blackouts(t, "", Window{Schedule: "* * * 1-11 *", Duration: time.Minute})
	got := b.NextOpen(parse(t, "", "* * * * *"), Validity{}, after)
	for n := 0; got.Time.IsZero() && n < 100; n++ {
		if got.Never || !got.Through.After(after) {
			t.Fatalf("%+v", got)
		}
		got = b.NextOpen(parse(t, "", "* * * * *"), Validity{}, got.Through.Add(-1))
	}
	if !got.Time.Equal(instant(t, "2026-12-01T00:00Z")) {
		t.Errorf("%+v", got)
	}
}

// TestValidity: both ends count.
func TestValidity(t *testing.T) {
	a, b := instant(t, "2026-01-01T00:00Z"), instant(t, "2026-02-01T00:00Z")
	v := Validity{NotBefore: a, NotAfter: b}
	for at, want := range map[time.Time]bool{a: true, b: true, a.Add(-1): false, b.Add(1): false} {
		if v.Holds(at) != want {
			t.Errorf("%v: %v", at, !want)
		}
	}
	if open := (Validity{}); !open.Holds(a) || !open.Holds(time.Time{}) {
		t.Error("no limits limit")
	}
}

// TestBadWindows names the window and the field.
func TestBadWindows(t *testing.T) {
	good := Window{Schedule: "0 1 * * *", Duration: time.Hour}
	now := instant(t, "2026-01-01T00:00Z")
	for _, c := range []struct {
		window Window
		kind   error
		says   string
	}{
		{Window{}, ErrBadWindow, "either schedule and duration, or from and to"},
		{Window{Schedule: "0 1 * * *"}, ErrBadWindow, "duration: must be longer than 0s"},
		{Window{Schedule: "0 1 * * *", Duration: -1}, ErrBadWindow, "duration"},
		{Window{Duration: time.Hour}, ErrBadWindow, "either"},
		{Window{From: now}, ErrBadWindow, "belong together"},
		{Window{To: now}, ErrBadWindow, "belong together"},
		{Window{From: now, To: now}, ErrBadWindow, "from: must be before to"},
		{Window{Schedule: "0 1 * * *", From: now, To: now.Add(1)}, ErrBadWindow, "either"},
		{Window{Schedule: "61 1 * * *", Duration: time.Hour}, ErrSyntax, "minute"},
		{Window{Schedule: "0 0 31 2 *", Duration: time.Hour}, ErrNeverFires, "never fires"},
	} {
		for range 2 { // the second time from the cache
			cache := NewCache(10)
			_, err := cache.Blackouts([]Window{good, c.window}, "", "ns/name")
			var refused *ParseError
			if !errors.As(err, &refused) || !errors.Is(err, c.kind) || refused.Index != 1 || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%+v: %v (%+v)", c.window, err, refused)
			}
		}
	}
	if _, err := ParseBlackouts([]Window{good}, "Mars/Olympus", ""); !errors.Is(err, ErrUnknownZone) {
		t.Error(err)
	}
}
