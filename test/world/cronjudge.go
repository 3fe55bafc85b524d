package world

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// judge looks at what is left when everything has settled between two times,
// and at what an operator does that finds it so: nothing.
func (h *cronHistory) judge() {
	c := h.cron()
	for _, r := range h.truth.runs {
		h.judgeRun(c, r)
	}
	if c != nil && c.DeletionTimestamp != nil {
		h.fail("everything has settled, and the deleted schedule does not go: finalizers %v", c.Finalizers)
	}
	if c != nil {
		h.judgeTimes(c)
		h.judgeActive(c)
		h.judgeTokens(c)
	}
	if c != nil && !h.truth.setBack {
		h.judgeHistory(c)
		h.judgeResults(c)
	}
	h.judgeQuiet()
}

// judgeRun: nothing is locked for longer than it must be.
func (h *cronHistory) judgeRun(c *v1alpha1.CronBatchJob, r *runTruth) {
	if r.gone || !heldByCron(r.now) || c != nil && h.truth.setBack {
		return // a time of a future that has not come again is not passed
	}
	if c == nil || c.UID != r.cron || r.now.IsFinished() || r.now.DeletionTimestamp != nil {
		h.fail("everything has settled, and our finalizer still holds %s (finished: %v, deleted: %v)", r.now.Name, r.now.IsFinished(), r.now.DeletionTimestamp != nil)
	}
}

func stalled(c *v1alpha1.CronBatchJob) bool {
	return meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionStalled)
}

// judgeTimes: every time that has come has been decided, and the next is known.
func (h *cronHistory) judgeTimes(c *v1alpha1.CronBatchJob) {
	s, tm := &c.Status, timing(c)
	if s.ObservedGeneration != c.Generation {
		h.fail("everything has settled, and generation %d is not observed: %+v", c.Generation, *s)
	}
	bad := tm == nil || c.Spec.JobTemplate.Spec.Template.Spec.Containers[0].Image == badImage
	if bad && !stalled(c) {
		h.fail("the spec can never work, and the schedule is not Stalled: %+v", s.Conditions)
	}
	if stalled(c) || c.Spec.IsSuspended() {
		if s.NextScheduleTime != nil {
			h.fail("nothing can start, and there is a next time: %v", s.NextScheduleTime)
		}
		if stalled(c) && !bad && !h.covered(c, tm) {
			h.fail("the schedule is Stalled without a reason: %+v", s.Conditions)
		}
		return
	}
	h.judgeDecided(c, tm)
	h.judgeNext(c, tm)
	if len(s.Queue) > 0 && len(s.Active) == 0 && !tm.blackedOut(h.Clock.now) {
		h.fail("everything has settled, nothing is active, and %v waits", s.Queue)
	}
}

// covered: the blackouts hold every time that is to come.
func (h *cronHistory) covered(c *v1alpha1.CronBatchJob, tm *cronTiming) bool {
	opening := tm.blackouts.NextOpen(tm.schedule, tm.valid, c.Status.ScheduleSince.Time)
	return opening.Never && opening.Covered
}

// undecided is from when on times are still to come.
func (h *cronHistory) undecided(c *v1alpha1.CronBatchJob, tm *cronTiming) time.Time {
	from := h.Clock.now.Add(-tm.offset)
	for _, at := range []*metav1.Time{c.Status.ScheduleSince, c.Status.LastScheduleTime} {
		if at != nil && at.After(from) {
			from = at.Time
		}
	}
	return from
}

func (h *cronHistory) judgeDecided(c *v1alpha1.CronBatchJob, tm *cronTiming) {
	s := &c.Status
	if s.ScheduleSince == nil {
		h.fail("everything has settled, and there is no scheduleSince")
	}
	from := s.ScheduleSince.Time
	if s.LastScheduleTime != nil && s.LastScheduleTime.After(from) {
		from = s.LastScheduleTime.Time
	}
	for _, at := range tm.schedule.Between(from, h.Clock.now.Add(-tm.offset), checked).Newest {
		if tm.valid.Holds(at) && !tm.blackedOut(at) {
			h.fail("everything has settled at %v, and %v is undecided: lastScheduleTime is %v\n%s", h.Clock.now, at, s.LastScheduleTime, describeCron(&c.Spec))
		}
	}
}

func (h *cronHistory) judgeNext(c *v1alpha1.CronBatchJob, tm *cronTiming) {
	opening := tm.blackouts.NextOpen(tm.schedule, tm.valid, h.undecided(c, tm))
	next := c.Status.NextScheduleTime
	if opening.Time.IsZero() {
		if opening.Never && next != nil {
			h.fail("no time comes any more, and the next is said to be %v", next)
		}
		return
	}
	if want := opening.Time.Add(tm.offset); next == nil || !next.Time.Equal(want) {
		h.fail("the next time is %v, not %v\n%s", want, next, describeCron(&c.Spec))
	}
}

