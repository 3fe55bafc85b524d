package cronbatchjob

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
)

// sight is one observation: what the judge gets, and the objects it came from.
type sight struct {
	engine.Observed
	key types.NamespacedName
	// jobs are the observed runs by UID. They belong to a cache: read only.
	jobs map[types.UID]*v1alpha1.BatchJob
	// unsure: the caches may be older than what a predecessor wrote, which
	// matters only once there is something to do.
	unsure bool
}

// errBehind: the caches have yet to show our own writes.
var errBehind = errors.New("the caches are behind our own writes")

// observe looks at a schedule and its runs. No sight and no error means that
// there is nothing to look at.
func (r *Reconciler) observe(ctx context.Context, key types.NamespacedName) (*sight, error) {
	shown := r.Jobs.Version() // before the runs are read: see judge
	cron := &v1alpha1.CronBatchJob{}
	err := r.Client.Get(ctx, key, cron)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("reading CronBatchJob %s: %w", key, err)
	}
	exists := err == nil
	jobs, err := r.jobsNamed(ctx, key)
	if err != nil {
		return nil, err
	}
	mine, strays := split(jobs, cron.UID, exists)
	if len(strays) > 0 || !exists {
		return r.observeStrays(ctx, key, cron, exists, jobs, shown)
	}
	return r.observeCached(ctx, key, cron, mine, shown)
}

// observeCached decides whether the caches may be believed.
func (r *Reconciler) observeCached(ctx context.Context, key types.NamespacedName, cron *v1alpha1.CronBatchJob, mine []*v1alpha1.BatchJob,
	shown string,
) (*sight, error) {
	view := r.fresh.judge(r.Clock.Now(), cron, mine, shown)
	switch view {
	case behind:
		report.StaleRead("waited")
		return nil, errBehind
	case overdue:
		return r.observeLive(ctx, key)
	case unknown, current:
	}
	s := r.sight(key, cron, mine)
	s.unsure = view == unknown || !r.Shard.Whole() && lacks(mine, cron)
	return s, nil
}

// observeStrays looks at runs that carry our finalizer for a schedule that the
// cache does not know. Only the API server itself can say that it is gone, or in
// another shard.
func (r *Reconciler) observeStrays(ctx context.Context, key types.NamespacedName, cached *v1alpha1.CronBatchJob, exists bool,
	jobs []*v1alpha1.BatchJob, shown string,
) (*sight, error) {
	mine, strays := split(jobs, cached.UID, exists)
	if !exists && len(strays) == 0 && (r.Shard.Whole() || len(jobs) == 0) {
		r.forget(key)
		return nil, nil
	}
	live := &v1alpha1.CronBatchJob{}
	err := r.Live.Get(ctx, key, live)
	switch {
	case apierrors.IsNotFound(err):
		s := r.sight(key, nil, nil)
		s.add(strays)
		return s, nil
	case err != nil:
		return nil, fmt.Errorf("asking the API server for CronBatchJob %s: %w", key, err)
	case !r.Shard.Has(live):
		return r.handOver(ctx, live, jobs)
	case !exists || live.UID != cached.UID: // the cache has yet to see it as it is
		_, strays = split(append(mine, strays...), live.UID, true)
		s, err := r.observeLive(ctx, key)
		if err == nil && s != nil {
			s.add(strays)
		}
		return s, err
	}
	s, err := r.observeCached(ctx, key, cached, mine, shown)
	if err == nil && s != nil {
		s.add(strays)
	}
	return s, err
}

// observeLive reads the API server itself.
func (r *Reconciler) observeLive(ctx context.Context, key types.NamespacedName) (*sight, error) {
	report.StaleRead("live")
	cron := &v1alpha1.CronBatchJob{}
	if err := r.Live.Get(ctx, key, cron); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil // the event of its end comes
		}
		return nil, fmt.Errorf("asking the API server for CronBatchJob %s: %w", key, err)
	}
	if !r.Shard.Has(cron) {
		return nil, nil // the event of its leaving comes
	}
	list := &v1alpha1.BatchJobList{}
	if err := r.Live.List(ctx, list, client.InNamespace(key.Namespace), client.MatchingLabels{v1alpha1.LabelCronBatchJob: key.Name}); err != nil {
		return nil, fmt.Errorf("asking the API server for the BatchJobs of CronBatchJob %s: %w", key, err)
	}
	mine, _ := split(pointers(list), cron.UID, true)
	r.fresh.readLive(cron, list.ResourceVersion)
	if err := r.gather(ctx, cron, mine); err != nil {
		return nil, err
	}
	return r.sight(key, cron, mine), nil
}

// jobsNamed are the cached BatchJobs that name this schedule as their owner.
func (r *Reconciler) jobsNamed(ctx context.Context, key types.NamespacedName) ([]*v1alpha1.BatchJob, error) {
	list := &v1alpha1.BatchJobList{}
	err := r.Client.List(ctx, list, client.InNamespace(key.Namespace), client.MatchingFields{JobIndex: key.Name}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("reading the BatchJobs of CronBatchJob %s: %w", key, err)
	}
	return pointers(list), nil
}

func pointers(list *v1alpha1.BatchJobList) []*v1alpha1.BatchJob {
	jobs := make([]*v1alpha1.BatchJob, len(list.Items))
	for i := range list.Items {
		jobs[i] = &list.Items[i]
	}
	return jobs
}

// split tells the schedule's own runs from those of others that carry our
// finalizer under its name.
func split(jobs []*v1alpha1.BatchJob, cron types.UID, exists bool) (mine, strays []*v1alpha1.BatchJob) {
	for _, j := range jobs {
		_, uid := ownerOf(j)
		switch {
		case exists && uid == cron:
			mine = append(mine, j)
		case held(j):
			strays = append(strays, j)
		}
	}
	return mine, strays
}

// sight turns objects into facts.
func (r *Reconciler) sight(key types.NamespacedName, cron *v1alpha1.CronBatchJob, mine []*v1alpha1.BatchJob) *sight {
	s := &sight{key: key, jobs: make(map[types.UID]*v1alpha1.BatchJob, len(mine))}
	s.Now, s.Cron, s.CrossNamespace = r.Clock.Now(), cron, r.CrossNamespace
	s.Taken = map[string]bool{}
	for _, j := range mine {
		s.jobs[j.UID] = j
		s.Children = append(s.Children, factsOf(j))
	}
	if cron != nil {
		s.Retry, s.Calendar = r.refused.of(s.Now, cron), r.calendars.of(cron)
	}
	return s
}

// add adds strays.
func (s *sight) add(strays []*v1alpha1.BatchJob) {
	for _, j := range strays {
		s.jobs[j.UID] = j
		s.Strays = append(s.Strays, engine.ChildRef{Name: j.Name, UID: j.UID})
	}
}
