package schedule

import (
	"math/rand"
	"time"
)

// The oracle knows nothing of patterns, stretches or civil dates. It looks at
// the wall clock of each second of a window and says what fires, by the rules
// as a person would state them. The expressions come with the values that they
// stand for, so it does not read text either.

// written is an expression with its meaning.
type written struct {
	text           string
	values         [6][64]bool // second, minute, hour, day of month, month, day of week
	anyDom, anyDow bool
	interval       bool
	every, anchor  int64 // @every, if not 0
}

// reading is what a wall clock shows, in the order of the fields.
type reading [6]uint8

func readingOf(local int64) reading {
	t := time.Unix(local, 0).UTC()
	hour, minute, second := t.Clock()
	_, month, dom := t.Date()
	return reading{uint8(second), uint8(minute), uint8(hour), uint8(dom), uint8(month), uint8(t.Weekday())}
}

func (w *written) matches(r *reading) bool {
	if !w.values[0][r[0]] || !w.values[1][r[1]] || !w.values[2][r[2]] || !w.values[4][r[4]] {
		return false
	}
	dom, dow := w.values[3][r[3]], w.values[5][r[5]]
	if w.anyDom || w.anyDow {
		return dom && dow
	}
	return dom || dow
}

// view is a span of time in a zone, looked at in steps.
type view struct {
	zone           string
	loc            *time.Location
	from, to, step int64
	change         int64 // the change of offset it was chosen for, or from
	locals         []int64
	passed         int64 // the latest reading before from
	lowest         int64 // reading that readings begins with
	readings       []reading
}

func localAt(loc *time.Location, u int64) int64 {
	_, offset := time.Unix(u, 0).In(loc).Zone()
	return u + int64(offset)
}

// newView looks at every step of the span. It is nil where a zone's clock does
// not show whole steps.
func newView(zone string, loc *time.Location, from, to, step, change int64) *view {
	v := &view{zone: zone, loc: loc, from: from, to: to, step: step, change: change}
	v.passed = localAt(loc, from-step)
	for u := from - 3*24*3600; u < from; u += step {
		v.passed = max(v.passed, localAt(loc, u))
	}
	v.lowest = v.passed
	highest := v.passed
	for u := from; u <= to; u += step {
		local := localAt(loc, u)
		if (local-v.passed)%step != 0 {
			return nil
		}
		v.locals = append(v.locals, local)
		v.lowest, highest = min(v.lowest, local), max(highest, local)
	}
	for local := v.lowest; local <= highest; local += step {
		v.readings = append(v.readings, readingOf(local))
	}
	return v
}

// fires marks when an expression fires in the view. A fixed time fires when the
// clock shows it or has just jumped over it, if it has not been shown or jumped
// over before.
func (v *view) fires(e *written, marks []bool) {
	passed := v.passed
	for i, local := range v.locals {
		u := v.from + int64(i)*v.step
		switch {
		case e.every != 0:
			if u > e.anchor && (u-e.anchor)%e.every == 0 {
				marks[i] = true
			}
		case e.interval:
			if e.matches(&v.readings[(local-v.lowest)/v.step]) {
				marks[i] = true
			}
		default:
			for ; passed < local; passed += v.step {
				if e.matches(&v.readings[(passed+v.step-v.lowest)/v.step]) {
					marks[i] = true
				}
			}
		}
	}
}

// times of the view at which any of the expressions fires.
func (v *view) times(expressions []*written) []int64 {
	marks := make([]bool, len(v.locals))
	for _, e := range expressions {
		v.fires(e, marks)
	}
	var times []int64
	for i, fires := range marks {
		if fires {
			times = append(times, v.from+int64(i)*v.step)
		}
	}
	return times
}

