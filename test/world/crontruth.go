package world

import (
	"slices"
	"strconv"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/schedule"
)

// CronTruth is the oracle of schedules: what was started and what became of it,
// kept from the changes themselves, and the judge of each change. It trusts
// controllers/schedule, which an oracle of its own has tried, and nothing else
// of the operator.
type CronTruth struct {
	world *World
	crons map[types.UID]*cronTruth
	runs  map[types.UID]*runTruth
	// taken are names that somebody else's object has, or had.
	taken map[string]bool
	// setBack: somebody has set the clock back, and what comes after what is
	// not clear any more.
	setBack bool
	// Started, Missed, Requested are how many the history had.
	Started, Missed, Requested int
}

// cronTruth is the truth of one schedule.
type cronTruth struct {
	now      *v1alpha1.CronBatchJob // nil when it is gone
	versions map[int64]*v1alpha1.CronBatchJob
	// edited is when the fields that say when it runs last changed.
	edited map[int64]time.Time
	// started are the runs by their nominal time, tokens those asked for.
	started map[int64]*runTruth
	tokens  map[string]*runTruth
	runs    []*runTruth
	// observed is the version at which scheduleSince was written: an edit that
	// is taken back before an operator has seen it is none.
	observed *v1alpha1.CronBatchJob
	// passed is the latest lastScheduleTime that was ever durable.
	passed time.Time
}

// runTruth is the truth of one run.
type runTruth struct {
	now     *v1alpha1.BatchJob // the last state, also when it is gone
	cron    types.UID
	nominal time.Time
	token   string
	gone    bool
	// late: made by a request that outlived its client or its leadership. Who
	// has not seen it cannot know of it.
	late bool
	// again: its time is one of a future that the clock, set back, and an edit
	// have made to come once more.
	again bool
	// replaced: an operator has deleted it to make way.
	replaced bool
}

func newCronTruth(w *World) *CronTruth {
	t := &CronTruth{world: w, crons: map[types.UID]*cronTruth{}, runs: map[types.UID]*runTruth{}, taken: map[string]bool{}}
	w.Store.Hooks = append(w.Store.Hooks, t.watch)
	return t
}

func (t *CronTruth) watch(c Change) {
	switch c.Kind {
	case cronKind:
		t.watchCron(c)
	case jobKind:
		t.watchRun(c)
	}
}

func (t *CronTruth) watchCron(c Change) {
	old, _ := c.Old.(*v1alpha1.CronBatchJob)
	now, _ := c.New.(*v1alpha1.CronBatchJob)
	if now == nil {
		t.crons[old.UID].now = nil
		return
	}
	truth := t.crons[now.UID]
	if truth == nil {
		truth = &cronTruth{versions: map[int64]*v1alpha1.CronBatchJob{}, edited: map[int64]time.Time{}, started: map[int64]*runTruth{}, tokens: map[string]*runTruth{}}
		t.crons[now.UID] = truth
	}
	truth.now = now
	truth.versions[rvOf(now)] = now
	truth.edited[rvOf(now)] = t.world.Clock.now.Truncate(time.Second)
	for _, before := range []*v1alpha1.CronBatchJob{old, truth.observed} {
		if before != nil && sameTiming(&before.Spec, &now.Spec) {
			truth.edited[rvOf(now)] = truth.edited[rvOf(before)]
		}
	}
	if last := now.Status.LastScheduleTime; last != nil && last.After(truth.passed) {
		truth.passed = last.Time
	}
	if old != nil && c.By.Proc != nil {
		t.statusWritten(truth, old, now, c.By)
	}
}

func (t *CronTruth) watchRun(c Change) {
	old, _ := c.Old.(*v1alpha1.BatchJob)
	now, _ := c.New.(*v1alpha1.BatchJob)
	if now == nil {
		if r := t.runs[old.UID]; r != nil {
			r.gone, r.replaced = true, r.replaced && !hurried(old, c.By)
		}
		return
	}
	if old == nil {
		t.created(now, c.By)
		return
	}
	r := t.runs[now.UID]
	if r == nil {
		return
	}
	r.now = now
	if !has(now.Finalizers, metav1.FinalizerDeleteDependents) && hurried(old, c.By) {
		r.replaced = false
	}
	if c.By.Proc == nil || !c.By.Proc.program.OfCrons {
		return
	}
	if heldByCron(old) && !heldByCron(now) {
		t.released(r, c.By)
	}
	if old.DeletionTimestamp == nil && now.DeletionTimestamp != nil {
		t.deleted(r, c.By)
	}
}

// hurried: somebody would not have a run wait for its pods.
func hurried(old *v1alpha1.BatchJob, by Actor) bool {
	return has(old.Finalizers, metav1.FinalizerDeleteDependents) && by.Name != collector.Name
}

