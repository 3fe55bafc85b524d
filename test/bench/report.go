package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
)

// figure is a number that a result has.
type figure struct {
	name string
	of   func(*result) float64
}

var (
	perSecond  = figure{"per second", (*result).perSecond}
	cpuEach    = figure{"controller CPU, ms each", (*result).cpuEach}
	writesEach = figure{"writes on jobs and pods, each", func(r *result) float64 { return float64(r.requests.writes()) / float64(r.n) }}
	serverEach = figure{"API server CPU, ms each", func(r *result) float64 { return r.each(r.load.apiServer) }}
	heapEach   = figure{"heap per cached pod, KiB", func(r *result) float64 { return r.heap / 1024 / float64(r.n) }}
)

// compared are the figures of which ratios tell something; figures are all.
var (
	compared = []figure{perSecond, cpuEach, writesEach, serverEach}
	figures  = append(compared[:4:4],
		figure{"etcd CPU, ms each", func(r *result) float64 { return r.each(r.load.etcd) }},
		figure{"benchmark's own CPU, ms each", func(r *result) float64 { return r.each(r.load.driver) }},
		figure{"events, each", func(r *result) float64 { return float64(r.requests.events) / float64(r.n) }},
		heapEach,
		figure{"resident set, MiB", func(r *result) float64 { return r.rss / (1 << 20) }})
)

// print writes the tables: goals and ratios first.
func (s *session) print(w io.Writer) {
	s.printVerdicts(w)
	works := s.works()
	fmt.Fprintln(w, "| work | figure | stint / built-in | stint / bare | built-in / bare |")
	fmt.Fprintln(w, "|---|---|---|---|---|")
	for _, name := range works {
		for _, f := range compared {
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", name, f.name,
				s.ratio(name, f, ours, builtIn), s.ratio(name, f, ours, bare), s.ratio(name, f, builtIn, bare))
		}
	}
	fmt.Fprintln(w, "\n| work | figure | built-in | stint | bare |")
	fmt.Fprintln(w, "|---|---|---|---|---|")
	for _, name := range works {
		for _, f := range figures {
			fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", name, f.name, s.number(name, f, builtIn), s.number(name, f, ours), s.number(name, f, bare))
		}
	}
	s.printCrons(w)
	s.printRestarts(w)
	s.printVerbs(w)
}

// works are the names of what was measured, in order.
func (s *session) works() []string {
	var names []string
	for i := range s.results {
		if n := s.results[i].work; n != restartName && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

func (s *session) all(work, contender string) []*result {
	var all []*result
	for i := range s.results {
		if r := &s.results[i]; r.work == work && r.contender == contender {
			all = append(all, r)
		}
	}
	return all
}

// ratios are, round by round, one contender's figure to another's in the same
// round: what else the machine did then was the same for both.
func (s *session) ratios(work string, f figure, a, b string) []float64 {
	over, under := s.values(work, f, a), s.values(work, f, b)
	var ratios []float64
	for i := range min(len(over), len(under)) {
		if under[i] > 0 {
			ratios = append(ratios, over[i]/under[i])
		}
	}
	return ratios
}

func (s *session) ratio(work string, f figure, a, b string) string {
	if ratios := s.ratios(work, f, a, b); len(ratios) > 0 {
		return spread(ratios)
	}
	return "–"
}

func (s *session) values(work string, f figure, contender string) []float64 {
	var values []float64
	for _, r := range s.all(work, contender) {
		values = append(values, f.of(r))
	}
	return values
}

func (s *session) number(work string, f figure, contender string) string {
	if values := s.values(work, f, contender); len(values) > 0 {
		return fmt.Sprintf("%.2f", median(values))
	}
	return "–"
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return (v[len(v)/2] + v[(len(v)-1)/2]) / 2
}

func (s *session) printRestarts(w io.Writer) {
	header := "\n| restart of | jobs | writes on jobs | writes on pods | events | reads | CPU, s |\n|---|---|---|---|---|---|---|"
	for _, contender := range allContenders {
		for _, r := range s.all(restartName, contender) {
			if header != "" {
				fmt.Fprintln(w, header)
				header = ""
			}
			fmt.Fprintf(w, "| %s | %d finished, %d running | %d | %d | %d | %d | %.2f |\n", contender, s.finished, s.running,
				r.requests.jobs, r.requests.pods, r.requests.events, r.requests.reads, r.cpu.Seconds())
		}
	}
}

// printVerbs lists the requests of the first round of each measurement.
func (s *session) printVerbs(w io.Writer) {
	fmt.Fprintln(w, "\n| work | contender | writes by verb | refused | reads |\n|---|---|---|---|---|")
	seen := map[string]bool{}
	for i := range s.results {
		r := &s.results[i]
		key := r.work + r.contender
		if seen[key] {
			continue
		}
		seen[key] = true
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", r.work, r.contender,
			verbs(r.requests.byVerb), verbs(r.requests.refusedByVerb), verbs(r.requests.readsByVerb))
	}
}

func verbs(m map[string]int) string {
	text := ""
	for _, verb := range slices.SortedFunc(maps.Keys(m), func(a, b string) int { return cmp.Compare(m[b], m[a]) }) {
		if text != "" {
			text += ", "
		}
		text += fmt.Sprintf("%d × %s", m[verb], verb)
	}
	return cmp.Or(text, "none")
}
