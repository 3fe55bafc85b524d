package schedule

// pattern is a parsed expression of five or six fields: which wall clock
// readings it names, as robfig/cron v3 has it and so batch/v1.
type pattern struct {
	second, minute, hour, dom, month, dow set
	// A star in day of month or day of week says that this field does not
	// choose: then both must hold. With neither starred, either is enough.
	anyDom, anyDow bool
	// interval expressions follow real time; all others name fixed times
	// (rule 1 of CronBatchJob's).
	interval bool
}

// possible tells whether any date ever matches. It is exact: a month has at
// most so many days, February 29 comes at least every eight years, and a day
// of the week comes in every month.
func (p *pattern) possible() bool {
	if !p.anyDom && !p.anyDow {
		return true
	}
	for month := p.month.from(1); month > 0; month = p.month.from(month + 1) {
		if p.dom&span(1, daysIn(2000, month)) != 0 {
			return true
		}
	}
	return false
}

// everyDay tells whether all dates match.
func (p *pattern) everyDay() bool {
	allDom, allDow := p.dom == span(1, 31), p.dow == span(0, 6)
	if p.month != span(1, 12) {
		return false
	}
	if p.anyDom || p.anyDow {
		return allDom && allDow
	}
	return allDom || allDow
}

// days are the matching days of a month; first is the day number of its first.
func (p *pattern) days(year, month, first int64) set {
	all := span(1, daysIn(year, month))
	// Six weeks of the seven bits, begun at the first's day of the week.
	weeks := p.dow * (1 | 1<<7 | 1<<14 | 1<<21 | 1<<28 | 1<<35)
	dow := weeks >> weekday(first) << 1
	if p.anyDom || p.anyDow {
		return p.dom & dow & all
	}
	return (p.dom | dow) & all
}

// next is the first matching reading at or after from and before end.
func (p *pattern) next(from, end int64) (int64, bool) {
	if from >= end {
		return 0, false
	}
	day := floorDiv(from, daySeconds)
	if p.matchesDay(day) {
		if t := p.nextInDay(from - day*daySeconds); t >= 0 {
			t += day * daySeconds
			return t, t < end
		}
	}
	day, ok := p.nextDay(day+1, floorDiv(end-1, daySeconds))
	if !ok {
		return 0, false
	}
	t := day*daySeconds + p.nextInDay(0)
	return t, t < end
}

// previous is the last matching reading at or before from and not before low.
func (p *pattern) previous(from, low int64) (int64, bool) {
	if from < low {
		return 0, false
	}
	day := floorDiv(from, daySeconds)
	if p.matchesDay(day) {
		if t := p.previousInDay(from - day*daySeconds); t >= 0 {
			t += day * daySeconds
			return t, t >= low
		}
	}
	day, ok := p.previousDay(day-1, floorDiv(low, daySeconds))
	if !ok {
		return 0, false
	}
	t := day*daySeconds + p.previousInDay(daySeconds-1)
	return t, t >= low
}

func (p *pattern) matchesDay(day int64) bool {
	year, month, dom := civilDate(day)
	return p.month.has(month) && p.days(year, month, day-dom+1).has(dom)
}

// nextDay is the first matching day from day to last. A possible pattern
// matches within some eight years, so the loop is short however far last is.
func (p *pattern) nextDay(day, last int64) (int64, bool) {
	year, month, dom := civilDate(day)
	for first := day - dom + 1; first <= last; {
		if p.month.has(month) {
			if d := p.days(year, month, first).from(dom); d > 0 {
				return first + d - 1, first+d-1 <= last
			}
		}
		first += daysIn(year, month)
		dom, month = 1, month+1
		if month > 12 {
			year, month = year+1, 1
		}
	}
	return 0, false
}

// previousDay is the last matching day from day down to lowest.
func (p *pattern) previousDay(day, lowest int64) (int64, bool) {
	year, month, dom := civilDate(day)
	for first := day - dom + 1; ; {
		if p.month.has(month) {
			if d := p.days(year, month, first).downFrom(dom); d > 0 {
				return first + d - 1, first+d-1 >= lowest
			}
		}
		if first <= lowest {
			return 0, false
		}
		dom, month = 31, month-1
		if month < 1 {
			year, month = year-1, 12
		}
		first -= daysIn(year, month)
	}
}

// nextInDay is the first matching second of a day at or after t, or -1.
func (p *pattern) nextInDay(t int64) int64 {
	hour, minute, second := t/hourSeconds, t/60%60, t%60
	if p.hour.has(hour) {
		if p.minute.has(minute) {
			if s := p.second.from(second); s >= 0 {
				return hour*hourSeconds + minute*60 + s
			}
		}
		if m := p.minute.from(minute + 1); m >= 0 {
			return hour*hourSeconds + m*60 + p.second.from(0)
		}
	}
	if h := p.hour.from(hour + 1); h >= 0 {
		return h*hourSeconds + p.minute.from(0)*60 + p.second.from(0)
	}
	return -1
}

// previousInDay is the last matching second of a day at or before t, or -1.
func (p *pattern) previousInDay(t int64) int64 {
	hour, minute, second := t/hourSeconds, t/60%60, t%60
	if p.hour.has(hour) {
		if p.minute.has(minute) {
			if s := p.second.downFrom(second); s >= 0 {
				return hour*hourSeconds + minute*60 + s
			}
		}
		if m := p.minute.downFrom(minute - 1); m >= 0 {
			return hour*hourSeconds + m*60 + p.second.downFrom(59)
		}
	}
	if h := p.hour.downFrom(hour - 1); h >= 0 {
		return h*hourSeconds + p.minute.downFrom(59)*60 + p.second.downFrom(59)
	}
	return -1
}

// longestPause is the longest time between two matching readings where every
// day matches.
func (p *pattern) longestPause() int64 {
	day := pauses{}.repeated(p.second, 1).repeated(p.minute, 60).repeated(p.hour, hourSeconds)
	return max(day.longest, daySeconds-day.last+day.first)
}

// pauses are the first and last reading of a minute, hour or day, and the
// longest time between two neighbours.
type pauses struct{ first, last, longest int64 }

// repeated is what becomes of it where it comes at each member of a set, which
// are unit seconds apart.
func (in pauses) repeated(at set, unit int64) pauses {
	out := pauses{longest: in.longest}
	n := at.from(0)
	out.first = n*unit + in.first
	for m := at.from(n + 1); m >= 0; m = at.from(n + 1) {
		out.longest = max(out.longest, (m-n)*unit-in.last+in.first)
		n = m
	}
	out.last = n*unit + in.last
	return out
}
