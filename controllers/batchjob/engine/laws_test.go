package engine_test

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

func isActive(p *engine.Pod) bool {
	return !p.Deleting && p.Phase != corev1.PodSucceeded && p.Phase != corev1.PodFailed
}

// run is the number of the current run, as observed.
func (l look) run() int64 { return max(1, l.o.Job.GetRun()) }

// ours are pods of the current run.
func (l look) ours(p *engine.Pod) bool {
	return (p.Run == l.run() || p.Run == 0) && !p.Orphan && !p.Foreign
}

// former are pods of a run before it.
func (l look) former(p *engine.Pod) bool {
	return p.Run < l.run() && p.Run != 0 && !p.Orphan && !p.Foreign
}

// switches: this plan ends the run and begins another.
func (l look) switches() bool {
	return l.p.Status != nil && l.p.Status.Run != nil && l.p.Status.Run.Number > l.run()
}

func (l look) was(condition string) bool {
	return meta.IsStatusConditionTrue(l.o.Job.Status.Conditions, condition)
}

// orders: each is for one observed pod, no pod has two, and each is justified by
// what is durable.
func (l look) orders() (bad complaints) {
	var expired []engine.PodRef
	for _, e := range l.p.Expire {
		expired = append(expired, e.PodRef)
	}
	ordered := map[types.UID]string{}
	for _, list := range []struct {
		order string
		refs  []engine.PodRef
		may   func(*engine.Pod) bool
	}{
		{"adopt", l.p.Adopt, func(p *engine.Pod) bool { return p.Orphan && !p.Foreign && !p.Deleting }},
		{"disown", l.p.Disown, func(p *engine.Pod) bool { return p.Foreign && !p.Orphan }},
		{"release", l.p.Release, l.mayRelease},
		{"drop", l.p.Drop, func(p *engine.Pod) bool { return p.Tracked && isActive(p) }},
		{"delete", l.p.Delete, l.mayDelete},
		{"expire", expired, func(p *engine.Pod) bool { return !p.Started && isActive(p) }},
		{"track", l.p.Track, func(p *engine.Pod) bool {
			return !p.Tracked && isActive(p) || !p.Labelled && (p.Tracked || isActive(p))
		}},
	} {
		for _, ref := range list.refs {
			bad.when(ordered[ref.UID] != "", "pod %s: %s and %s", ref.Name, ordered[ref.UID], list.order)
			ordered[ref.UID] = list.order
			i := slices.IndexFunc(l.o.Pods, func(p engine.Pod) bool { return p.PodRef == ref })
			bad.when(i < 0 && ref != stray, "%s: pod %s was not observed", list.order, ref.Name)
			bad.when(i >= 0 && !list.may(&l.o.Pods[max(i, 0)]), "%s: pod %s", list.order, ref.Name)
		}
	}
	return bad
}

// times: a wake lies ahead, and a job goes when its time has come.
func (l look) times() (bad complaints) {
	bad.when(!l.p.Wake.IsZero() && !l.p.Wake.After(l.o.Now), "wakes at %v, which has passed", l.p.Wake)
	bad.when(l.p.DeleteJob && (!l.o.Job.IsFinished() || l.o.Job.Spec.TTLSecondsAfterFinished == nil), "deletes the job")
	return bad
}

// mayRelease: a finalizer goes once the pod's end is durable, or has nobody left
// to count it.
func (l look) mayRelease(p *engine.Pod) bool {
	j := l.o.Job
	switch {
	case !p.Tracked:
		return false
	case !j.DeletionTimestamp.IsZero(), j.IsFinished():
		return true
	case p.Orphan:
		return p.Deleting || p.Foreign
	case l.former(p):
		return true
	}
	u := uncountedOf(&j.Status)
	return slices.Contains(slices.Concat(u.Succeeded, u.Failed, u.Ignored), p.UID) || l.ours(p) && l.needsNoCount(p)
}

