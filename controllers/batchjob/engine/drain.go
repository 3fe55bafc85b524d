package engine

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// supersede ends a run without a verdict: it makes no pod any more, and when the
// last one has ended, what follows it begins. Drain lets the pods that run
// finish; Replace removes them all, and so does a suspend.
//
// A pod that is removed counts as nothing: its finalizer goes first, as at a
// suspend in batch/v1, so whatever it still does in its time to end, also well,
// is in no counter and no verdict. One that was seen to end is counted all the
// same, as it is only removed in the version that was observed.
func (w *work) supersede() {
	switch {
	case w.job.Spec.IsSuspended(), w.o.Job.Spec.GetUpdatePolicy() == v1alpha1.UpdateReplace:
		w.remove(len(w.activePods))
	default:
		w.removeUnstarted()
	}
	if end, ok := w.deadline(); ok && !w.atRest() {
		w.wake(end)
	}
	w.follow()
}

// removeUnstarted removes what a drain would wait for in vain, as a pod whose
// image cannot be pulled; nothing is lost with it.
func (w *work) removeUnstarted() {
	var unstarted []*Pod
	for _, p := range w.activePods {
		switch at := p.Created.Add(startsUnseen); {
		case p.Started:
		case p.Assigned && p.Why.Reason == "" && w.o.Now.Before(at):
			w.wake(at)
		default:
			unstarted = append(unstarted, p)
		}
	}
	w.take(unstarted)
}

// startsUnseen is how long a pod with a node may be one that runs: its kubelet
// tells of a start a moment after it, and of a start that fails. Before, neither
// means that it still begins, and a drain lets it; a pod without a node cannot
// get one unseen.
const startsUnseen = time.Minute

// follow brings on what follows a run that has ended, or that ends when its last
// pod does: a note that nothing does, or the switch. A pod of the new template
// is tried before, so that one that can never run leaves the last run as it is:
// the change is told of, and a revert heals it.
func (w *work) follow() {
	reason, skippedBy := w.successor()
	ended := w.job.IsFinished() || w.atRest()
	switch h := w.refusal(); {
	case reason == "" && skippedBy == "":
	case reason == "" && ended:
		w.next.SkippedBy = skippedBy
		w.plan.Outcome = w.notRun()
	case reason == "":
		w.plan.Outcome = w.draining("nothing runs after it, as rerunPolicy is " + string(skippedBy))
	case h != nil:
		w.plan.Outcome = h.outcome()
	case w.untried():
		w.plan.Try = w.trial()
		w.plan.Outcome = w.draining(w.announce())
	case !w.atRest():
		w.plan.Outcome = w.draining(w.announce())
	default:
		w.starts = reason
	}
}

// refusal is why the spec's revision can never run; nil if that is not known.
func (w *work) refusal() *hold {
	for _, reason := range []func(*work) *hold{invalid, hopeless, rejected} {
		if h := reason(w); h != nil {
			return h
		}
	}
	return nil
}

// untried: nobody has asked the API server yet what it thinks of the new
// template, or somebody wants it asked again.
func (w *work) untried() bool {
	return w.next.Revision != "" && (w.edited || requested(w.o.Job) && w.wasRejected())
}

// trial is the first pod of the spec's revision.
func (w *work) trial() *PodOrder {
	return &PodOrder{Name: w.nextName(), Run: w.run, Revision: w.current.Whole,
		Indexed: w.o.Job.Spec.IsIndexed(), CountsFailures: w.o.Job.Spec.IsIndexed() && w.o.Job.Spec.BackoffLimitPerIndex != nil}
}

// atRest: no pod of any run is active, terminating or held by our finalizer, and
// every end is in a counter. Pods of others do not matter.
func (w *work) atRest() bool {
	for i := range w.o.Pods {
		if p := &w.o.Pods[i]; !p.Orphan && (p.Tracked || !p.ended()) {
			return false
		}
	}
	u := &w.uncounted
	return len(u.Succeeded)+len(u.Failed)+len(u.Ignored) == 0
}

// draining says what is waited for: the first pod, and the node that may never
// tell of its end.
func (w *work) draining(then string) Outcome {
	out := Outcome{State: StateDraining, Reason: v1alpha1.ReasonDraining}
	out.Message = fmt.Sprintf("Run %d %s; ", w.run, w.because())
	n, first := w.awaited()
	switch {
	case n == 0:
		out.Message += then
	case n == 1:
		out.Message += fmt.Sprintf("waiting for pod %s to end, then %s", w.place(first), then)
	default:
		out.Message += fmt.Sprintf("waiting for %d pods to end, the first is %s, then %s", n, w.place(first), then)
	}
	switch {
	case n > 0 && stuck(first):
		out.Short = short(first)
	case n > 0:
		out.Short = first.Name
	}
	return out
}

