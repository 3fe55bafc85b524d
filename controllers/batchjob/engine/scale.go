package engine

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// maxChanges bounds how many pods one plan makes or drops, as in batch/v1; the
// write of the status brings the next plan.
const maxChanges = 500

// scale brings the number of active pods to what is wanted: a plan either
// makes pods or removes some.
func (w *work) scale() {
	w.plan.Outcome = w.running()
	if end, ok := w.deadline(); ok {
		w.wake(end)
	}
	active, want := len(w.activePods), w.wanted()
	w.remove(max(0, active-want))
	if w.removed == 0 {
		w.expireUnstarted()
	}
	if n := w.missing(want - active); n > 0 && w.removed == 0 {
		w.add(n)
	}
	w.track()
}

// wanted is how many pods should be active. A fixed count never has more than
// are left to succeed. A work queue neither gets nor loses a pod after the
// first success: its pods know themselves when the queue is empty.
func (w *work) wanted() int {
	parallelism := w.job.Spec.GetParallelism()
	completions, fixed := w.job.Spec.GetCompletions()
	if fixed {
		return int(max(0, min(parallelism, completions-w.succeeded)))
	}
	if w.succeeded > 0 {
		return len(w.activePods)
	}
	return int(parallelism)
}

// missing is how many pods to make: where only ended pods are replaced, those
// that are being deleted hold their place.
func (w *work) missing(n int) int {
	if w.keepsTerminating() {
		n -= int(w.terminating)
	}
	return min(n, maxChanges)
}

// add orders n pods, unless a failure asks to wait.
func (w *work) add(n int) {
	if until := w.backoff.until(&w.job.Spec); w.o.Now.Before(until) {
		w.wake(until)
		w.backOff(fmt.Sprintf("Waiting until %s to replace a failed pod (failure %d in a row)",
			until.UTC().Format(time.RFC3339), w.backoff.failures))
		return
	}
	if w.on {
		w.addIndexes(n)
		return
	}
	for range n {
		w.plan.Create = append(w.plan.Create, PodOrder{Name: w.nextName(), Run: w.run, Revision: w.revision})
	}
}

// nextName takes the next name of the run that is not in use. Ordinals below the
// number of ends are used up; of those above, the ones whose pods exist are.
func (w *work) nextName() string {
	names := newNamer(w.job.Name, w.job.UID, w.run)
	w.ordinal = max(w.ordinal, int64(w.succeeded)+int64(w.failed))
	for ; ; w.ordinal++ {
		name := names.name(w.ordinal)
		if _, taken := w.names[name]; !taken {
			w.names[name] = struct{}{}
			return name
		}
	}
}

// running tells of the first pod, by name, that does not start, or that starts
// again and again.
func (w *work) running() Outcome {
	out := Outcome{State: StateRunning, Idle: w.succeeded+w.failed == 0}
	var first *Pod
	for _, p := range w.activePods {
		out.Idle = out.Idle && !p.Started
		if stuck(p) && (first == nil || p.Name < first.Name) {
			first = p
		}
	}
	if first != nil {
		out.Short, out.Message = short(first), describe(first)
	}
	if len(w.asked) > 0 {
		out.Message = strings.TrimPrefix(out.Message+"; run "+strconv.FormatInt(w.run+1, 10)+" follows, asked for with token "+quoted(w.asked), "; ")
	}
	return out
}

// backOff says until when nothing is made, and which pod is the cause.
func (w *work) backOff(message string) {
	w.plan.Outcome = Outcome{State: StateBackingOff, Message: message}
	if p := lastFailed(w.pods, w.hasFailed); p != nil {
		w.plan.Outcome.Message += ": " + describe(p)
		w.plan.Outcome.Short = short(p)
	}
}

// remove takes at least n active pods away: first those that are of no use, then
// those that have done least.
func (w *work) remove(n int) {
	pods := w.outdated()
	if w.on {
		pods = append(pods, w.surplus()...)
	}
	useless := make(map[*Pod]bool, len(pods))
	for _, p := range pods {
		useless[p] = true
	}
	rest := slices.DeleteFunc(slices.Clone(w.activePods), func(p *Pod) bool { return useless[p] })
	slices.SortFunc(rest, leastDone)
	w.take(append(pods, rest[:max(0, min(n-len(useless), len(rest)))]...))
}

// take removes active pods so that their end counts as nothing.
func (w *work) take(pods []*Pod) {
	for _, p := range pods[:min(len(pods), maxChanges)] {
		if p.Tracked {
			w.plan.Drop = append(w.plan.Drop, p.PodRef)
		} else {
			w.plan.Delete = append(w.plan.Delete, p.PodRef)
		}
		w.away(p)
	}
}

// away takes a pod out of the counts of this plan's status.
func (w *work) away(p *Pod) {
	w.removed++
	if p.Ready {
		w.ready--
	}
}

// expireUnstarted ends the pods that did not get a container started within
// podStartTimeoutSeconds.
func (w *work) expireUnstarted() {
	limit := w.job.Spec.GetPodStartTimeout()
	if limit == 0 {
		return
	}
	for _, p := range w.activePods {
		end := p.Created.Add(limit)
		switch {
		case p.Started:
		case w.o.Now.Before(end):
			w.wake(end)
		default:
			message := fmt.Sprintf("no container started within %s (podStartTimeoutSeconds)", limit)
			w.plan.Expire = append(w.plan.Expire, Expiry{PodRef: p.PodRef, Message: withMessage(message, reasonOf(p))})
			w.away(p)
		}
	}
}

// leastDone is the order of removal, batch/v1's ActivePods order, preceded by
// the pods that have been let go already: their removal was cut short.
func leastDone(a, b *Pod) int {
	return cmp.Or(
		cmp.Compare(rank(a.Tracked), rank(b.Tracked)),
		cmp.Compare(rank(a.Assigned), rank(b.Assigned)),
		cmp.Compare(phaseRank(a.Phase), phaseRank(b.Phase)),
		cmp.Compare(rank(a.Ready), rank(b.Ready)),
		-a.ReadySince.Compare(b.ReadySince),
		-cmp.Compare(a.MaxRestarts, b.MaxRestarts),
		-a.Created.Compare(b.Created),
		cmp.Compare(a.Name, b.Name),
	)
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func phaseRank(p corev1.PodPhase) int {
	switch p {
	case corev1.PodRunning:
		return 2
	case corev1.PodUnknown:
		return 1
	case corev1.PodPending, corev1.PodSucceeded, corev1.PodFailed:
		return 0
	}
	return 0
}

// track puts our finalizer back on the active pods that stay and lost it: no plan
// of ours does that, so it was somebody else, and their end would go uncounted.
func (w *work) track() {
	if w.removed > 0 {
		return
	}
	for _, p := range w.activePods {
		if !p.Tracked {
			w.plan.Track = append(w.plan.Track, p.PodRef)
		}
	}
}

func (w *work) wake(at time.Time) { w.plan.Wake = earliest(w.plan.Wake, at) }