// created books a new run, and judges it.
func (t *CronTruth) created(j *v1alpha1.BatchJob, by Actor) {
	ref := metav1.GetControllerOf(j)
	if ref == nil {
		t.taken[j.Name] = true
		return
	}
	c := t.crons[ref.UID]
	if c == nil {
		t.world.fail("%s is created for a schedule that never was", j.Name)
	}
	r := &runTruth{now: j, cron: ref.UID, token: j.Annotations[v1alpha1.AnnotationRunToken], late: t.world.landing || by.Proc.deposed}
	at, err := time.Parse(time.RFC3339, j.Annotations[v1alpha1.AnnotationCronJobScheduledTimestamp])
	if err != nil {
		t.world.fail("%s does not tell its time: %v", j.Name, err)
	}
	r.nominal = at
	if !r.late {
		t.mayStart(c, r, by)
	}
	t.runs[j.UID] = r
	c.runs = append(c.runs, r)
	if r.token != "" {
		c.tokens[r.token] = r
		t.Requested++
		return
	}
	c.started[at.Unix()] = r
	t.Started++
}

// jumped: somebody has set the clock. Where it goes back, what was written at a
// time that has not come yet was written now.
func (t *CronTruth) jumped(by time.Duration) {
	t.setBack = t.setBack || by < 0
	now := t.world.Clock.now.Truncate(time.Second)
	for _, c := range t.crons {
		for rv, at := range c.edited {
			if at.After(now) {
				c.edited[rv] = now
			}
		}
	}
}

// active tells whether a run is under way; where an operator has deleted it to
// make way, also while a pod of it is left.
func (t *CronTruth) active(r *runTruth) bool {
	if r.now.IsFinished() || !r.gone || !r.replaced {
		return !r.now.IsFinished() && !r.gone
	}
	for _, p := range t.world.Store.Pods() {
		if !podEnded(p) && p.Labels[v1alpha1.LabelJobUID] == string(r.now.UID) {
			return true
		}
	}
	return false
}

func heldByCron(j *v1alpha1.BatchJob) bool { return has(j.Finalizers, v1alpha1.FinalizerCronRecorded) }

// runName is the rule of names.
func runName(cron string, nominal time.Time) string {
	if nominal.Second() == 0 {
		return cron + "-" + strconv.FormatInt(nominal.Unix()/60, 10)
	}
	return cron + "-" + strconv.FormatInt(nominal.Unix(), 10)
}

// cronTiming is what a spec says of times.
type cronTiming struct {
	schedule  *schedule.Schedule
	blackouts *schedule.Blackouts
	offset    time.Duration
	valid     schedule.Validity
}

// timing is nil where the schedule is no schedule.
func timing(c *v1alpha1.CronBatchJob) *cronTiming {
	key := c.Namespace + "/" + c.Name
	s, err := schedule.Parse(c.Spec.GetSchedules(), c.Spec.GetTimeZone(), key)
	if err != nil {
		return nil
	}
	var windows []schedule.Window
	for _, b := range c.Spec.Blackouts {
		w := schedule.Window{Schedule: b.Schedule}
		if b.Duration != nil {
			w.Duration = b.Duration.Duration
		}
		if b.From != nil {
			w.From, w.To = b.From.Time, b.To.Time
		}
		windows = append(windows, w)
	}
	blackouts, err := schedule.ParseBlackouts(windows, c.Spec.GetTimeZone(), key)
	if err != nil {
		return nil
	}
	t := &cronTiming{schedule: s, blackouts: blackouts, offset: schedule.Offset(key, c.Spec.GetJitter())}
	if since := c.Status.ScheduleSince; since != nil {
		t.schedule = t.schedule.Anchored(since.Time)
	}
	if c.Spec.NotBefore != nil {
		t.valid.NotBefore = c.Spec.NotBefore.Time
	}
	if c.Spec.NotAfter != nil {
		t.valid.NotAfter = c.Spec.NotAfter.Time
	}
	return t
}

func (t *cronTiming) blackedOut(at time.Time) bool {
	_, blocked := t.blackouts.Blocked(at)
	return blocked
}

// sameTiming: the fields that say when it runs are the same.
func sameTiming(a, b *v1alpha1.CronBatchJobSpec) bool {
	return slices.Equal(a.GetSchedules(), b.GetSchedules()) && a.GetTimeZone() == b.GetTimeZone() && a.IsSuspended() == b.IsSuspended() &&
		equalInstants(a.NotBefore, b.NotBefore) && equalInstants(a.NotAfter, b.NotAfter) &&
		apiequality.Semantic.DeepEqual(a.Blackouts, b.Blackouts)
}