// because is why the run ends.
func (w *work) because() string {
	switch {
	case w.job.IsFinished():
		return "has ended"
	case w.next.Revision != "":
		return "makes no more pods, as the spec has changed (from revision " + w.revision + " to " + w.next.Revision + ")"
	}
	return "makes no more pods, as another run is asked for (token " + quoted(w.asked) + ", updatePolicy Replace)"
}

func (w *work) announce() string { return fmt.Sprintf("run %d starts", w.run+1) }

func quoted(tokens []string) string {
	q := make([]string, len(tokens))
	for i := range tokens {
		q[i] = fmt.Sprintf("%q", tokens[i])
	}
	return strings.Join(q, ", ")
}

// awaited counts the pods that have not ended, and picks the one to name: that
// which is overdue longest, else the first by name.
func (w *work) awaited() (n int, first *Pod) {
	for i := range w.o.Pods {
		p := &w.o.Pods[i]
		if p.Orphan || p.ended() {
			continue
		}
		n++
		if first == nil || w.moreOverdue(p, first) {
			first = p
		}
	}
	return n, first
}

func (w *work) moreOverdue(p, q *Pod) bool {
	a, b := w.overdue(p), w.overdue(q)
	if a != b {
		return a
	}
	return p.Name < q.Name
}

// overdue is a pod that should be gone by now: a kubelet that lives takes no
// longer than this to say so.
const overdueAfter = 30 * time.Second

func (w *work) overdue(p *Pod) bool {
	return p.Deleting && !p.GoneBy.IsZero() && !w.o.Now.Before(p.GoneBy.Add(overdueAfter))
}

// stuck is a pod that does not start, or begins and does not get on, as one whose
// init container has run and whose main image cannot be pulled. It may recover, so
// it is waited for, and without a word on why that would be in the dark.
func stuck(p *Pod) bool { return p.active() && !p.Ready && cause(p) != "" }

// place names a pod and its node, and looks again when it is overdue.
func (w *work) place(p *Pod) string {
	s := p.Name
	if p.Node != "" {
		s += " on node " + p.Node
	}
	switch {
	case w.overdue(p):
		s += " (it was to be gone by " + p.GoneBy.UTC().Format(time.RFC3339) +
			": if that node is gone for good, delete the pod with --force)"
	case p.Deleting && !p.GoneBy.IsZero():
		w.wake(p.GoneBy.Add(overdueAfter))
	case stuck(p):
		s += " (" + cause(p) + "; if it never gets on, delete the pod or set spec.updatePolicy to Replace)"
	}
	return s
}

// notRun says why the spec's revision is not run.
func (w *work) notRun() Outcome {
	out := Outcome{State: StateNotRun, Reason: v1alpha1.ReasonNotRun, Short: "rerunPolicy " + string(w.next.SkippedBy)}
	why := "rerunPolicy is Never"
	if w.next.SkippedBy == v1alpha1.RerunOncePerRevision {
		why = "it has succeeded before and rerunPolicy is OncePerRevision"
	}
	out.Message = fmt.Sprintf("Revision %s is not run: %s; the last run is run %d of revision %s; a new spec.runAt runs it",
		w.next.Revision, why, w.run, w.revision)
	return out
}

// asItBegan is the job with the rules by which the run's pods count, as far as
// they are known: the spec may have others by now, and the ends of pods mean
// what they meant when the pods were made. The mode and the size of an Indexed
// job stand in its revision. Where other rules have changed, the old ones exist
// nowhere: ends are counted, deadline and backoffLimit hold, and no other verdict
// is reached any more.
func (w *work) asItBegan() *v1alpha1.BatchJob {
	job := *w.o.Job
	spec := &job.Spec
	size, indexed := sizeOf(w.revision)
	if w.rules != w.current.Rules {
		replacement := spec.GetPodReplacementPolicy()
		spec.PodReplacementPolicy = &replacement
		spec.CompletionMode, spec.Completions = new(v1alpha1.NonIndexedCompletion), new(int32(math.MaxInt32))
		spec.PodFailurePolicy, spec.SuccessPolicy = nil, nil
		spec.BackoffLimitPerIndex, spec.MaxFailedIndexes = nil, nil
		if indexed && w.was.FailedIndexes != nil {
			spec.BackoffLimitPerIndex = new(int32(math.MaxInt32))
		}
	}
	if indexed {
		spec.CompletionMode, spec.Completions = new(v1alpha1.IndexedCompletion), &size
	}
	return &job
}