// needsNoCount: in an Indexed job, the end of a pod without index, or one whose
// index has ended.
func (l look) needsNoCount(p *engine.Pod) bool {
	if !l.o.Job.Spec.IsIndexed() {
		return false
	}
	if p.Index < 0 || p.Index >= int(*l.o.Job.Spec.Completions) {
		return true
	}
	return p.Phase == corev1.PodSucceeded && l.o.Job.Status.CompletedIndexes+zero(l.o.Job.Status.FailedIndexes) != ""
}

// mayDelete: a pod whose end counts only when the run has failed, any other that
// has no business, and, once its time has come, an ended one of a finished run.
func (l look) mayDelete(p *engine.Pod) bool {
	if !isActive(p) {
		return (l.o.Job.IsFinished() || l.former(p)) && !p.Tracked && !p.Deleting
	}
	return !p.Tracked || l.was(v1alpha1.ConditionFailureTarget)
}

// creates: pods are made only when nothing forbids it, and not too many.
func (l look) creates() (bad complaints) {
	bad.when(l.p.Try != nil && !slices.Contains([]engine.State{engine.StateSuspended, engine.StateWaiting, engine.StateDraining}, l.p.Outcome.State) || l.p.Try != nil && len(l.p.Create) > 0,
		"tries a pod in state %s", l.p.Outcome.State)
	if len(l.p.Create) == 0 {
		return bad
	}
	var active int32
	for i := range l.o.Pods {
		if p := &l.o.Pods[i]; l.ours(p) && isActive(p) {
			active++
		}
	}
	n := int32(len(l.p.Create))
	s := &l.o.Job.Spec
	old := func(ref engine.PodRef) bool { // kept for its log, and no longer
		i := slices.IndexFunc(l.o.Pods, func(p engine.Pod) bool { return p.PodRef == ref })
		return l.former(&l.o.Pods[i]) && isEnded(&l.o.Pods[i])
	}
	removed := slices.DeleteFunc(slices.Clone(l.p.Delete), old)
	bad.when(len(l.p.Drop)+len(removed)+len(l.p.Expire)+len(l.p.Adopt) > 0, "removes and creates")
	bad.when(active+n > s.GetParallelism(), "%d active, %d more: above parallelism", active, n)
	want, fixed := s.GetCompletions()
	bad.when(fixed && active+n+l.p.Status.Succeeded > want, "%d active, %d more, %d succeeded: above completions", active, n, l.p.Status.Succeeded)
	bad.when(order(l.p.Create).Revision != revisionOf(l.o.Job), "creates a pod of a revision that exists nowhere")
	bad.when(l.switches(), "creates a pod of a run that is not durable")
	for i := range l.o.Pods {
		bad.when(l.former(&l.o.Pods[i]) && !isEnded(&l.o.Pods[i]), "creates beside pod %s of run %d", l.o.Pods[i].Name, l.o.Pods[i].Run)
	}
	bad.when(s.IsSuspended() || l.o.Job.IsFinished() || l.o.Now.Before(l.o.RetryAt), "creates")
	bad.when(l.p.Outcome.State != engine.StateRunning, "creates in state %s", l.p.Outcome.State)
	bad.when(l.p.Status.Active != active+n, "status.active %d with %d active, %d more", l.p.Status.Active, active, n)
	kind, _ := reached(*l.p)
	bad.when(kind != goesOn, "creates after a %s", kind)
	return append(bad, l.newPods()...)
}

// newPods have names and indexes of their own.
func (l look) newPods() (bad complaints) {
	taken, busy := map[string]bool{}, map[int]bool{}
	for i := range l.o.Pods {
		p := &l.o.Pods[i]
		taken[p.Name] = true
		busy[p.Index] = busy[p.Index] || l.ours(p) && isActive(p)
	}
	for _, order := range l.p.Create {
		bad.when(taken[order.Name], "the name %s is taken", order.Name)
		taken[order.Name] = true
		bad.when(order.Indexed != l.o.Job.Spec.IsIndexed() || order.Run != l.run() || order.Revision != l.p.Status.Revision, "the order %+v", order)
		if order.Indexed {
			bad.when(busy[order.Index] || order.Index >= int(*l.o.Job.Spec.Completions), "index %d is busy or none", order.Index)
			busy[order.Index] = true
		}
	}
	return bad
}