// judgeActive: the list is what is under way.
func (h *cronHistory) judgeActive(c *v1alpha1.CronBatchJob) {
	var want, have []string
	for _, j := range h.batchJobs() {
		if metav1.IsControlledBy(j, c) && !j.IsFinished() {
			want = append(want, j.Name)
		}
	}
	for _, ref := range c.Status.Active {
		have = append(have, ref.Name)
	}
	slices.Sort(have)
	if !slices.Equal(want, have) || int(c.Status.ActiveCount) != len(have) {
		h.fail("active are %v, not %v (%d)", want, have, c.Status.ActiveCount)
	}
}

// judgeHistory: no more ended runs than the limits allow, none too old.
func (h *cronHistory) judgeHistory(c *v1alpha1.CronBatchJob) {
	kept := map[bool]int32{}
	for _, j := range h.batchJobs() {
		if !metav1.IsControlledBy(j, c) || !j.IsFinished() {
			continue
		}
		at, succeeded := ending(j)
		kept[succeeded]++
		if ttl, set := c.Spec.GetHistoryTTL(); set && h.Clock.now.After(at.Add(ttl+time.Second)) {
			h.fail("%s ended at %v and is kept for longer than %v", j.Name, at, ttl)
		}
	}
	if kept[true] > c.Spec.GetSuccessfulJobsHistoryLimit() || kept[false] > c.Spec.GetFailedJobsHistoryLimit() {
		h.fail("%d complete and %d failed runs are kept\n%s", kept[true], kept[false], describeCron(&c.Spec))
	}
}

// judgeResults: the ends are those that really were.
func (h *cronHistory) judgeResults(c *v1alpha1.CronBatchJob) {
	var success, failure time.Time
	for _, r := range h.truth.crons[c.UID].runs {
		if r.late {
			return // its end may have been nobody's to see
		}
		switch at, succeeded := ending(r.now); {
		case at.IsZero():
		case succeeded && at.After(success):
			success = at
		case !succeeded && at.After(failure):
			failure = at
		}
	}
	if !same(c.Status.LastSuccessfulTime, success) || !same(c.Status.LastFailureTime, failure) {
		h.fail("the last success was at %v and the last failure at %v, not %v and %v", success, failure, c.Status.LastSuccessfulTime, c.Status.LastFailureTime)
	}
	h.judgeFailures(c, success)
}

// judgeFailures: consecutiveFailures are those since the last success.
func (h *cronHistory) judgeFailures(c *v1alpha1.CronBatchJob, success time.Time) {
	failures := int32(0)
	for _, r := range h.truth.crons[c.UID].runs {
		at, succeeded := ending(r.now)
		switch {
		case at.IsZero() || succeeded:
		case at.Equal(success):
			return // which was first?
		case at.After(success):
			failures++
		}
	}
	if c.Status.ConsecutiveFailures != failures {
		h.fail("%d runs have failed since the last success, not %d", failures, c.Status.ConsecutiveFailures)
	}
}

func same(have *metav1.Time, want time.Time) bool {
	return have == nil && want.IsZero() || have != nil && have.Time.Equal(want)
}

// judgeTokens: what was asked for has been done, once.
func (h *cronHistory) judgeTokens(c *v1alpha1.CronBatchJob) {
	if c.Spec.IsSuspended() || stalled(c) {
		return
	}
	for _, token := range []string{c.Spec.RunAt, c.Annotations[v1alpha1.AnnotationRunAt]} {
		if token != "" && !has(c.Status.HandledRunTokens, token) {
			h.fail("everything has settled, and nobody has handled %s", token)
		}
	}
}

// maxIdle is how many reconciles a settled schedule may have from one of its
// times to the next.
const maxIdle = 12

// judgeQuiet: looking again changes nothing, nor does a new process, and the
// work done is in proportion to what happened.
func (h *cronHistory) judgeQuiet() {
	work := h.truth.Started + h.truth.Missed + h.truth.Requested
	if bound := 60 + 30*work + 20*h.Troubles; h.Writes > bound {
		h.fail("%d writes for %d starts and %d troubles: the operator loops", h.Writes, work, h.Troubles)
	}
	if bound := 200 + 60*work + 30*h.Troubles + len(h.Story.lines)/3; h.Reconciles > bound {
		h.fail("%d reconciles for %d starts and %d troubles: the operator loops", h.Reconciles, work, h.Troubles)
	}
	if h.truth.setBack {
		return // what was put off has been put off for longer
	}
	h.look() // nobody wakes it to account for a time in a blackout
	writes, reconciles := h.Writes, h.Reconciles
	h.look()
	h.live().die()
	h.look()
	if h.Writes != writes {
		h.fail("everything has settled, and the operator still makes %d writes", h.Writes-writes)
	}
	if h.Reconciles > reconciles+maxIdle {
		h.fail("everything has settled, and %d reconciles look at it", h.Reconciles-reconciles)
	}
}

// look lets the operator look again at this very moment.
func (h *cronHistory) look() {
	for h.quietStep() {
		continue
	}
	h.live().Queue.Add(cronKey)
	for h.quietStep() {
		continue
	}
}
