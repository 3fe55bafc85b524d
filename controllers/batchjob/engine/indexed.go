package engine

import (
	"cmp"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Indexed jobs (KEP-2214, KEP-3850): one success for each index from 0 to
// completions-1. The index itself keeps a success from being counted twice, so
// succeeded pods never stand in uncountedTerminatedPods: what is durable is
// status.completedIndexes.
type indexed struct {
	// on is set for Indexed jobs; everything else is empty otherwise.
	on bool
	// limit is the number of indexes; perIndex tells of backoffLimitPerIndex.
	limit    int
	perIndex bool
	// recorded indexes stand in status.completedIndexes, as far as they are
	// below limit: an elastic job that shrank does not remember the others.
	recorded indexes
	// completed and failedSet include all that was observed.
	completed, failedSet indexes
	// held is, by index, the failed pod that carries the back-off of an index
	// until its replacement exists.
	held map[int]*Pod
}

// index fills in what is known of the indexes before any pod is counted.
func (w *work) index() {
	w.on = w.job.Spec.IsIndexed()
	if !w.on {
		return
	}
	count, _ := w.job.Spec.GetCompletions()
	w.limit, w.perIndex = int(count), w.job.Spec.BackoffLimitPerIndex != nil
	w.recorded = parseIndexes(w.was.CompletedIndexes, w.limit)
	if w.perIndex && w.was.FailedIndexes != nil {
		w.failedSet = parseIndexes(*w.was.FailedIndexes, w.limit)
	}
	done, failed := w.indexEnds()
	w.completed = w.recorded.union(indexesOf(done))
	if !w.perIndex {
		return
	}
	w.failedSet = w.failedSet.union(indexesOf(slices.DeleteFunc(failed, w.completed.has)))
	w.holdForBackoff()
	w.watchNamespace()
}

// indexEnds are the indexes that tracked pods have ended and that nothing
// durable tells of yet. An end is one thing only, also if a pod that was counted
// as failed exits with 0 afterwards; and pods that are deleted because the
// verdict has fallen fail no index.
func (w *work) indexEnds() (done, failed []int) {
	declared := w.hasCondition(v1alpha1.ConditionFailureTarget) || w.hasCondition(v1alpha1.ConditionSuccessCriteriaMet)
	counted := w.durableEnds()
	for _, p := range w.pods {
		if _, known := counted[p.UID]; known || !p.Tracked || !w.valid(p) {
			continue
		}
		switch {
		case p.Phase == corev1.PodSucceeded && !w.failedSet.has(p.Index):
			done = append(done, p.Index)
		case w.perIndex && !(declared && p.Deleting) && w.failsIndex(p):
			failed = append(failed, p.Index)
		}
	}
	return done, failed
}

// valid tells whether the pod has an index of the job.
func (w *work) valid(p *Pod) bool { return p.Index >= 0 && p.Index < w.limit }

// failsIndex: a failed pod ends its index when a rule says so, or when it is one
// failure too many.
func (w *work) failsIndex(p *Pod) bool {
	if !w.hasFailed(p) {
		return false
	}
	_, action, _ := failureRule(w.job.Spec.PodFailurePolicy, p)
	switch action {
	case v1alpha1.PodFailurePolicyActionFailIndex:
		return true
	case v1alpha1.PodFailurePolicyActionIgnore:
		return false
	case v1alpha1.PodFailurePolicyActionFailJob, v1alpha1.PodFailurePolicyActionCount:
	}
	return p.IndexFailures >= *w.job.Spec.BackoffLimitPerIndex
}

// holdForBackoff finds, for each index that waits for a replacement, the failed
// pod whose annotations say how often it has failed. Its finalizer stays on
// until the replacement carries that on. Where no replacement will come, as the
// namespace is going, none is held.
func (w *work) holdForBackoff() {
	if w.o.Closing || w.superseded && w.resting() || w.hasCondition(v1alpha1.ConditionFailureTarget) || w.hasCondition(v1alpha1.ConditionSuccessCriteriaMet) {
		return
	}
	w.held = map[int]*Pod{}
	replaced := map[int]bool{}
	for _, p := range w.pods {
		if !w.valid(p) || w.completed.has(p.Index) || w.failedSet.has(p.Index) {
			continue
		}
		if p.active() {
			replaced[p.Index] = true
		} else if p.Tracked && w.hasFailed(p) && laterAttempt(p, w.held[p.Index]) {
			w.held[p.Index] = p
		}
	}
	for i := range replaced {
		delete(w.held, i)
	}
}

// closingEvery is how often to ask whether the namespace is being deleted.
const closingEvery = time.Minute

// watchNamespace wakes for a held pod that is being deleted already. The
// namespace controller deletes pods before anything else (KEP-5080), and waits
// for them: such a pod it does not change, so that no event tells of it.
func (w *work) watchNamespace() {
	for _, p := range w.held {
		if p.Deleting {
			w.wake(w.o.Now.Add(closingEvery))
			return
		}
	}
}

// resting: no pod of the run is left that has not ended. A superseded run that
// rests replaces none of them.
func (w *work) resting() bool {
	for _, p := range w.pods {
		if !p.ended() {
			return false
		}
	}
	return true
}

// laterAttempt tells whether p came after q among the pods of one index.
func laterAttempt(p, q *Pod) bool {
	return q == nil || cmp.Or(
		cmp.Compare(p.IndexFailures+p.IndexIgnored, q.IndexFailures+q.IndexIgnored),
		p.Finished.Compare(q.Finished),
		cmp.Compare(p.Name, q.Name)) > 0
}

// holds tells whether the pod's end is not to be accounted for yet, and its
// finalizer has to stay: also if it was accounted for when its replacement came,
// and that has been given up since.
func (w *work) holds(p *Pod) bool { return w.perIndex && w.held[p.Index] == p }

// pending are the n lowest indexes without a pod that could end them.
func (w *work) pending(n int) []int {
	busy := make([]int, 0, len(w.activePods))
	for _, p := range w.pods {
		if w.valid(p) && (p.active() || p.terminating() && w.keepsTerminating()) {
			busy = append(busy, p.Index)
		}
	}
	return w.completed.union(w.failedSet).union(indexesOf(busy)).lowestMissing(n, w.limit)
}

// addIndexes orders a pod for each of the n lowest pending indexes whose own
// back-off is over; one that waits keeps its place.
func (w *work) addIndexes(n int) {
	var wait time.Time
	for _, i := range w.pending(n) {
		order := PodOrder{Run: w.run, Revision: w.revision, Indexed: true, Index: i, CountsFailures: w.perIndex}
		if last := w.held[i]; last != nil {
			if until := w.indexRetry(last); w.o.Now.Before(until) {
				wait = earliest(wait, until)
				continue
			}
			order.Failures, order.Ignored = w.attempts(last)
		}
		order.Name = w.indexName(i)
		w.plan.Create = append(w.plan.Create, order)
	}
	w.wake(wait)
	if !wait.IsZero() && len(w.plan.Create) == 0 && len(w.activePods) == 0 {
		w.backOff("Waiting until " + wait.UTC().Format(time.RFC3339) + " to retry a failed index")
	}
}

// attempts is what the replacement of a failed pod carries on.
func (w *work) attempts(last *Pod) (failures, ignored int32) {
	if w.counts(last) {
		return last.IndexFailures + 1, last.IndexIgnored
	}
	return last.IndexFailures, last.IndexIgnored + 1
}

// indexRetry is when an index may be tried again after its last pod failed.
func (w *work) indexRetry(last *Pod) time.Time {
	initial, longest := w.job.Spec.GetBackoff()
	return last.Finished.Add(delay(last.IndexFailures+last.IndexIgnored+1, initial, longest))
}

// indexName is the name of the next pod of an index: the first attempt whose
// pod does not exist.
func (w *work) indexName(index int) string {
	names := newIndexNamer(w.job.Name, w.job.UID, w.run, index)
	for attempt := int64(0); ; attempt++ {
		name := names.name(attempt)
		if _, taken := w.names[name]; !taken {
			return name
		}
	}
}

// surplus are the active pods that an Indexed job cannot use: without an index
// of the job, or beside a better one of the same index.
func (w *work) surplus() []*Pod {
	best := map[int]*Pod{}
	var surplus []*Pod
	old := map[*Pod]bool{}
	for _, p := range w.outdated() {
		old[p] = true
	}
	for _, p := range w.activePods {
		switch {
		case old[p]: // goes anyway
		case !w.valid(p):
			surplus = append(surplus, p)
		case best[p.Index] == nil:
			best[p.Index] = p
		case leastDone(p, best[p.Index]) > 0:
			surplus = append(surplus, best[p.Index])
			best[p.Index] = p
		default:
			surplus = append(surplus, p)
		}
	}
	return surplus
}
