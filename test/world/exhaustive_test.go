package world

import (
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	corev1 "k8s.io/api/core/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

const (
	// envExhaustive searches the large worlds too, as envHistories does.
	envExhaustive = "STINT_EXHAUSTIVE"
	// envPath replays one story: a world, a colon, its moves.
	envPath = "STINT_PATH"
)

func suspend(yes bool) func(*v1alpha1.BatchJobSpec) {
	return func(s *v1alpha1.BatchJobSpec) { s.Suspend = &yes }
}

func parallelism(n int32) func(*v1alpha1.BatchJobSpec) {
	return func(s *v1alpha1.BatchJobSpec) { s.Parallelism = &n }
}

func limit(n int32) func(*v1alpha1.BatchJobSpec) {
	return func(s *v1alpha1.BatchJobSpec) { s.BackoffLimit = &n }
}

func restarting(s *v1alpha1.BatchJobSpec) {
	s.BackoffLimit = new(int32(1))
	s.Template.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
}

// restartingTwice is one after the other: when the first has restarted the job
// fails, and when it has succeeded there is a second to make.
func restartingTwice(s *v1alpha1.BatchJobSpec) {
	restarting(s)
	s.Parallelism, s.Completions = new(int32(1)), new(int32(2))
}

// onlyFailedOne replaces its pod only when that has ended.
func onlyFailedOne(s *v1alpha1.BatchJobSpec) { s.PodReplacementPolicy = new(v1alpha1.Failed) }

// indexed has two indexes, each with its own limit.
func indexed(parallelism, limit int32) func(*v1alpha1.BatchJobSpec) {
	return func(s *v1alpha1.BatchJobSpec) {
		s.CompletionMode, s.Parallelism, s.Completions = new(v1alpha1.IndexedCompletion), &parallelism, new(int32(2))
		s.BackoffLimitPerIndex = &limit
	}
}

type edits = []func(*v1alpha1.BatchJobSpec)

// smallWorlds are searched to their ends.
var smallWorlds = []*Small{
	{Name: "one-pod", Spec: counts(nil, nil, new(int32(0))), Fails: 1, Deletions: 1},
	{Name: "one-pod-crash", Spec: counts(nil, nil, new(int32(0))), Fails: 1, Crashes: 1, Old: 2},
	{Name: "one-retry", Spec: counts(nil, nil, new(int32(1))), Fails: 2},
	{Name: "one-retry-race", Spec: counts(nil, nil, new(int32(1))), Fails: 1, Races: 1},
	{Name: "lost-answer", Spec: counts(nil, nil, new(int32(1))), Fails: 1, Lost: 1},
	{Name: "two-pods", Spec: counts(new(int32(2)), new(int32(2)), new(int32(0)))},
	{Name: "suspended", Spec: counts(nil, nil, nil), Edits: edits{suspend(true)}},
	{Name: "deleted", Spec: counts(nil, nil, nil), Leaves: metav1.DeletePropagationForeground},

	// The largest come first, so that no core is left with one of them alone.
	{Name: "scaled-down", Spec: counts(new(int32(2)), new(int32(2)), nil), Edits: edits{parallelism(1)}, Large: true},
	{Name: "indexed-crash", Spec: indexed(2, 0), Fails: 1, Crashes: 1, Large: true},
	{Name: "limit-lowered", Spec: counts(nil, nil, new(int32(1))), Fails: 1, Edits: edits{limit(0)}, Crashes: 1, Large: true},
	{Name: "queue-of-two", Spec: counts(new(int32(2)), nil, new(int32(1))), Fails: 1, Large: true},
	{Name: "two-pods-crash", Spec: counts(new(int32(2)), new(int32(2)), new(int32(0))), Crashes: 1, Large: true},
	{Name: "two-pods-race", Spec: counts(new(int32(2)), new(int32(2)), new(int32(0))), Races: 1, Large: true},
	{Name: "two-pods-failing", Spec: counts(new(int32(2)), new(int32(2)), new(int32(0))), Fails: 1, Large: true},
	{Name: "indexed", Spec: indexed(1, 1), Fails: 1, Large: true},
	{Name: "one-retry-slow", Spec: counts(nil, nil, new(int32(1))), Fails: 2, Slow: 2, Large: true},
	{Name: "one-retry-crash", Spec: counts(nil, nil, new(int32(1))), Fails: 2, Crashes: 1, Old: 2, Large: true},
	{Name: "suspended-and-resumed", Spec: counts(nil, nil, nil), Edits: edits{suspend(true), suspend(false)}, Large: true},
	{Name: "suspended-crash", Spec: counts(nil, nil, nil), Edits: edits{suspend(true)}, Crashes: 1, Large: true},
	{Name: "restarts", Spec: restarting, Fails: 2, Crashes: 1, Large: true},
	{Name: "restarts-lost", Spec: restartingTwice, Fails: 1, Lost: 1, Large: true},
	{Name: "one-pod-crash-old", Spec: counts(nil, nil, new(int32(0))), Fails: 1, Crashes: 1, Old: -1, Large: true},
	{Name: "one-pod-two-crashes", Spec: counts(nil, nil, nil), Crashes: 2, Old: 2, Large: true},
	{Name: "replaced-when-failed", Spec: onlyFailedOne, Deletions: 1, Crashes: 1, Large: true},
	{Name: "deaf", Spec: counts(nil, nil, new(int32(1))), Fails: 1, Deaf: true, Large: true},
}

// TestExhaustive searches small worlds: those that are not Large in every run.
//
// That it can fail was tried with the operator broken on purpose. Each of these
// is found without the Large worlds; one that finds it is named:
//
//	an end is counted though its UID is durable           two-pods
//	a finalizer comes off before the end is durable       one-pod
//	a pod is created after the verdict                    one-pod
//	a cache that is behind its own writes is believed     one-retry
//	the back-off is forgotten                             one-retry
//	a UID becomes a number while the finalizer holds      one-retry-race
//	a new process believes its first lists                one-pod-crash
//	a live read sets no floor for the caches              lost-answer
//	a pod is dropped at whatever version                  suspended
//	a run ends while a pod terminates                     one-pod
func TestExhaustive(t *testing.T) {
	if path := os.Getenv(envPath); path != "" {
		replay(t, path)
		return
	}
	all := os.Getenv(envHistories) != "" || os.Getenv(envExhaustive) != ""
	var states atomic.Int64
	begin := time.Now()
	t.Run("worlds", func(t *testing.T) {
		for _, s := range smallWorlds {
			if s.Large && !all {
				continue
			}
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				states.Add(int64(explore(t, s)))
			})
		}
	})
	t.Logf("exhaustive: %d states in %.1f s", states.Load(), time.Since(begin).Seconds())
}

