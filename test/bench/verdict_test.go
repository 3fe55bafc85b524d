package main

import (
	"strings"
	"testing"
	"time"
)

func measured(work, contender string, n int, took, cpu time.Duration, writes int, heap float64) result {
	return result{work: work, contender: contender, n: n, took: took, cpu: cpu, heap: heap, requests: requests{jobs: writes}}
}

// TestVerdicts: each goal by its median, on its side of the limit.
func TestVerdicts(t *testing.T) {
	s := &session{settings: settings{levels: []int{1000, 4000}}, results: []result{
		measured("Indexed 100", builtIn, 100, 10*time.Second, 2*time.Second, 0, 0),
		measured("Indexed 100", ours, 100, 8*time.Second, 3*time.Second, 0, 9*1024*100),
		measured(onePodName, ours, 10, time.Second, time.Second, 40, 0),
		measured("level 1000", ours, 1000, 10*time.Second, time.Second, 0, 0),
		measured("level 4000", ours, 4000, 50*time.Second, time.Second, 0, 2*1024*4000),
		measured(restartName, ours, 5, time.Second, 0, 1, 0),
	}}
	var out strings.Builder
	s.printVerdicts(&out)
	for _, want := range []string{
		"per second, of bare | ≥ 0.95 | – | not measured |",
		"per second, of the built-in controller | ≥ 1 | 1.25 | met |",
		"CPU per pod, of the built-in controller | ≤ 1 | 1.50 | missed by 50 % |",
		"writes per job | ≤ 4 | 4.00 | met |",
		"the slowest size of the fastest | ≥ 0.9 | 0.80 | missed by 11 % |",
		"heap per cached pod, KiB | ≤ 4 | 2.00 | met |",
		"after a restart | ≤ 0 | 1.00 | missed |",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}
