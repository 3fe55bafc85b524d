package world

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	// envSeed replays one history; envHistories runs so many, each time others
	// unless envFirst says which is the first.
	envSeed      = "STINT_SEED"
	envHistories = "STINT_HISTORIES"
	envFirst     = "STINT_FIRST"
	// shortRun is how many histories a plain go test runs: always the same, so
	// that nobody's build breaks by chance.
	shortRun = 300
	// enough is how many failing histories are worth printing.
	enough = 3
)

// TestHistories plays random histories against the operator.
//
// A test that cannot fail is worth nothing, so the operator was broken on
// purpose, one line at a time. What kills each mutant, and in which history of
// seeds 1, 2, 3…; "+" where TestCrashAtEveryWrite kills it too:
//
//	a UID becomes a number while the finalizer is on   11 +  ledger: it would be counted again
//	the finalizer goes before the end is durable        3 +  rules: nothing durable tells of its end
//	uncountedTerminatedPods is not looked at            8 +  ledger: the verdict counts more than the truth
//	a new end is counted and recorded at once           3 +  ledger: counted without having been recorded
//	the verdict's write does not count the last ends    2 +  ledger: the truth is more
//	one active pod too many                            11 +  rules: beside N active ones
//	successes do not lessen what is wanted             22 +  rules: beside N active and M succeeded ones
//	the back-off in status is not read                  3 +  rules: too soon
//	any success forgives a later failure               27 +  rules: too soon
//	pods are made after the verdict                    14    rules: after the verdict
//	the caches are always believed                     17    rules: after the verdict
//	the caches are believed after a restart            72    rules: after the verdict
//	a live read forgets what the caches still owe      53    ledger: recorded twice
//	terminal condition while pods terminate            14 +  status rules: finished with terminating pods
//	backoffLimit is one too low                         2 +  ledger: no verdict without its reason
//	success is tried before failure                   122    ledger: failure beats success
//	pods are removed before the verdict is durable      2 +  rules: deleted without a verdict
//	a failed job's pods are let go first                6 +  rules: they must count as failed
//	a pod is dropped whatever happened to it           81    rules: nothing durable tells of its end
//	suspending deletes with the finalizer on            8    rules: deleted without a verdict
//	suspending leaves the pods                         19    settled: active where none may be
//	the status is written without its version          58    ledger, status rules
//	pods of a deleted job are not let go              185 +  settled: our finalizer still holds a pod
//	a refused release is not tried again             1153    settled: our finalizer still holds a pod
//
// Some need more luck: a status write whose answer is lost and not doubted
// makes a pod after the verdict once in 20,000 histories, and a name that is no
// lock is found out once in 1,000 to 10,000, as a live read stands before it.
func TestHistories(t *testing.T) { play(t, Run) }

// TestFeatureHistories plays those of jobs with indexes and policies, in which
// now and then the namespace goes, and caches change while they are read and
// take over lists in any order. It kills these mutants:
//
//	the cache's version is asked for after its pods     54  own writes: patched once more
//	the newest pod that is shown is that version       234  own writes: patched, 898: made once more
//	what was let go is not remembered                  396  own writes: patched once more
//	a pod whose answer was lost is not looked for     3457  ledger: the truth is more
//	the caches are believed after a restart             39  rules: after the verdict
//	an old look at a finished job that holds pods      393  own writes: patched once more
func TestFeatureHistories(t *testing.T) { play(t, RunFeatures) }

// TestHandsHistories plays those in which hands touch what is ours, and quotas
// come and go.
func TestHandsHistories(t *testing.T) { play(t, RunHands) }

// play replays one seed, or plays as many as the environment asks for.
func play(t *testing.T, run func(uint64, Program) Result) { playShare(t, 1, run) }

// playShare plays one in so many of those that the environment asks for.
func playShare(t *testing.T, of uint64, run func(uint64, Program) Result) {
	if s := os.Getenv(envSeed); s != "" {
		seed, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", envSeed, err)
		}
		r := run(seed, stint)
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
	if s := os.Getenv(envFirst); s != "" {
		from, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", envFirst, err)
		}
		first = from
	}
	histories(t, run, first, n/of)
}

// histories plays n histories side by side.
func histories(t *testing.T, run func(uint64, Program) Result, first, n uint64) {
	// A history lives for a millisecond and leaves little behind.
	defer debug.SetGCPercent(debug.SetGCPercent(800))
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
				r := run(first+i, stint)
				steps.Add(uint64(r.Steps))
				if r.Failure != "" && failed.Add(1) <= enough {
					t.Errorf("seed %d:\n%s\n%s\n\nreplay: %s", r.Seed, r.World.Story, r.Failure, Replay(r.Seed, t.Name()))
				}
			}
		})
	}
	all.Wait()
	took := time.Since(begin)
	t.Logf("world: %s: %d histories, seed %d, %d steps, %.0f histories/s", t.Name(), min(next.Load(), n), first, steps.Load(), float64(min(next.Load(), n))/took.Seconds())
}

// TestSameSeedSameStory: without it a seed would be worth nothing.
func TestSameSeedSameStory(t *testing.T) {
	for seed := range uint64(20) {
		for _, run := range []func(uint64, Program) Result{Run, RunFeatures, RunHands} {
			if a, b := run(seed, stint), run(seed, stint); a.World.Story.String() != b.World.Story.String() {
				t.Errorf("seed %d tells two stories", seed)
			}
		}
	}
}