// explore searches one world and tells the shortest story of what it finds.
func explore(t *testing.T, s *Small) int {
	begin := time.Now()
	x := s.Search(exhaustible)
	t.Logf("%s (%.1f s)", x.Report(), time.Since(begin).Seconds())
	if f, way, found := x.Worst(); found {
		w, text := s.Tell(exhaustible, way)
		t.Errorf("%s\n%s\n%s\n\nreplay: %s", f, w.Story, text, ReplayPath(s, way))
		return len(x.calm)
	}
	x.retell(t)
	return len(x.calm)
}

// retell plays some of the ways from the beginning, in one world that is never
// copied: it must pass through the same states.
func (x *Exhaustive) retell(t *testing.T) {
	ways := x.paths()
	const samples = 8
	for i := range samples {
		n := int32((i + 1) * (len(x.calm) - 1) / samples)
		b, way := x.small.begin(x.program), x.way(ways, n)
		for i, name := range way {
			b.named(name).do(b)
			if got, ok := x.states[x.keyer.of(b)]; !ok || got != x.after(way[:i+1]) {
				t.Fatalf("told from the beginning, move %d of %v leads to state %d and not to %d", i+1, way, got, x.after(way[:i+1]))
			}
		}
	}
}

// after is the state to which moves lead.
func (x *Exhaustive) after(moves []string) int32 {
	n := int32(0)
	for _, m := range moves {
		i := slices.IndexFunc(x.edges, func(e edge) bool { return e.from == n && x.moves[e.move] == m })
		n = x.edges[i].to
	}
	return n
}

func replay(t *testing.T, path string) {
	name, moves, _ := strings.Cut(path, ":")
	i := slices.IndexFunc(smallWorlds, func(s *Small) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("%s: there is no world %q", envPath, name)
	}
	w, text := smallWorlds[i].Tell(exhaustible, strings.Fields(moves))
	t.Logf("the story:\n%s", w.Story)
	if text != "" {
		t.Error(text)
	}
}
