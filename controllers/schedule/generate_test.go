package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/big"
	"math/rand"
	"strings"
)

// bound of a field in generated expressions.
type bound struct {
	name           string
	lo, hi, hashHi int
}

var bounds = [6]bound{
	{"second", 0, 59, 59}, {"minute", 0, 59, 59}, {"hour", 0, 23, 23},
	{"day of month", 1, 31, 28}, {"month", 1, 12, 12}, {"day of week", 0, 6, 6},
}

var (
	monthNames = strings.Fields("- jan FEB mar Apr may jun JUL aug sep oct nov dec")
	dayNames   = strings.Fields("SUN mon tue Wed thu fri sat")
)

// hashOf is bucket, computed in another way.
func hashOf(key, name string, n int) int {
	sum := sha256.Sum256([]byte(key + "\x00" + name))
	number := new(big.Int).SetUint64(binary.BigEndian.Uint64(sum[:8]))
	return int(number.Mod(number, big.NewInt(int64(n))).Int64())
}

// randomExpression names, more often than not, something near the view's change.
func randomExpression(rng *rand.Rand, v *view, key string) *written {
	if rng.Intn(40) == 0 {
		w := &written{every: v.step * (1 + rng.Int63n(40000))}
		w.text = fmt.Sprintf("@every %ds", w.every)
		return w
	}
	near := readingOf(localAt(v.loc, v.change-rng.Int63n(2)))
	w := &written{}
	texts := make([]string, 6)
	for f := range texts {
		if f == 0 && (v.step != 1 || rng.Intn(3) != 0) { // no seconds
			w.values[0][0] = true
			continue
		}
		texts[f] = w.field(rng, f, int(near[f]), key)
		starts := texts[f][:1] == "*" || texts[f][:1] == "?" || strings.HasPrefix(texts[f], "H/")
		w.interval = w.interval || (f == 1 || f == 2) && starts
	}
	w.text = strings.TrimSpace(strings.Join(texts, " "))
	return w
}

// bareStars is how often a field is one star, of ten.
var bareStars = [6]int{0, 2, 2, 7, 7, 7}

func (w *written) field(rng *rand.Rand, f, near int, key string) string {
	if rng.Intn(10) < bareStars[f] {
		w.mark(f, bounds[f].lo, bounds[f].hi, 1)
		w.star(f)
		return "*"
	}
	var items []string
	for range 1 + max(0, rng.Intn(6)-3) {
		items = append(items, w.item(rng, f, near, key))
	}
	return strings.Join(items, ",")
}

func (w *written) star(f int) {
	w.anyDom = w.anyDom || f == 3
	w.anyDow = w.anyDow || f == 5
}

func (w *written) mark(f, lo, hi, step int) {
	for n := lo; n <= hi; n += step {
		if f == 5 && n == 7 {
			w.values[f][0] = true
		} else {
			w.values[f][n] = true
		}
	}
}

// number writes a value in one of the ways that there are.
func number(rng *rand.Rand, f, n int) string {
	switch {
	case f == 4 && rng.Intn(3) == 0:
		return monthNames[n]
	case f == 5 && n < 7 && rng.Intn(3) == 0:
		return dayNames[n]
	case rng.Intn(20) == 0:
		return fmt.Sprintf("0%d", n)
	}
	return fmt.Sprint(n)
}

// some is a value of a field, near something in every second case.
func (b bound) some(rng *rand.Rand, near int) int {
	if rng.Intn(2) == 0 {
		return max(b.lo, min(b.hi, near+rng.Intn(5)-2))
	}
	return b.lo + rng.Intn(b.hi-b.lo+1)
}

// item adds one item of a list, and what it means.
func (w *written) item(rng *rand.Rand, f, near int, key string) string {
	b := bounds[f]
	step := 1 + rng.Intn(b.hi)
	if rng.Intn(2) == 0 {
		step = 1 + rng.Intn(4)
	}
	n, m := b.some(rng, near), b.some(rng, near)
	if n > m {
		n, m = m, n
	}
	if f == 5 && m == 6 && rng.Intn(2) == 0 {
		m = 7
	}
	switch rng.Intn(10) {
	case 0, 1:
		w.mark(f, b.lo, b.hi, step)
		if step == 1 {
			w.star(f)
		}
		return fmt.Sprintf("%s/%d", []string{"*", "?"}[rng.Intn(2)], step)
	case 2:
		w.mark(f, n, m, 1)
		return number(rng, f, n) + "-" + rangeEnd(rng, f, n, m)
	case 3:
		w.mark(f, n, m, step)
		return fmt.Sprintf("%s-%s/%d", number(rng, f, n), rangeEnd(rng, f, n, m), step)
	case 4:
		w.mark(f, n, b.hi, step)
		return fmt.Sprintf("%s/%d", number(rng, f, n), step)
	case 5:
		return w.hash(rng, f, n, m, step, key)
	default:
		w.mark(f, m, m, 1)
		return number(rng, f, m)
	}
}

func rangeEnd(rng *rand.Rand, f, n, m int) string {
	if f == 5 && m == 7 && n > 0 && rng.Intn(3) == 0 {
		return "sun"
	}
	return number(rng, f, m)
}

func (w *written) hash(rng *rand.Rand, f, n, m, step int, key string) string {
	b := bounds[f]
	text := "H"
	lo, hi := b.lo, b.hashHi
	if rng.Intn(2) == 0 {
		text, lo, hi = fmt.Sprintf("H(%d-%d)", n, m), n, m
	}
	if rng.Intn(2) == 0 && step <= hi-lo+1 {
		w.mark(f, lo+hashOf(key, b.name, step), hi, step)
		return fmt.Sprintf("%s/%d", text, step)
	}
	value := lo + hashOf(key, b.name, hi-lo+1)
	w.mark(f, value, value, 1)
	return text
}

// possible asks a whole cycle of leap years whether any day matches.
func (w *written) possible() bool {
	for day := int64(10957); day < 10957+8*366; day++ { // from 2000-01-01
		r := readingOf(day * 86400)
		probe := *w
		for f := range 3 {
			probe.values[f][0] = true
		}
		if probe.matches(&r) {
			return true
		}
	}
	return false
}
