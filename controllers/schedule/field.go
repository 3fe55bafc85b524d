package schedule

import (
	"strconv"
	"strings"
)

// field is one of the six, with its bounds.
type field struct {
	name    string
	lo, hi  int64
	hashHi  int64 // the highest value that a bare H takes
	numbers map[string]int64
}

// The fields in the order of an expression with seconds. H stays below the 29th
// as in Jenkins, so that it runs in every month.
var fields = [6]field{
	{name: "second", hi: 59, hashHi: 59},
	{name: "minute", hi: 59, hashHi: 59},
	{name: "hour", hi: 23, hashHi: 23},
	{name: "day of month", lo: 1, hi: 31, hashHi: 28},
	{name: "month", lo: 1, hi: 12, hashHi: 12, numbers: map[string]int64{
		"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6,
		"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12,
	}},
	{name: "day of week", hi: 6, hashHi: 6, numbers: map[string]int64{
		"sun": 0, "mon": 1, "tue": 2, "wed": 3, "thu": 4, "fri": 5, "sat": 6,
	}},
}

// dayOfWeek is the index of the field in which 7 is Sunday.
const dayOfWeek = 5

// sundayAgain is Sunday as the end of a week.
const sundayAgain = 7

// parse reads a list of items. star tells whether one of them is a star, which
// makes a day field one that does not choose. Where batch/v1 (robfig/cron v3)
// accepts a text, the meaning is the same to the bit: empty items are skipped,
// "N/step" runs to the end, "*/1" is a star and "*/2" none.
func (f *field) parse(text, key string) (values set, star bool, err *ParseError) {
	for item := range strings.SplitSeq(text, ",") {
		if item == "" {
			continue
		}
		var some set
		var anyValue bool
		if strings.HasPrefix(item, "H") {
			some, err = f.hashed(item, key)
		} else {
			some, anyValue, err = f.plain(item)
		}
		if err != nil {
			err.Field = f.name
			return 0, false, err
		}
		values |= some
		star = star || anyValue
	}
	if values.has(sundayAgain) && f.name == fields[dayOfWeek].name {
		values = values&^(1<<sundayAgain) | 1
	}
	if values == 0 {
		err = refuse(ErrSyntax, "%s names no value; write a number from %d to %d, or * for any", quote(text), f.lo, f.hi)
		err.Field = f.name
	}
	return values, star, err
}

// plain reads *, N, N-M, each with or without /step.
func (f *field) plain(item string) (values set, star bool, err *ParseError) {
	span, step, stepped, err := f.splitStep(item)
	if err != nil {
		return 0, false, err
	}
	low, high, isRange := strings.Cut(span, "-")
	if low == "*" || low == "?" {
		// robfig ignores what follows the hyphen of "*-5"; so do we.
		return stepping(f.lo, f.hi, step), step == 1, nil
	}
	lo, err := f.number(low, false)
	if err != nil {
		return 0, false, err
	}
	hi := lo
	switch {
	case isRange:
		if hi, err = f.number(high, lo > 0); err != nil {
			return 0, false, err
		}
	case stepped:
		hi = max(f.hi, lo)
	}
	if lo > hi {
		return 0, false, refuse(ErrSyntax, "the range %s begins after its end; split it in two, such as %s-%d,%d-%s",
			quote(item), low, f.hi, f.lo, high)
	}
	return stepping(lo, hi, step), false, nil
}

// splitStep takes the /step off an item.
func (f *field) splitStep(item string) (span string, step int64, stepped bool, err *ParseError) {
	span, text, stepped := strings.Cut(item, "/")
	if !stepped {
		return span, 1, false, nil
	}
	step, conv := strconv.ParseInt(text, 10, 64)
	if conv != nil || step < 1 {
		return "", 0, false, refuse(ErrSyntax, "the step %s of %s is not a number above 0", quote(text), quote(item))
	}
	return span, step, true, nil
}

// number reads a number or name. As the end of a range that did not begin with
// it, Sunday is the week's last day.
func (f *field) number(text string, endOfRange bool) (int64, *ParseError) {
	n, named := f.numbers[strings.ToLower(text)]
	if named && n == 0 && endOfRange {
		return sundayAgain, nil
	}
	if named {
		return n, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	hi := f.hi
	if f.name == fields[dayOfWeek].name {
		hi = sundayAgain
	}
	if err != nil && !strings.Contains(err.Error(), "out of range") {
		return 0, refuse(ErrSyntax, "%s is %s; use %d to %d%s", quote(text), f.noNumber(text), f.lo, hi, f.namesHelp())
	}
	if err != nil || n < f.lo || n > hi {
		return 0, refuse(ErrSyntax, "%s is out of range; use %d to %d%s", quote(text), f.lo, hi, f.namesHelp())
	}
	return n, nil
}

// noNumber says what kind of no number a text is: L, W and # are what people
// bring from other schedulers.
func (f *field) noNumber(text string) string {
	if text != "" && strings.Trim(text, "LW#0123456789") == "" {
		return "from another scheduler's grammar (L, W and # are not in this one)"
	}
	if strings.HasPrefix(text, "h") {
		return "not a number (H is a capital letter)"
	}
	return "not a number"
}

func (f *field) namesHelp() string {
	switch {
	case f.numbers == nil:
		return ""
	case f.lo == 1:
		return " or JAN to DEC"
	default:
		return " or SUN to SAT"
	}
}

// hashed reads H, H/step, H(N-M) and H(N-M)/step as Jenkins does: one value
// that belongs to the key, or a step that begins at one. H/1 is every value.
func (f *field) hashed(item, key string) (set, *ParseError) {
	span, step, stepped, err := f.splitStep(item)
	if err != nil {
		return 0, err
	}
	lo, hi := f.lo, f.hashHi
	if span != "H" {
		inner, ok := strings.CutPrefix(span, "H(")
		inner, closed := strings.CutSuffix(inner, ")")
		low, high, isRange := strings.Cut(inner, "-")
		if !ok || !closed || !isRange {
			return 0, refuse(ErrSyntax, "%s is no H; write H, H/15, H(%d-%d) or H(%d-%d)/5", quote(item), lo, hi, lo, hi)
		}
		if lo, err = f.number(low, false); err != nil {
			return 0, err
		}
		if hi, err = f.number(high, lo > 0); err != nil {
			return 0, err
		}
	}
	size := hi - lo + 1
	if size < 1 {
		return 0, refuse(ErrSyntax, "the range of %s begins after its end", quote(item))
	}
	if !stepped {
		n := lo + bucket(key, f.name, size)
		return stepping(n, n, 1), nil
	}
	if step > size {
		return 0, refuse(ErrSyntax, "the step of %s is larger than its range of %d values; use 1 to %d", quote(item), size, size)
	}
	return stepping(lo+bucket(key, f.name, step), hi, step), nil
}

// stepping is lo, lo+step and so on up to hi.
func stepping(lo, hi, step int64) set {
	values := set(1) << lo
	for n := lo; step <= hi-n; {
		n += step
		values |= set(1) << n
	}
	return values
}
