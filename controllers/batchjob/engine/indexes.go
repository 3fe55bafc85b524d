package engine

import (
	"slices"
	"strconv"
	"strings"

	"github.com/stint-dev/stint/controllers/mould"
)

// indexes is a set of completion indexes as ordered, disjoint, non-adjacent
// ranges. It stays small where a job has many indexes, as they are started in
// order.
type indexes []span

// span holds first to last, both included.
type span struct{ first, last int }

// parseIndexes reads batch/v1's form, "1,3-5,7", and leaves out what is not
// below limit. What cannot be read ends the set: the status is ours, and a hand
// that broke it loses what it broke.
func parseIndexes(s string, limit int) indexes {
	var set indexes
	for part := range strings.SplitSeq(s, ",") {
		first, last, ok := mould.ParseSpan(part)
		if !ok || len(set) > 0 && first <= set[len(set)-1].last || first >= limit {
			break
		}
		set = set.append(span{first, min(last, limit-1)})
	}
	return set
}

// append adds a span that begins after the last one, joining neighbours.
func (x indexes) append(s span) indexes {
	if n := len(x); n > 0 && x[n-1].last+1 >= s.first {
		x[n-1].last = max(x[n-1].last, s.last)
		return x
	}
	return append(x, s)
}

// indexesOf makes a set of any list.
func indexesOf(list []int) indexes {
	list = slices.Clone(list)
	slices.Sort(list)
	var set indexes
	for _, i := range list {
		set = set.append(span{i, i})
	}
	return set
}

// union returns what is in either set.
func (x indexes) union(y indexes) indexes {
	all := slices.Concat(x, y)
	slices.SortFunc(all, func(a, b span) int { return a.first - b.first })
	var set indexes
	for _, s := range all {
		set = set.append(s)
	}
	return set
}

// has tells whether i is in the set.
func (x indexes) has(i int) bool {
	_, found := slices.BinarySearchFunc(x, i, func(s span, i int) int {
		switch {
		case s.last < i:
			return -1
		case s.first > i:
			return 1
		}
		return 0
	})
	return found
}

// count is how many indexes the set has.
func (x indexes) count() int {
	n := 0
	for _, s := range x {
		n += s.last - s.first + 1
	}
	return n
}

// common is how many indexes both sets have.
func (x indexes) common(y indexes) int {
	n := 0
	for i, j := 0, 0; i < len(x) && j < len(y); {
		n += max(0, min(x[i].last, y[j].last)-max(x[i].first, y[j].first)+1)
		if x[i].last < y[j].last {
			i++
		} else {
			j++
		}
	}
	return n
}

// lowestMissing returns the n lowest indexes below limit that are not in the
// set.
func (x indexes) lowestMissing(n, limit int) []int {
	var missing []int
	next := 0
	for _, s := range append(slices.Clone(x), span{limit, limit}) {
		for ; next < min(s.first, limit) && len(missing) < n; next++ {
			missing = append(missing, next)
		}
		next = max(next, s.last+1)
	}
	return missing
}

// String is batch/v1's form: three and more in a row are a range.
func (x indexes) String() string {
	var b strings.Builder
	for i, s := range x {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Itoa(s.first))
		switch {
		case s.last == s.first+1:
			b.WriteByte(',')
			b.WriteString(strconv.Itoa(s.last))
		case s.last > s.first:
			b.WriteByte('-')
			b.WriteString(strconv.Itoa(s.last))
		}
	}
	return b.String()
}
