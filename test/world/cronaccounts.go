package world

import (
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// account is one write of a status before its judges.
type account struct {
	truth *CronTruth
	cron  *cronTruth
	// old and now are the stored states, v is the one it was decided on.
	old, now, v *v1alpha1.CronBatchJob
	timing      *cronTiming
	by          Actor
}

// statusWritten judges a write: every time that it passes has been started, or
// waits, or has a reason to be missed.
func (t *CronTruth) statusWritten(c *cronTruth, old, now *v1alpha1.CronBatchJob, by Actor) {
	if t.setBack && (t.world.landing || by.Proc.deposed) {
		return // it was decided under another clock
	}
	a := &account{truth: t, cron: c, old: old, now: now, v: c.versions[by.Seen[now.UID]], by: by}
	if a.v == nil {
		a.v = old
	}
	decided := a.v.DeepCopy()
	decided.Status.ScheduleSince = now.Status.ScheduleSince
	a.timing = timing(decided)
	a.since()
	a.times()
	a.queue()
	a.tokens()
}

func (a *account) fail(format string, args ...any) {
	args = append([]any{a.by.Name}, args...)
	args = append(args, describeCron(&a.v.Spec), a.old.Status, a.now.Status)
	a.truth.world.fail("%s "+format+"\n%s\nfrom %+v\nto %+v", args...)
}

// since: it moves with the schedule's hash, and lastScheduleTime goes back with
// nothing else.
func (a *account) since() {
	old, now := &a.old.Status, &a.now.Status
	if old.ScheduleHash != now.ScheduleHash {
		a.cron.observed = a.v
	}
	if old.ScheduleHash == now.ScheduleHash && !equalInstants(old.ScheduleSince, now.ScheduleSince) {
		a.fail("changes scheduleSince for the same schedule")
	}
	if old.LastScheduleTime == nil || now.LastScheduleTime != nil && !now.LastScheduleTime.Before(old.LastScheduleTime) {
		return
	}
	if old.ScheduleHash == now.ScheduleHash || now.LastScheduleTime == nil {
		a.fail("takes lastScheduleTime back")
	}
	for at, r := range a.cron.started {
		r.again = r.again || at > now.LastScheduleTime.Unix()
	}
}

func equalInstants(a, b *metav1.Time) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Time.Equal(b.Time)
}

// checked bounds how many of the times of one write are judged.
const checked = 300

// times judges all that lastScheduleTime passes.
func (a *account) times() {
	last := a.now.Status.LastScheduleTime
	if last == nil || a.timing == nil {
		return
	}
	from := a.now.Status.ScheduleSince.Time
	if before := a.old.Status.LastScheduleTime; before != nil && before.After(from) {
		from = before.Time
	}
	if !last.After(from) {
		return
	}
	for _, at := range a.timing.schedule.Between(from, last.Time, checked).Newest {
		if !a.timing.valid.Holds(at) || a.cron.started[at.Unix()] != nil || waits(a.now.Status.Queue, at, "") {
			continue
		}
		if !a.mayMiss(at) {
			a.fail("passes %v at %v, which has not started, does not wait and has no reason to be missed", at, a.truth.world.Clock.now)
		}
		a.truth.Missed++
	}
}

// mayMiss tells whether there is a reason not to start a time.
func (a *account) mayMiss(at time.Time) bool {
	spec, now := &a.v.Spec, a.truth.world.Clock.now
	age := now.Sub(at.Add(a.timing.offset))
	_, deadline := spec.GetStartingDeadline()
	switch {
	case a.timing.blackedOut(at), a.truth.taken[runName(a.now.Name, at)]:
		return true
	case age > spec.GetLateness() && (deadline || meta.IsStatusConditionTrue(a.now.Status.Conditions, v1alpha1.ConditionStalled)):
		return true
	case age > spec.GetLateness() && a.missedByPolicy(at, now):
		return true
	}
	switch spec.GetConcurrencyPolicy() {
	case v1alpha1.QueueConcurrent:
		return len(a.now.Status.Queue) >= int(spec.GetQueueLimit())
	case v1alpha1.ForbidConcurrent:
		return len(a.now.Status.Active) > 0 && a.laterThan(at)
	case v1alpha1.ReplaceConcurrent:
		return a.laterThan(at)
	case v1alpha1.AllowConcurrent:
	}
	return false
}

