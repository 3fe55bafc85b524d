package cronbatchjob

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// A run is where its schedule is: only there it is seen by whoever decides
// whether another may start. Who takes over a schedule gathers its runs, and who
// finds a run of a schedule that went to another shard hands it over.

// gather brings into our shard the runs of a schedule that came from another,
// and those that somebody relabelled.
func (r *Reconciler) gather(ctx context.Context, cron *v1alpha1.CronBatchJob, runs []*v1alpha1.BatchJob) error {
	for _, job := range runs {
		before := job.ResourceVersion
		if err := r.follow(ctx, job, cron); err != nil {
			return err
		}
		if job.ResourceVersion != before {
			r.fresh.wroteJob(cron, job.ResourceVersion)
		}
	}
	return nil
}

// handOver sends the runs of a schedule after it, and forgets the schedule. What
// is left are runs of a former one of its name, which nobody else sees.
func (r *Reconciler) handOver(ctx context.Context, cron *v1alpha1.CronBatchJob, jobs []*v1alpha1.BatchJob) (*sight, error) {
	key := client.ObjectKeyFromObject(cron)
	runs, strays := split(jobs, cron.UID, true)
	for _, job := range runs {
		if err := r.follow(ctx, job.DeepCopy(), cron); err != nil {
			return nil, err
		}
	}
	r.forget(key)
	if len(strays) == 0 {
		return nil, nil
	}
	s := r.sight(key, nil, nil)
	s.add(strays)
	return s, nil
}

// follow gives a run the labels by which it is in the shard of its schedule. One
// that is gone meanwhile has nowhere to go.
func (r *Reconciler) follow(ctx context.Context, job, cron client.Object) error {
	differ := r.Shard.Differences(job, cron)
	if differ == nil {
		return nil
	}
	data, err := json.Marshal(map[string]any{"metadata": map[string]any{"uid": job.GetUID(), "labels": differ}})
	if err == nil {
		err = r.Client.Patch(ctx, job, client.RawPatch(types.MergePatchType, data))
	}
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("bringing BatchJob %s into the shard of CronBatchJob %s: %w", client.ObjectKeyFromObject(job), cron.GetName(), err)
	}
	return nil
}

// lacks tells whether a run that was active is not among those that the cache
// has. It ended and was deleted, or somebody relabelled it.
func lacks(runs []*v1alpha1.BatchJob, cron *v1alpha1.CronBatchJob) bool {
	for _, ref := range cron.Status.Active {
		if !slices.ContainsFunc(runs, func(j *v1alpha1.BatchJob) bool { return j.UID == ref.UID }) {
			return true
		}
	}
	return false
}
