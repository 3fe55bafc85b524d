package engine

import (
	"slices"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// backoff is the pod failure back-off of batch/v1: failures since the last
// success, and when the last of them ended. Here it is part of the status,
// written together with the UIDs that it has counted, so that a restart neither
// forgets nor repeats one (upstream keeps it in memory: kubernetes#114650).
type backoff struct {
	failures int32
	last     time.Time
}

// countBackoff adds the ends that this plan accounts for.
func (w *work) countBackoff() {
	if b := w.was.Backoff; b != nil {
		w.backoff.failures = b.Failures
		if b.LastFailureTime != nil {
			w.backoff.last = b.LastFailureTime.Time
		}
	}
	if w.perIndex {
		return // each index has its own, in the annotations of its pods
	}
	failed := slices.Concat(w.newFailed, w.newIgnored)
	w.backoff.add(w.newSucceeded, failed)
}

// add counts new ends: a success resets, failures after it count anew. The
// successes are in the order of time.
func (b *backoff) add(succeeded, failed []*Pod) {
	var since time.Time
	if n := len(succeeded); n > 0 {
		since = succeeded[n-1].Finished
		*b = backoff{}
	}
	for _, p := range failed {
		if p.Finished.After(since) {
			b.failures++
			b.last = later(b.last, p.Finished)
		}
	}
}

// until is when the next pod may be made; zero if nothing holds it.
func (b *backoff) until(spec *v1alpha1.BatchJobSpec) time.Time {
	if b.failures == 0 {
		return time.Time{}
	}
	initial, longest := spec.GetBackoff()
	return b.last.Add(delay(b.failures, initial, longest))
}

// delay is initial doubled for each failure after the first, at most longest.
func delay(failures int32, initial, longest time.Duration) time.Duration {
	d := initial
	for i := int32(1); i < failures && d > 0 && d < longest; i++ {
		if d > longest/2 {
			return longest
		}
		d *= 2
	}
	return min(d, longest)
}

func (b *backoff) status() *v1alpha1.BackoffStatus {
	if b.failures == 0 {
		return nil
	}
	last := metav1.NewTime(b.last)
	return &v1alpha1.BackoffStatus{Failures: b.failures, LastFailureTime: &last}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// earliest is the earlier of two wakes, of which zero means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
