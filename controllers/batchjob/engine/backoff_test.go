package engine_test

import (
	"math"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// backedOff is a back-off as it stands in the status.
func backedOff(failures int32, last time.Duration) func(*v1alpha1.BatchJobStatus) {
	return func(s *v1alpha1.BatchJobStatus) {
		s.Backoff = &v1alpha1.BackoffStatus{Failures: failures, LastFailureTime: stamp(last)}
	}
}

func delays(initial, longest time.Duration) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) {
		s.Backoff = &v1alpha1.Backoff{}
		if initial >= 0 {
			s.Backoff.InitialDelay = &metav1.Duration{Duration: initial}
		}
		if longest >= 0 {
			s.Backoff.MaxDelay = &metav1.Duration{Duration: longest}
		}
	})
}

// TestDelay: 10 s, doubled for each failure in a row, at most six minutes, and
// other numbers from spec.backoff.
func TestDelay(t *testing.T) {
	const s, m, unset = time.Second, time.Minute, -1
	for _, c := range []struct {
		name             string
		initial, longest time.Duration
		failures         int32
		want             time.Duration
	}{
		{"default", unset, unset, 1, 10 * s},
		{"default", unset, unset, 2, 20 * s},
		{"default", unset, unset, 3, 40 * s},
		{"default", unset, unset, 4, 80 * s},
		{"default", unset, unset, 5, 160 * s},
		{"default", unset, unset, 6, 320 * s},
		{"default, capped", unset, unset, 7, 6 * m},
		{"default, capped", unset, unset, math.MaxInt32, 6 * m},
		{"given", 3 * s, 10 * s, 1, 3 * s},
		{"given", 3 * s, 10 * s, 2, 6 * s},
		{"given, capped", 3 * s, 10 * s, 3, 10 * s},
		{"the cap is met exactly", 3 * s, 12 * s, 3, 12 * s},
		{"only the first", m, unset, 3, 4 * m},
		{"only the first, above the default cap", 10 * m, unset, 2, 10 * m},
		{"only the cap", unset, 15 * s, 2, 15 * s},
		{"only the cap, below the default", unset, s, 1, s},
		{"none", 0, 0, 5, 0},
		{"none at first is none for ever", 0, m, 5, 0},
		{"no overflow", time.Hour, math.MaxInt64, math.MaxInt32, math.MaxInt64},
		{"a millisecond", time.Millisecond, m, 4, 8 * time.Millisecond},
	} {
		j := begun(job(delays(c.initial, c.longest), limit(math.MaxInt32)), backedOff(c.failures, 0))
		plan := decide(j)
		if c.want == 0 {
			same(t, c.name+": created", len(plan.Create), 1)
			continue
		}
		same(t, c.name+": wake", plan.Wake, after(c.want))
		same(t, c.name+": created", len(plan.Create), 0)
		same(t, c.name+": created a moment before", len(decideAt(after(c.want-1), j).Create), 0)
		same(t, c.name+": created in time", len(decideAt(after(c.want), j).Create), 1)
	}
}

// TestWhatTheBackoffCounts: failures since the last success, those of one plan
// together, from the end of the last.
func TestWhatTheBackoffCounts(t *testing.T) {
	s := func(name string, at time.Duration) engine.Pod {
		return pod(name, ended(corev1.PodSucceeded, at*time.Second))
	}
	f := func(name string, at time.Duration) engine.Pod {
		return pod(name, ended(corev1.PodFailed, at*time.Second))
	}
	want := func(failures int32, at time.Duration) *v1alpha1.BackoffStatus {
		return &v1alpha1.BackoffStatus{Failures: failures, LastFailureTime: stamp(at * time.Second)}
	}
	was := func(failures int32, at time.Duration) func(*v1alpha1.BatchJobStatus) {
		return backedOff(failures, at*time.Second)
	}
	none := func(*v1alpha1.BatchJobStatus) {}
	for _, c := range []struct {
		name  string
		was   func(*v1alpha1.BatchJobStatus)
		pods  []engine.Pod
		wants *v1alpha1.BackoffStatus
	}{
		{"nothing", none, pods("r", 1), nil},
		{"one failure", none, []engine.Pod{f("a", -9)}, want(1, -9)},
		{"three at once count three, from the last", none, []engine.Pod{f("a", -9), f("b", -7), f("c", -8)},
			want(3, -7)},
		{"one more", was(2, -9), []engine.Pod{f("a", -5)}, want(3, -5)},
		{"one that ended before the last one known", was(2, -3), []engine.Pod{f("a", -5)},
			want(3, -3)},
		{"a success resets", was(5, -9), []engine.Pod{s("a", -5)}, nil},
		{"a failure after the success counts anew", was(5, -9), []engine.Pod{s("a", -5), f("b", -4)},
			want(1, -4)},
		{"a failure before it does not", was(5, -9), []engine.Pod{s("a", -5), f("b", -6)}, nil},
		{"nor one at the same time", none, []engine.Pod{s("a", -5), f("b", -5)}, nil},
		{"the last of several successes", none, []engine.Pod{s("a", -5), f("b", -4), s("c", -3), f("d", -2)},
			want(1, -2)},
		{"the order of the list does not matter", none, []engine.Pod{f("d", -2), s("c", -3), f("b", -4), s("a", -5)},
			want(1, -2)},
		{"a failure that is written down is not new", func(s *v1alpha1.BatchJobStatus) {
			was(1, -9)(s)
			uncounted(nil, pods("a", 1))(s)
		}, []engine.Pod{f("a0", -9)}, want(1, -9)},
		{"a pod that was let go", none, []engine.Pod{pod("a", failed, released)}, nil},
	} {
		plan := decide(begun(job(fixed(1, 50), limit(50)), c.was), c.pods...)
		same(t, c.name, plan.Status.Backoff, c.wants)
	}
}