// randomView is biased to what goes wrong: the hours around a change of offset.
func randomView(rng *rand.Rand) *view {
	for {
		zone := zones[rng.Intn(len(zones))]
		loc, err := time.LoadLocation(zone)
		if err != nil {
			panic(err)
		}
		year := 1995 + rng.Intn(45)
		switch rng.Intn(12) {
		case 0:
			year = 1900 + rng.Intn(95)
		case 1:
			year = 2040 + rng.Intn(380)
		}
		begin := time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
		if rng.Intn(40) == 0 { // a long look, minute by minute
			if year >= 1980 {
				if v := newView(zone, loc, begin, begin+400*24*3600, 60, begin); v != nil {
					return v
				}
			}
			continue
		}
		changes := offsetChanges(loc, begin)
		if len(changes) == 0 || rng.Intn(10) == 0 {
			from := begin + rng.Int63n(365*24*3600)
			return newView(zone, loc, from, from+3600+rng.Int63n(30*3600), 1, from)
		}
		change := changes[rng.Intn(len(changes))]
		return newView(zone, loc, change-60-rng.Int63n(14*3600), change+60+rng.Int63n(28*3600), 1, change)
	}
}

// offsetChanges of one year, found by looking twice a day.
func offsetChanges(loc *time.Location, begin int64) []int64 {
	offset := func(u int64) int64 { return localAt(loc, u) - u }
	var changes []int64
	const look = 12 * 3600
	for u := begin; u < begin+366*24*3600; u += look {
		if offset(u) == offset(u+look) {
			continue
		}
		low, high := u, u+look
		for high-low > 1 {
			if middle := (low + high) / 2; offset(middle) == offset(low) {
				low = middle
			} else {
				high = middle
			}
		}
		changes = append(changes, high)
	}
	return changes
}

// zones with every kind of change: by an hour, half an hour, twenty minutes or
// a day, at midnight, in Ramadan, of the standard time itself, and none at all.
var zones = []string{
	"UTC", "Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Moscow", "Europe/Istanbul",
	"Europe/Lisbon", "Europe/Kyiv", "Europe/Volgograd", "Europe/Chisinau", "Europe/Amsterdam",
	"America/New_York", "America/Chicago", "America/Los_Angeles", "America/St_Johns", "America/Caracas",
	"America/Sao_Paulo", "America/Havana", "America/Asuncion", "America/Santiago", "America/Bogota",
	"America/Scoresbysund", "America/Nuuk", "America/Metlakatla", "America/Argentina/San_Luis",
	"America/Danmarkshavn", "America/Port-au-Prince", "America/Mexico_City", "America/Whitehorse",
	"Africa/Casablanca", "Africa/El_Aaiun", "Africa/Cairo", "Africa/Monrovia", "Africa/Tripoli",
	"Africa/Windhoek", "Africa/Juba", "Africa/Sao_Tome", "Asia/Beirut", "Asia/Gaza", "Asia/Hebron",
	"Asia/Amman", "Asia/Damascus", "Asia/Jerusalem", "Asia/Tehran", "Asia/Kolkata", "Asia/Kathmandu",
	"Asia/Pyongyang", "Asia/Dhaka", "Asia/Colombo", "Asia/Manila", "Asia/Singapore", "Asia/Tokyo",
	"Asia/Vladivostok", "Asia/Magadan", "Asia/Almaty", "Asia/Ulaanbaatar", "Asia/Yangon",
	"Australia/Lord_Howe", "Australia/Sydney", "Australia/Adelaide", "Australia/Eucla", "Australia/Perth",
	"Antarctica/Troll", "Antarctica/Casey", "Antarctica/Macquarie", "Pacific/Apia", "Pacific/Fakaofo",
	"Pacific/Auckland", "Pacific/Chatham", "Pacific/Norfolk", "Pacific/Fiji", "Pacific/Tongatapu",
	"Pacific/Kwajalein", "Pacific/Kiritimati", "Pacific/Enderbury", "Pacific/Easter", "Pacific/Guam",
	"Pacific/Honolulu", "Atlantic/Azores", "Atlantic/Stanley", "Indian/Mauritius", "Etc/GMT+12", "EST5EDT",
}