func uncountedOf(s *v1alpha1.BatchJobStatus) *v1alpha1.UncountedTerminatedPods {
	if s.UncountedTerminatedPods == nil {
		return &v1alpha1.UncountedTerminatedPods{}
	}
	return s.UncountedTerminatedPods
}

// counts: the successes of a job without indexes, and, where no policy says
// otherwise, its failures, are those of before and the ends that are new.
func (l look) counts() (bad complaints) {
	j := l.o.Job
	if l.p.Status == nil || j.IsFinished() || l.switches() || otherRules(l.p.Status) || j.Spec.IsIndexed() || len(l.p.Adopt) > 0 {
		return nil
	}
	was, is := uncountedOf(&j.Status), uncountedOf(l.p.Status)
	known := slices.Concat(was.Succeeded, was.Failed, was.Ignored)
	succeeded, failed := int(j.Status.Succeeded)+len(was.Succeeded), int(j.Status.Failed)+len(was.Failed)
	for i := range l.o.Pods {
		p := &l.o.Pods[i]
		switch {
		case !p.Tracked || !l.ours(p) || slices.Contains(known, p.UID):
		case p.Phase == corev1.PodSucceeded:
			succeeded++
		case l.isFailure(p):
			failed++
		}
	}
	got := int(l.p.Status.Succeeded) + len(is.Succeeded)
	bad.when(got != succeeded, "%d succeeded, wanted %d", got, succeeded)
	got = int(l.p.Status.Failed) + len(is.Failed)
	bad.when(got != failed && j.Spec.PodFailurePolicy == nil, "%d failed, wanted %d", got, failed)
	return bad
}

func (l look) isFailure(p *engine.Pod) bool {
	if p.Phase == corev1.PodFailed || !p.Deleting {
		return p.Phase == corev1.PodFailed
	}
	return p.Forced || l.o.Job.Spec.GetPodReplacementPolicy() == v1alpha1.TerminatingOrFailed || l.was(v1alpha1.ConditionFailureTarget)
}

// status keeps the rules that batch/v1's API server has for an update.
func (l look) status() (bad complaints) {
	if l.p.Status == nil {
		bad.when(len(l.p.Track) == 0 && l.p.Outcome.State != engine.StateGone && l.p.Outcome.State != engine.StateForeign, "no status in state %s", l.p.Outcome.State)
		return bad
	}
	was, s := &l.o.Job.Status, l.p.Status
	if l.switches() {
		return l.change()
	}
	bad.when(s.Failed < was.Failed, "failed falls from %d to %d", was.Failed, s.Failed)
	bad.when(s.Succeeded < was.Succeeded, "succeeded falls from %d to %d", was.Succeeded, s.Succeeded)
	bad.when(s.Active < 0 || zero(s.Terminating) < 0, "a negative count")
	bad.when(zero(s.Ready) < 0 || zero(s.Ready) > s.Active, "%d ready of %d active", zero(s.Ready), s.Active)
	bad.when(was.CompletionTime != nil && !was.CompletionTime.Equal(s.CompletionTime), "completionTime changes")
	if s.FailedIndexes != nil {
		bad.when(overlap(s.CompletedIndexes, *s.FailedIndexes), "indexes %s completed, %s failed", s.CompletedIndexes, *s.FailedIndexes)
	}
	return append(bad, l.verdicts()...)
}

