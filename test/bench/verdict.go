package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// goal is one promise about what BatchJobs cost. A further one is one more row
// of goals.
type goal struct {
	what string
	// limit is the worst value that keeps the promise; atLeast says on which side.
	limit   float64
	atLeast bool
	// of is what was measured, nothing if nothing was.
	of func(*session) []float64
}

var goals = []goal{
	{"Indexed job: pods per second, of bare", 0.95, true, ratioIn(indexedName, perSecond, bare)},
	{"Indexed job: pods per second, of the built-in controller", 1, true, ratioIn(indexedName, perSecond, builtIn)},
	{"Indexed job: controller CPU per pod, of the built-in controller", 1, false, ratioIn(indexedName, cpuEach, builtIn)},
	{"one-pod jobs: jobs per second, of the built-in controller", 1.4, true, ratioIn(onePodName, perSecond, builtIn)},
	{"one-pod jobs: writes per job", 4, false, (*session).onePodWrites},
	{"pods per second, the slowest size of the fastest", 0.9, true, (*session).evenness},
	{"heap per cached pod, KiB", 4, false, (*session).heapPerPod},
	{"writes on jobs and pods after a restart", 0, false, (*session).restartWrites},
}

// printVerdicts holds what was measured against the goals.
func (s *session) printVerdicts(w io.Writer) {
	fmt.Fprintln(w, "| figure | goal | measured | verdict |")
	fmt.Fprintln(w, "|---|---|---|---|")
	for _, g := range goals {
		sign := "≤"
		if g.atLeast {
			sign = "≥"
		}
		values := g.of(s)
		measured := "–"
		if len(values) > 0 {
			measured = spread(values)
		}
		fmt.Fprintf(w, "| %s | %s %g | %s | %s |\n", g.what, sign, g.limit, measured, g.verdict(values))
	}
	fmt.Fprintln(w)
}

// verdict is by the median.
func (g goal) verdict(values []float64) string {
	if len(values) == 0 {
		return "not measured"
	}
	m := median(values)
	if m == g.limit || m > g.limit == g.atLeast {
		return "met"
	}
	if g.limit == 0 {
		return "missed"
	}
	return fmt.Sprintf("missed by %.0f %%", 100*max(m/g.limit-1, 1-m/g.limit))
}

// spread is the median, and between what the rounds lay.
func spread(values []float64) string {
	text := fmt.Sprintf("%.2f", median(values))
	if len(values) > 1 {
		text += fmt.Sprintf(" (%.2f–%.2f)", slices.Min(values), slices.Max(values))
	}
	return text
}

// ratioIn is our figure to another contender's, in the work whose name begins so.
func ratioIn(work string, f figure, other string) func(*session) []float64 {
	return func(s *session) []float64 {
		for _, name := range s.works() {
			if strings.HasPrefix(name, work) {
				return s.ratios(name, f, ours, other)
			}
		}
		return nil
	}
}

func (s *session) onePodWrites() []float64 { return s.values(onePodName, writesEach, ours) }

// evenness compares the sizes, round by round.
func (s *session) evenness() []float64 {
	var slowest, fastest []float64
	for _, n := range s.levels {
		for i, v := range s.values(levelName+strconv.Itoa(n), perSecond, ours) {
			if i == len(slowest) {
				slowest, fastest = append(slowest, v), append(fastest, v)
			}
			slowest[i], fastest[i] = min(slowest[i], v), max(fastest[i], v)
		}
	}
	if len(s.levels) < 2 {
		return nil
	}
	for i := range slowest {
		slowest[i] /= fastest[i]
	}
	return slowest
}

// heapPerPod is that of the largest Indexed job, in which what a process needs
// besides counts least.
func (s *session) heapPerPod() []float64 {
	var largest *result
	for i := range s.results {
		r := &s.results[i]
		if r.contender == ours && r.work != onePodName && r.work != restartName && (largest == nil || r.n > largest.n) {
			largest = r
		}
	}
	if largest == nil {
		return nil
	}
	return s.values(largest.work, heapEach, ours)
}

func (s *session) restartWrites() []float64 {
	var out []float64
	for _, r := range s.all(restartName, ours) {
		out = append(out, float64(r.requests.writes()))
	}
	return out
}
