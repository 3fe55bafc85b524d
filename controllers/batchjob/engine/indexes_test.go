package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// TestTheFormOfIndexes is batch/v1's: three and more in a row are a range. What
// a hand broke in the status is lost from there on, and nothing else.
func TestTheFormOfIndexes(t *testing.T) {
	for was, want := range map[string]string{
		"": "", "0": "0", "0,1": "0,1", "0-1": "0,1", "0,1,2": "0-2", "0-2": "0-2", "1,3-5,7": "1,3-5,7", "0-8,9": "0-9",
		"2-2": "2", "0,11": "0,11", "8-20": "8-11", "12": "", "3,12": "3", "3,1": "3", "3-5,5": "3-5", "5-3": "",
		"1,x,3": "1", "-1": "", "1--2": "", "1-2-3": "", " 1": "", "1,": "1", "99999999999999999999": "", "0-99999999999999999999": "",
	} {
		plan := decide(begun(indexed(2, 12), completedIndexes(was)))
		same(t, "completedIndexes "+strconv.Quote(was), plan.Status.CompletedIndexes, want)
	}
}

// inWords is the form of a set, made the slow way.
func inWords(set []int) string {
	var parts []string
	for i := 0; i < len(set); {
		j := i
		for j+1 < len(set) && set[j+1] == set[j]+1 {
			j++
		}
		switch j - i {
		case 0:
			parts = append(parts, fmt.Sprint(set[i]))
		case 1:
			parts = append(parts, fmt.Sprint(set[i]), fmt.Sprint(set[j]))
		default:
			parts = append(parts, fmt.Sprintf("%d-%d", set[i], set[j]))
		}
		i = j + 1
	}
	return strings.Join(parts, ",")
}

// inNumbers reads that form, the slow way.
func inNumbers(set string) (list []int) {
	for part := range strings.SplitSeq(set, ",") {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		from, err := strconv.Atoi(first)
		to, _ := strconv.Atoi(last)
		for i := from; err == nil && i <= to; i++ {
			list = append(list, i)
		}
	}
	return list
}

// TestSetsOfIndexes against sets made the slow way: what is written down, what
// has just succeeded, what is busy and what is next.
func TestSetsOfIndexes(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	for range 1500 {
		limit := 1 + chance.IntN(40)
		var recorded, all, missing []int
		var now []engine.Pod
		for i := range limit {
			switch chance.IntN(5) {
			case 0, 1:
				recorded, all = append(recorded, i), append(all, i)
			case 2:
				all = append(all, i)
				now = append(now, pod(fmt.Sprintf("s%d", i), succeeded, index(i)))
			case 3:
				now = append(now, pod(fmt.Sprintf("r%d", i), index(i)))
			default:
				missing = append(missing, i)
			}
		}
		chance.Shuffle(len(now), func(a, b int) { now[a], now[b] = now[b], now[a] })
		n := 1 + chance.IntN(limit)
		active := limit - len(all) - len(missing)
		plan := decide(begun(indexed(int32(n), int32(limit)), completedIndexes(inWords(recorded))), now...)
		same(t, "completedIndexes", plan.Status.CompletedIndexes, inWords(all))
		same(t, "succeeded", int(plan.Status.Succeeded), len(all))
		if want := min(n, limit-len(all)) - active; want >= 0 {
			same(t, "the next ones", indexesOf(plan), slices.Clip(missing[:min(want, len(missing))]))
		}
	}
}

// TestIndexesInCommon, as successPolicy asks for them, against the slow way.
func TestIndexesInCommon(t *testing.T) {
	chance := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var asked, done []int
		both := 0
		for i := range 20 {
			a, d := chance.IntN(2) == 0, chance.IntN(3) > 0
			if a {
				asked = append(asked, i)
			}
			if d {
				done = append(done, i)
			}
			if a && d {
				both++
			}
		}
		if len(asked) == 0 || len(done) == 0 || len(done) == 20 {
			continue
		}
		for n := range int32(len(asked) + 1) {
			kind, _ := reached(decide(begun(indexed(20, 20, success(when(inWords(asked), n))), completedIndexes(inWords(done)))))
			same(t, fmt.Sprintf("%d of %v, done %v", n, asked, done), kind == complete, both >= int(n))
		}
		kind, _ := reached(decide(begun(indexed(20, 20, success(when(inWords(asked), -1))), completedIndexes(inWords(done)))))
		same(t, fmt.Sprintf("all of %v, done %v", asked, done), kind == complete, both == len(asked))
	}
}
