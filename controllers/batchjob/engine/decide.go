package engine

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Decide says what is to be done about one BatchJob. It is total: every
// observation has a plan, and the plan of a settled job is to do nothing.
//
// The first of these that speaks decides; each has its reason beside it.
func Decide(o Observed) Plan {
	for _, look := range []func(*Observed) (Plan, bool){
		gone,     // nothing may keep a pod of a job that goes: no counting, no finalizer
		foreign,  // spec.managedBy names another controller: not ours to write
		finished, // a verdict never flips, and a finished run never counts again
	} {
		if plan, ok := look(&o); ok {
			return plan
		}
	}
	return progress(&o)
}

// gone lets go of every pod of a job that does not exist or is being deleted.
// A finalizer must never outlive its reason: the garbage collector, a
// foreground deletion or the namespace waits for these pods.
func gone(o *Observed) (Plan, bool) {
	if o.Job != nil && o.Job.DeletionTimestamp.IsZero() {
		return Plan{}, false
	}
	plan := Plan{Outcome: Outcome{State: StateGone}, Release: append([]PodRef(nil), o.Strays...)}
	for i := range o.Pods {
		if o.Pods[i].Tracked {
			plan.Release = append(plan.Release, o.Pods[i].PodRef)
		}
	}
	return plan, true
}

// foreign leaves alone what another controller manages (KEP-4368).
func foreign(o *Observed) (Plan, bool) {
	return Plan{Outcome: Outcome{State: StateForeign}, Release: o.Strays}, !o.Job.Spec.IsManagedByStint()
}

// progress drives a run that has not ended.
func progress(o *Observed) Plan {
	w := begin(o)
	w.plan.Release = append(w.plan.Release, o.Strays...)
	if w.claim() {
		w.plan.Outcome = Outcome{State: StateRunning}
		if len(w.plan.Adopt) > 0 {
			w.plan.Status = w.was.DeepCopy()
		}
		return w.plan
	}
	w.count()
	w.judge()
	held := w.holdReason()
	switch {
	case w.verdict != nil && w.quiet():
		w.finish()
	case w.verdict != nil:
		w.windDown()
	case w.superseded:
		w.supersede()
	case held != nil:
		w.hold(*held)
	default:
		w.scale()
	}
	w.plan.Status = w.status()
	if w.starts != "" {
		w.change(w.plan.Status)
	}
	return w.plan
}

// work is one decision in the making.
type work struct {
	o *Observed
	// job is the one that was observed; of a superseded run, with the rules that
	// it began with.
	job *v1alpha1.BatchJob
	// was is the status as observed: what is durable.
	was *v1alpha1.BatchJobStatus
	// run, revision, fixed and rules identify the current run.
	run                    int64
	revision, fixed, rules string
	// current are the revisions that the spec has now; edited tells that no
	// status speaks of that spec yet.
	current Revisions
	edited  bool
	// next is what follows the run, asked the tokens that wait for a run, handled
	// those that are done with by this plan. superseded: the run makes no pod any
	// more. starts is set when the next run starts with this plan, and why.
	next           v1alpha1.NextRun
	asked, handled []string
	superseded     bool
	starts         v1alpha1.RunReason
	// pods are those of the current run; names are taken by pods that exist;
	// leftover is one of an earlier run that has not ended.
	pods     []*Pod
	names    map[string]struct{}
	ordinal  int64
	leftover *Pod

	indexed
	tally
	backoff backoff
	// verdict is reached if not nil; durable tells that it has been written.
	verdict *verdict
	durable bool

	plan Plan
}

// begin finds out which run is in progress, and what has come since it began.
func begin(o *Observed) *work {
	w := &work{o: o, job: o.Job, was: &o.Job.Status, current: o.Revisions}
	if w.current == (Revisions{}) {
		w.current = RevisionsOf(&o.Job.Spec)
	}
	if w.was.Run == nil {
		w.firstRun()
	} else {
		w.compare()
	}
	w.ask()
	w.superseded = w.supersededNow()
	if w.next.Revision != "" {
		w.job = w.asItBegan()
	}
	return w
}

// absorbs tells whether the run takes over the revision that the spec has now:
// when only the size of an elastic Indexed job changed (KEP-3715), and while it
// is suspended with no pod active, whatever batch/v1 lets a suspended job change
// (KEP-5440).
func (w *work) absorbs() bool {
	if sameButSize(w.was.Revision, w.current.Whole) && (elastic(&w.job.Spec) || w.unseenEdits()) {
		return true
	}
	return w.was.Active == 0 && meta.IsStatusConditionTrue(w.was.Conditions, v1alpha1.ConditionSuspended) &&
		w.current.Fixed == w.was.FixedRevision
}

// unseenEdits: the spec changed more than once since the last look, so an
// elastic change may have been followed by one of parallelism alone, as an
// autoscaler makes it.
func (w *work) unseenEdits() bool { return w.job.Generation > w.was.ObservedGeneration+1 }

// outdated are the active pods of a revision that the run has left behind; no
// container of theirs has started.
func (w *work) outdated() []*Pod {
	var pods []*Pod
	for _, p := range w.activePods {
		if !p.Started && p.Revision != w.revision && sameAlgorithm(p.Revision, w.revision) &&
			!(w.on && sameButSize(p.Revision, w.revision)) {
			pods = append(pods, p)
		}
	}
	return pods
}