func (a *account) missedByPolicy(at, now time.Time) bool {
	spec := &a.v.Spec
	limit := int(spec.GetMissedRunLimit())
	switch spec.GetMissedRunPolicy() {
	case v1alpha1.MissedRunNone:
		return true
	case v1alpha1.MissedRunLatest:
		return a.timing.open(at, now, 1) > 0
	case v1alpha1.MissedRunAll:
		return a.timing.open(at, now.Add(-spec.GetLateness()), limit) >= limit
	}
	return false
}

// laterThan: a later time has started or waits.
func (a *account) laterThan(at time.Time) bool {
	for _, q := range a.now.Status.Queue {
		if q.Time.After(at) && q.Token == "" {
			return true
		}
	}
	for other := range a.cron.started {
		if other > at.Unix() {
			return true
		}
	}
	return false
}

// queue judges what leaves the queue and what enters it.
func (a *account) queue() {
	old, now := a.old.Status.Queue, a.now.Status.Queue
	for _, q := range old {
		if !waits(now, q.Time.Time, q.Token) && a.cron.pending(q) && !a.mayDrop(q) {
			a.fail("drops %v (%s %s) from the queue without having started it", q.Time, q.Reason, q.Token)
		}
	}
	for i, q := range now {
		if i > 0 && q.Time.Before(&now[i-1].Time) {
			a.fail("puts the queue out of order")
		}
		if !waits(old, q.Time.Time, q.Token) {
			a.enters(q)
		}
	}
	if limit := int(a.v.Spec.GetQueueLimit()); a.v.Spec.GetConcurrencyPolicy() == v1alpha1.QueueConcurrent && len(now) > max(limit, len(old)) {
		a.fail("queues %d, more than %d", len(now), limit)
	}
}

func (a *account) mayDrop(q v1alpha1.QueuedRun) bool {
	spec := &a.v.Spec
	if a.truth.taken[queuedName(a.now.Name, q)] {
		return true
	}
	policy := spec.GetConcurrencyPolicy()
	if deadline, set := spec.GetStartingDeadline(); set && a.timing != nil && q.Token == "" &&
		(policy == v1alpha1.ForbidConcurrent || policy == v1alpha1.AllowConcurrent) {
		if a.truth.world.Clock.now.Sub(q.Time.Add(a.timing.offset)) > deadline {
			return true
		}
	}
	return q.Token == "" && (policy == v1alpha1.ForbidConcurrent || policy == v1alpha1.ReplaceConcurrent) && a.laterThan(q.Time.Time)
}

func (a *account) enters(q v1alpha1.QueuedRun) {
	switch {
	case !a.cron.pending(q) && !a.cron.locked(q):
		a.fail("queues %v (%s), which has run already", q.Time, q.Token)
	case q.Token != "" && !asked(a.v, q.Token):
		a.fail("queues %s, for which nobody asks", q.Token)
	case q.Token != "":
	case a.timing == nil || !a.timing.schedule.Previous(q.Time.Time).Equal(q.Time.Time) || !a.timing.valid.Holds(q.Time.Time) || a.timing.blackedOut(q.Time.Time):
		a.fail("queues %v, which is no time of the schedule", q.Time)
	case q.Time.Add(a.timing.offset).After(a.truth.world.Clock.now):
		a.fail("queues %v too early", q.Time)
	}
}

// maxTokens is how many handled tokens a status holds.
const maxTokens = 32

// tokens judges which are handled: those that have started a run, or wait.
func (a *account) tokens() {
	old, now := a.old.Status.HandledRunTokens, a.now.Status.HandledRunTokens
	full := a.v.Spec.GetConcurrencyPolicy() == v1alpha1.QueueConcurrent && len(a.now.Status.Queue) >= int(a.v.Spec.GetQueueLimit())
	for _, token := range now {
		if !has(old, token) && a.cron.tokens[token] == nil && !waits(a.now.Status.Queue, time.Time{}, token) && !full {
			a.fail("handles %s and has not started its run", token)
		}
	}
	for _, token := range old {
		if !has(now, token) && len(now) < maxTokens {
			a.fail("forgets %s", token)
		}
	}
}
