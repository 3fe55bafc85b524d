package schedule

import "math/bits"

// Civil time is a wall clock without a zone, as seconds since 1970-01-01
// 00:00:00 on that clock. Every day of it has 86,400 seconds; what a zone makes
// of it is zone.go's matter.

const (
	daySeconds  = 24 * 60 * 60
	hourSeconds = 60 * 60
)

// floorDiv rounds towards the past, also before 1970. b is positive.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// civilDate is the date of a day counted from 1970-01-01, in the proleptic
// Gregorian calendar. Years are counted from March, so that the leap day is the
// last of its year.
func civilDate(day int64) (year, month, dom int64) {
	day += 719468 // days from 0000-03-01 to 1970-01-01
	era := floorDiv(day, 146097)
	doe := day - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	dom = doy - (153*mp+2)/5 + 1
	month = mp + 3
	if month > 12 {
		month -= 12
	}
	year = yoe + era*400
	if month <= 2 {
		year++
	}
	return year, month, dom
}

// weekday of a day counted from 1970-01-01, which was a Thursday. Sunday is 0.
func weekday(day int64) int64 { return day + 4 - 7*floorDiv(day+4, 7) }

// daysIn is the length of a month.
func daysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	default:
		return 31
	}
}

// set is a set of small numbers, one bit each.
type set uint64

// span is the set of the numbers from lo to hi.
func span(lo, hi int64) set { return set(1)<<(hi+1) - set(1)<<lo }

func (s set) has(n int64) bool { return s>>n&1 == 1 }

// from is the smallest member at or above n, or -1. n is at most 63.
func (s set) from(n int64) int64 {
	s = s >> n << n
	if s == 0 {
		return -1
	}
	return int64(bits.TrailingZeros64(uint64(s)))
}

// downFrom is the largest member at or below n, or -1. n is from -1 to 62.
func (s set) downFrom(n int64) int64 {
	s &= set(1)<<(n+1) - 1
	return int64(bits.Len64(uint64(s))) - 1
}