// change is the switch of runs: nothing of the old one is left to do, and nothing
// of it stays but its record.
func (l look) change() (bad complaints) {
	s := l.p.Status
	for i := range l.o.Pods {
		p := &l.o.Pods[i]
		bad.when(!p.Orphan && (p.Tracked || !isEnded(p)), "switches while pod %s is there", p.Name)
	}
	u := uncountedOf(s)
	bad.when(len(u.Succeeded)+len(u.Failed)+len(u.Ignored) > 0, "switches with uncounted pods: %v", u)
	bad.when(s.Run.Number != l.run()+1, "from run %d to %d", l.run(), s.Run.Number)
	bad.when(s.Active+s.Succeeded+s.Failed+zero(s.Ready)+zero(s.Terminating) != 0 || s.CompletedIndexes != "" || s.Backoff != nil, "the counters %+v", s)
	bad.when(s.StartTime != nil || s.CompletionTime != nil || s.Next != nil, "times or next: %+v", s)
	for _, c := range []string{v1alpha1.ConditionComplete, v1alpha1.ConditionFailed, v1alpha1.ConditionFailureTarget, v1alpha1.ConditionSuccessCriteriaMet} {
		bad.when(isTrue(s, c), "%s in a new run", c)
	}
	bad.when(len(s.History) == 0 || s.History[0].Run != l.run() || len(s.History) > 10, "the history %+v", s.History)
	bad.when(s.Revision != revisionOf(l.o.Job), "revision %s", s.Revision)
	return bad
}

// otherRules: the run may count by rules that the spec does not have any more.
func otherRules(s *v1alpha1.BatchJobStatus) bool { return s.Next != nil && s.Next.Revision != "" }

func order(orders []engine.PodOrder) engine.PodOrder { return orders[0] }

// verdicts are never taken back, never both, and the terminal one comes when
// nothing is left.
func (l look) verdicts() (bad complaints) {
	s := l.p.Status
	for _, v := range []struct{ interim, terminal, otherInterim string }{
		{v1alpha1.ConditionSuccessCriteriaMet, v1alpha1.ConditionComplete, v1alpha1.ConditionFailureTarget},
		{v1alpha1.ConditionFailureTarget, v1alpha1.ConditionFailed, v1alpha1.ConditionSuccessCriteriaMet},
	} {
		bad.when(l.was(v.interim) && !isTrue(s, v.interim), "%s is taken back", v.interim)
		bad.when(l.was(v.terminal) && !isTrue(s, v.terminal), "%s is taken back", v.terminal)
		bad.when(isTrue(s, v.interim) && isTrue(s, v.otherInterim), "both verdicts")
		bad.when(isTrue(s, v.terminal) && !isTrue(s, v.interim), "%s without %s", v.terminal, v.interim)
		if isTrue(s, v.terminal) {
			u := uncountedOf(s)
			bad.when(len(u.Succeeded)+len(u.Failed)+len(u.Ignored) > 0, "%s with uncounted pods: %v", v.terminal, u)
			bad.when(s.Active != 0 || zero(s.Terminating) != 0, "%s with %d active, %d terminating", v.terminal, s.Active, zero(s.Terminating))
			bad.when(s.StartTime == nil && !l.needsNoStart(), "%s without startTime", v.terminal)
		}
	}
	bad.when(isTrue(s, v1alpha1.ConditionComplete) != (s.CompletionTime != nil), "completionTime %v", s.CompletionTime)
	bad.when(s.CompletionTime != nil && s.StartTime != nil && s.CompletionTime.Before(s.StartTime), "completed before it began")
	return bad
}

func zero[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func overlap(a, b string) bool {
	return slices.ContainsFunc(inNumbers(a), func(i int) bool { return slices.Contains(inNumbers(b), i) })
}

// needsNoStart: batch/v1 completes a suspended job of 0 completions unstarted.
func (l look) needsNoStart() bool {
	want, fixed := l.o.Job.Spec.GetCompletions()
	return l.o.Job.Spec.IsSuspended() && fixed && want == 0
}
