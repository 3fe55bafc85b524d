package world

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// envSeed replays one history; envHistories runs so many, each time others.
	envSeed      = "STINT_SEED"
	envHistories = "STINT_HISTORIES"
	// shortRun is how many histories a plain go test runs: always the same, so
	// that nobody's build breaks by chance.
	shortRun = 300
	// enough is how many failing histories are worth printing.
	enough = 3
)

// TestHistories plays random histories against the operator.
func TestHistories(t *testing.T) {
	if s := os.Getenv(envSeed); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", envSeed, err)
		}
		r := Run(seed, stint)
		t.Logf("the story of seed %d:\n%s", seed, r.World.Story)
		if r.Failure != "" {
			t.Errorf("seed %d: %s", seed, r.Failure)
		}
		return
	}
	first, n := uint64(1), uint64(shortRun)
	if s := os.Getenv(envHistories); s != "" {
		more, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", envHistories, err)
		}
		first, n = uint64(time.Now().UnixMicro()), more
	}
	histories(t, first, n)
}

// histories plays n histories side by side.
func histories(t *testing.T, first, n uint64) {
	var next, steps, failed atomic.Uint64
	begin := time.Now()
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for failed.Load() < enough {
				i := next.Add(1) - 1
				if i >= n {
					return
				}
				r := Run(first+i, stint)
				steps.Add(uint64(r.Steps))
				if r.Failure != "" && failed.Add(1) <= enough {
					t.Errorf("seed %d:\n%s\n%s\n\nreplay: %s", r.Seed, r.World.Story, r.Failure, Replay(r.Seed))
				}
			}
		})
	}
	all.Wait()
	took := time.Since(begin)
	t.Logf("world: %d histories, seed %d, %d steps, %.0f histories/s", min(next.Load(), n), first, steps.Load(), float64(min(next.Load(), n))/took.Seconds())
}

// TestSameSeedSameStory: without it a seed would be worth nothing.
func TestSameSeedSameStory(t *testing.T) {
	for seed := range uint64(20) {
		if a, b := Run(seed, stint), Run(seed, stint); a.World.Story.String() != b.World.Story.String() {
			t.Errorf("seed %d tells two stories", seed)
		}
	}
}
