package engine

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// maxUncounted bounds status.uncountedTerminatedPods, and with it the size of
// the object; what is above it waits for the next write (KEP-2307).
const maxUncounted = 500

// tally is what the pods of the current run amount to.
type tally struct {
	// activePods are neither ended nor being deleted; tracked or not.
	activePods  []*Pod
	ready       int32
	terminating int32
	// removed is how many active pods this plan takes away.
	removed int32
	// succeeded and failed include every end that was observed.
	succeeded, failed int32
	// counted is what the counters say once this plan's status is written,
	// uncounted what then stands in uncountedTerminatedPods.
	counted   struct{ succeeded, failed int32 }
	uncounted v1alpha1.UncountedTerminatedPods
	// newSucceeded and newFailed are accounted for by this plan and were not
	// before, by the time of their end. newIgnored are failures that
	// podFailurePolicy does not count; they only slow down the next pod.
	newSucceeded, newFailed, newIgnored []*Pod
	// heldFailures end with their index's back-off and are counted then.
	heldFailures int32
}

// count accounts for every pod of the run. A UID in uncountedTerminatedPods is
// durable: its pod may be let go, and once it is, the UID becomes a number.
func (w *work) count() {
	pending := map[types.UID]*Pod{}
	durable := w.durableEnds()
	w.index()
	for _, p := range w.pods {
		w.classify(p)
		switch _, known := durable[p.UID]; {
		case known && p.Tracked:
			pending[p.UID] = p
			if !w.holds(p) {
				w.release(p)
			}
		case known || !p.Tracked:
		default:
			w.end(p)
		}
	}
	byEnd := func(a, b *Pod) int { return cmp.Or(a.Finished.Compare(b.Finished), cmp.Compare(a.UID, b.UID)) }
	slices.SortFunc(w.newSucceeded, byEnd)
	slices.SortFunc(w.newFailed, byEnd)
	slices.SortFunc(w.newIgnored, byEnd)
	w.fold(pending)
}

// end notes the end of a tracked pod that has not been accounted for.
func (w *work) end(p *Pod) {
	succeeded, failed := p.Phase == corev1.PodSucceeded, w.hasFailed(p)
	switch {
	case !succeeded && !failed:
	case w.on && (!w.valid(p) || succeeded && w.recorded.has(p.Index)):
		w.release(p) // no index of the job, or one that has succeeded: nothing to count
	case succeeded:
		w.newSucceeded = append(w.newSucceeded, p)
	case w.holds(p):
		if w.counts(p) {
			w.heldFailures++
		}
	case w.counts(p):
		w.newFailed = append(w.newFailed, p)
	default:
		w.newIgnored = append(w.newIgnored, p)
	}
}

// durableEnds is the set of UIDs in uncountedTerminatedPods.
func (w *work) durableEnds() map[types.UID]struct{} {
	set := map[types.UID]struct{}{}
	if u := w.was.UncountedTerminatedPods; u != nil {
		for _, uid := range u.Succeeded {
			set[uid] = struct{}{}
		}
		for _, uid := range u.Failed {
			set[uid] = struct{}{}
		}
		for _, uid := range u.Ignored {
			set[uid] = struct{}{}
		}
	}
	return set
}

func (w *work) classify(p *Pod) {
	switch {
	case p.active():
		w.activePods = append(w.activePods, p)
		if p.Ready {
			w.ready++
		}
	case p.terminating():
		w.terminating++
	}
}

// hasFailed is batch/v1's rule (isPodFailed): the phase Failed, and, unless
// only failed pods are replaced, any pod that is being deleted. One that was
// deleted by force, or before it had a node, has ended for the API server: only
// our finalizer still holds it. When the job has failed, every pod that is
// deleted counts as failed.
func (w *work) hasFailed(p *Pod) bool {
	if p.Phase == corev1.PodFailed {
		return true
	}
	if !p.Deleting || p.Phase == corev1.PodSucceeded {
		return false
	}
	return !w.keepsTerminating() || p.Forced || w.hasCondition(v1alpha1.ConditionFailureTarget)
}

// keepsTerminating: a pod that is being deleted holds its slot until it ended.
func (w *work) keepsTerminating() bool {
	return w.job.Spec.GetPodReplacementPolicy() == v1alpha1.Failed
}

// fold moves UIDs whose finalizer is off into the counters and adds the new
// ends, as many as there is room for.
func (w *work) fold(pending map[types.UID]*Pod) {
	w.counted.succeeded, w.counted.failed = w.was.Succeeded, w.was.Failed
	if u := w.was.UncountedTerminatedPods; u != nil {
		var ignored int32
		w.uncounted.Succeeded = foldInto(&w.counted.succeeded, u.Succeeded, pending)
		w.uncounted.Failed = foldInto(&w.counted.failed, u.Failed, pending)
		w.uncounted.Ignored = foldInto(&ignored, u.Ignored, pending)
	}
	w.succeeded = w.counted.succeeded + size(w.uncounted.Succeeded) + size(w.newSucceeded)
	w.failed = w.counted.failed + size(w.uncounted.Failed) + size(w.newFailed) + w.heldFailures
	room := maxUncounted - len(w.uncounted.Succeeded) - len(w.uncounted.Failed) - len(w.uncounted.Ignored)
	if w.on {
		// The index is the record of a success.
		w.succeeded = int32(w.completed.count()) //nolint:gosec // at most completions
		w.counted.succeeded = w.succeeded
	} else {
		room = record(&w.uncounted.Succeeded, &w.newSucceeded, room)
	}
	room = record(&w.uncounted.Failed, &w.newFailed, room)
	record(&w.uncounted.Ignored, &w.newIgnored, room)
}

// record writes down as many ends as there is room for and keeps those in the
// list; the others are found again next time.
func record(uids *[]types.UID, ends *[]*Pod, room int) (left int) {
	*ends = (*ends)[:min(room, len(*ends))]
	for _, p := range *ends {
		*uids = append(*uids, p.UID)
	}
	return room - len(*ends)
}

// foldInto counts the UIDs whose pod is no longer held and returns the others.
func foldInto(counter *int32, uids []types.UID, pending map[types.UID]*Pod) []types.UID {
	var left []types.UID
	for _, uid := range uids {
		if _, held := pending[uid]; held {
			left = append(left, uid)
			continue
		}
		*counter++
	}
	return left
}

func size[T any](s []T) int32 { return int32(len(s)) } //nolint:gosec // a count of pods in memory is far below 2^31
