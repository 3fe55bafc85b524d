package world

import (
	"fmt"
	"time"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// mayStart judges a start by what its process had read of the schedule.
func (t *CronTruth) mayStart(c *cronTruth, r *runTruth, by Actor) {
	v := c.versions[by.Seen[r.cron]]
	if v == nil {
		t.world.fail("%s starts %s of a schedule that it has not read", by.Name, r.now.Name)
	}
	for _, rule := range []func(*start) string{rightForm, notHeld, onlyOnce, inItsTime, notTooOld, alone, inOrder} {
		if wrong := rule(&start{truth: t, cron: c, v: v, run: r, began: by.Proc.began, now: t.world.Clock.now}); wrong != "" {
			t.world.fail("%s starts %s for %v, %s\n%s", by.Name, r.now.Name, r.nominal, wrong, describeCron(&v.Spec))
		}
	}
}

// start is one start before its judges.
type start struct {
	truth *CronTruth
	cron  *cronTruth
	// v is the schedule as its process had read it.
	v   *v1alpha1.CronBatchJob
	run *runTruth
	// It was decided between began and now.
	began, now time.Time
}

// waited tells whether it stood in the durable queue.
func (s *start) waited() bool { return waits(s.v.Status.Queue, s.run.nominal, s.run.token) }

func waits(queue []v1alpha1.QueuedRun, at time.Time, token string) bool {
	for _, q := range queue {
		if q.Token == token && (token != "" || q.Time.Time.Equal(at)) {
			return true
		}
	}
	return false
}

// rightForm: name, label and lock are what they must be.
func rightForm(s *start) string {
	j := s.run.now
	switch {
	case s.run.token == "" && j.Name != runName(s.v.Name, s.run.nominal):
		return "which is not the name of that time: " + runName(s.v.Name, s.run.nominal)
	case j.Labels[v1alpha1.LabelCronBatchJob] != s.v.Name:
		return "without its label"
	case !heldByCron(j):
		return "without the finalizer that keeps its name taken"
	}
	return ""
}

// notHeld: nothing starts while the author or a blackout forbids it.
func notHeld(s *start) string {
	tm := timing(s.v)
	switch {
	case s.v.DeletionTimestamp != nil:
		return "of a schedule that is being deleted"
	case s.v.Spec.IsSuspended():
		return "of a suspended schedule"
	case tm == nil:
		return "of a schedule that cannot be read"
	case tm.blackedOut(s.began) && tm.blackedOut(s.now):
		return "in a blackout"
	}
	return ""
}

// onlyOnce: no time and no token starts twice.
func onlyOnce(s *start) string {
	before := s.cron.started[s.run.nominal.Unix()]
	if s.run.token != "" {
		before = s.cron.tokens[s.run.token]
	}
	if before != nil && !(before.again && before.gone) {
		return "which has run already"
	}
	return ""
}

// inItsTime: a scheduled start is at a time of the schedule, since it became so;
// an asked-for start has been asked for.
func inItsTime(s *start) string {
	if s.waited() {
		return "" // judged when it was queued
	}
	if s.run.token != "" {
		if !asked(s.v, s.run.token) || has(s.v.Status.HandledRunTokens, s.run.token) {
			return "for which nobody asks any more"
		}
		return ""
	}
	tm, at := timing(s.v), s.run.nominal
	switch {
	case at.Before(s.cron.edited[rvOf(s.v)]):
		return fmt.Sprintf("which is before the schedule became what it is, at %v", s.cron.edited[rvOf(s.v)])
	case !tm.schedule.Previous(at).Equal(at):
		return "which is no time of the schedule"
	case !tm.valid.Holds(at):
		return "outside of notBefore and notAfter"
	case tm.blackedOut(at):
		return "a time in a blackout"
	case at.Add(tm.offset).After(s.now):
		return "too early"
	case s.v.Status.LastScheduleTime != nil && !at.After(s.v.Status.LastScheduleTime.Time):
		return "which has been decided before"
	}
	return ""
}

func asked(c *v1alpha1.CronBatchJob, token string) bool {
	return c.Spec.RunAt == token || c.Annotations[v1alpha1.AnnotationRunAt] == token
}

// notTooOld: the deadline, and missedRunPolicy.
func notTooOld(s *start) string {
	spec, tm := &s.v.Spec, timing(s.v)
	if s.run.token != "" || s.waited() && spec.GetConcurrencyPolicy() != v1alpha1.ForbidConcurrent {
		return ""
	}
	age := s.began.Sub(s.run.nominal.Add(tm.offset))
	if deadline, set := spec.GetStartingDeadline(); set {
		if age > deadline {
			return fmt.Sprintf("%v after its time and beyond its deadline", age)
		}
		return ""
	}
	if age <= spec.GetLateness() || s.waited() {
		return ""
	}
	switch spec.GetMissedRunPolicy() {
	case v1alpha1.MissedRunNone:
		return fmt.Sprintf("%v late, and missed runs are not caught up with", age)
	case v1alpha1.MissedRunLatest:
		if newer := tm.open(s.run.nominal, s.began, 1); newer > 0 {
			return "which is not the latest missed time"
		}
	case v1alpha1.MissedRunAll:
		if newer := tm.open(s.run.nominal, s.began.Add(-spec.GetLateness()), int(spec.GetMissedRunLimit())); newer >= int(spec.GetMissedRunLimit()) {
			return fmt.Sprintf("which is not among the %d newest missed times", spec.GetMissedRunLimit())
		}
	}
	return ""
}

// open counts the times after from that count and have come due at now, up to
// a limit.
func (t *cronTiming) open(from, now time.Time, limit int) (n int) {
	for at := t.schedule.Next(from); !at.IsZero() && !at.Add(t.offset).After(now) && n < limit; at = t.schedule.Next(at) {
		if until, blocked := t.blackouts.Blocked(at); blocked {
			at = until.Add(-1)
			continue
		}
		if t.valid.Holds(at) {
			n++
		}
	}
	return n
}

// alone: only under Allow two run at a time.
func alone(s *start) string {
	policy := s.v.Spec.GetConcurrencyPolicy()
	if policy == v1alpha1.AllowConcurrent {
		return ""
	}
	for _, o := range s.cron.runs {
		if !o.late && s.truth.active(o) {
			return fmt.Sprintf("under %s, and %s is active", policy, o.now.Name)
		}
	}
	return ""
}

// inOrder: the oldest time in the queue starts first.
func inOrder(s *start) string {
	if s.v.Spec.GetConcurrencyPolicy() != v1alpha1.QueueConcurrent {
		return ""
	}
	for _, q := range s.v.Status.Queue {
		if q.Token == s.run.token && (q.Token != "" || q.Time.Time.Equal(s.run.nominal)) {
			return ""
		}
		if q.Time.Time.Before(s.run.nominal) && s.cron.pending(q) && !s.truth.taken[queuedName(s.v.Name, q)] {
			return fmt.Sprintf("before %v (%s), which has waited longer", q.Time, q.Token)
		}
	}
	return ""
}

// pending: it has not been started.
func (c *cronTruth) pending(q v1alpha1.QueuedRun) bool {
	if q.Token != "" {
		return c.tokens[q.Token] == nil
	}
	r := c.started[q.Time.Unix()]
	return r == nil || r.again && r.gone
}

// locked: its run exists and keeps its name. Who did not get the answer to its
// creation may take it for one to come.
func (c *cronTruth) locked(q v1alpha1.QueuedRun) bool {
	r := c.started[q.Time.Unix()]
	if q.Token != "" {
		r = c.tokens[q.Token]
	}
	return r != nil && !r.gone && heldByCron(r.now)
}

// queuedName is the name of a scheduled run; the names of others are not taken
// by anybody here.
func queuedName(cron string, q v1alpha1.QueuedRun) string {
	if q.Token != "" {
		return ""
	}
	return runName(cron, q.Time.Time)
}

// released judges the removal of our finalizer: what it locked must have been
// written down.
func (t *CronTruth) released(r *runTruth, by Actor) {
	c := t.crons[r.cron].now
	if c == nil || c.DeletionTimestamp != nil {
		return
	}
	s := &c.Status
	recorded := !r.nominal.After(t.crons[r.cron].passed)
	if r.token != "" {
		recorded = has(s.HandledRunTokens, r.token)
	}
	switch {
	case !recorded, waits(s.Queue, r.nominal, r.token):
		t.world.fail("%s lets go of %s, and nothing durable tells that it was started", by.Name, r.now.Name)
	case !r.now.IsFinished() && r.now.DeletionTimestamp == nil:
		t.world.fail("%s lets go of %s, which is under way", by.Name, r.now.Name)
	}
	if r.now.IsFinished() && r.now.DeletionTimestamp == nil {
		for _, ref := range s.Active {
			if ref.UID == r.now.UID {
				t.world.fail("%s lets go of %s, whose end has not been counted", by.Name, r.now.Name)
			}
		}
	}
}

// deleted judges a deletion by an operator: history beyond its limits, or what
// is replaced.
func (t *CronTruth) deleted(r *runTruth, by Actor) {
	c := t.crons[r.cron]
	v := c.versions[by.Seen[r.cron]]
	if v == nil {
		t.world.fail("%s deletes %s of a schedule that it has not read", by.Name, r.now.Name)
	}
	if v.Spec.GetConcurrencyPolicy() == v1alpha1.ReplaceConcurrent && len(v.Status.Queue) > 0 && !v.Spec.IsSuspended() {
		r.replaced = true
		return
	}
	if !r.now.IsFinished() {
		t.world.fail("%s deletes %s, which is under way, and nothing that waits replaces it\n%s", by.Name, r.now.Name, describeCron(&v.Spec))
	}
	at, succeeded := ending(r.now)
	if ttl, set := v.Spec.GetHistoryTTL(); set && !t.world.Clock.now.Before(at.Add(ttl)) {
		return
	}
	limit := v.Spec.GetFailedJobsHistoryLimit()
	if succeeded {
		limit = v.Spec.GetSuccessfulJobsHistoryLimit()
	}
	if c.newer(r, succeeded) < limit {
		t.world.fail("%s deletes %s, one of the newest %d runs that ended so\n%s", by.Name, r.now.Name, limit, describeCron(&v.Spec))
	}
}

// newer counts the runs that are kept, ended like r and started no earlier.
func (c *cronTruth) newer(r *runTruth, succeeded bool) (n int32) {
	for _, o := range c.runs {
		if o == r || o.gone || !o.now.IsFinished() || o.now.DeletionTimestamp != nil {
			continue
		}
		if _, also := ending(o.now); also == succeeded && !startOf(o.now).Before(startOf(r.now)) {
			n++
		}
	}
	return n
}

// ending is when a run ended, and how.
func ending(j *v1alpha1.BatchJob) (at time.Time, succeeded bool) {
	for _, c := range j.Status.Conditions {
		if c.Status == "True" && (c.Type == v1alpha1.ConditionComplete || c.Type == v1alpha1.ConditionFailed) {
			return c.LastTransitionTime.Time, c.Type == v1alpha1.ConditionComplete
		}
	}
	return time.Time{}, false
}

func startOf(j *v1alpha1.BatchJob) time.Time {
	if j.Status.StartTime == nil {
		return time.Time{}
	}
	return j.Status.StartTime.Time
}