// TestTheBackoffIsPersisted: what is written down once is neither forgotten nor
// repeated by whoever reads it, and the pod that it came from is not needed.
func TestTheBackoffIsPersisted(t *testing.T) {
	j := begun(job())
	p := pod("f", ended("Failed", -2*time.Second))
	plan := decide(j, p)
	same(t, "created", plan.Create, []engine.PodOrder(nil))
	same(t, "wake", plan.Wake, after(8*time.Second))
	for range 3 {
		j = wrote(j, plan)
		plan = decide(j, p)
		p.Tracked = false
		same(t, "wake", plan.Wake, after(8*time.Second))
		same(t, "failures", plan.Status.Backoff.Failures, int32(1))
	}
	same(t, "wake, the pod gone", decide(wrote(j, plan)).Wake, after(8*time.Second))
}

// TestTheWholeJobWaits: no pod is made for any reason, and the others go on.
func TestTheWholeJobWaits(t *testing.T) {
	j := begun(job(fixed(5, 9)), backedOff(1, 0))
	plan := decide(j, pods("r", 2)...)
	same(t, "created", len(plan.Create), 0)
	same(t, "removed", len(plan.Drop)+len(plan.Delete), 0)
	same(t, "state", plan.Outcome.State, engine.StateBackingOff)
	same(t, "created later", len(decideAt(after(10*time.Second), j, pods("r", 2)...).Create), 3)

	full := decide(j, pods("r", 5)...)
	same(t, "state with nothing to make", full.Outcome.State, engine.StateRunning)
	same(t, "wake with nothing to make", full.Wake, time.Time{})
	sooner := decide(begun(job(lasting(65)), backedOff(1, 0)))
	same(t, "the deadline wakes first", sooner.Wake, after(5*time.Second))
	later := decide(begun(job(lasting(75)), backedOff(1, 0)))
	same(t, "the back-off wakes first", later.Wake, after(10*time.Second))
}

// TestTheBackoffSpeaks of the pod that it is about and of the time.
func TestTheBackoffSpeaks(t *testing.T) {
	why := because(engine.Why{Container: "main", ExitCode: 3, Message: "no such table"})
	out := decide(begun(job()), pod("f", ended("Failed", -time.Second), why)).Outcome
	same(t, "message", out.Message, `Waiting until 2026-05-04T12:00:09Z to replace a failed pod (failure 1 in a row): `+
		`pod f: container "main" exited with code 3: no such table`)
	same(t, "short", out.Short, "exit 3: no such table")
	out = decide(begun(job(), backedOff(4, 0))).Outcome
	same(t, "message without pods", out.Message, "Waiting until 2026-05-04T12:01:20Z to replace a failed pod (failure 4 in a row)")
}

// TestABackoffWithoutTime, of a status that somebody edited, does not hold the
// job for ever.
func TestABackoffWithoutTime(t *testing.T) {
	plan := decide(begun(job(), func(s *v1alpha1.BatchJobStatus) { s.Backoff = &v1alpha1.BackoffStatus{Failures: 3} }))
	same(t, "created", len(plan.Create), 1)
}

// TestRemovedPodsAreNoFailures: neither a suspend nor a lower parallelism backs
// off.
func TestRemovedPodsAreNoFailures(t *testing.T) {
	for name, j := range map[string]*v1alpha1.BatchJob{"suspend": begun(job(suspend)), "scale": begun(job(fixed(0, 3)))} {
		plan := decide(j, pod("r"))
		same(t, name+": dropped", names(plan.Drop), []string{"r"})
		later := decide(wrote(j, plan), pod("r", deleting, released))
		same(t, name+": back-off", later.Status.Backoff, (*v1alpha1.BackoffStatus)(nil))
		checkUncounted(t, later, 0, 0)
		if strings.Contains(later.Outcome.Message, "failed") {
			t.Errorf("%s: the message is %q", name, later.Outcome.Message)
		}
	}
}
