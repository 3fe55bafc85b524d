package cronbatchjob

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
)

// maxRounds bounds how often one look decides: once for a trial, once for each
// group of starts, and once for each name that turns out to be taken.
const maxRounds = 10

// decide carries out trials and starts, adds what came of them to what was
// observed, and returns the plan that is left. Of a schedule that nothing is
// known of it first makes sure, as soon as there is something to do.
//
// Where all went well the status is left to the next look, which the event of
// the new run brings: when a thousand schedules are due at once, each of them
// starts before any of them is written about.
func (r *Reconciler) decide(ctx context.Context, s *sight) (engine.Plan, error) {
	for range maxRounds {
		plan := engine.Decide(s.Observed)
		if s.unsure && r.acts(s, plan) {
			seen, err := r.observeLive(ctx, s.key)
			if err != nil || seen == nil {
				return engine.Plan{}, err
			}
			seen.Strays = s.Strays
			for _, stray := range s.Strays {
				seen.jobs[stray.UID] = s.jobs[stray.UID]
			}
			*s = *seen
			continue
		}
		switch {
		case plan.Try:
			r.try(ctx, s)
		case len(plan.Start) > 0:
			if r.start(ctx, s, plan.Start) {
				return engine.Plan{Wake: s.Now.Add(patience)}, nil
			}
		default:
			return plan, nil
		}
	}
	return engine.Plan{}, fmt.Errorf("CronBatchJob %s: %d decisions in a row had something to start; it is looked at again", s.key, maxRounds)
}

// acts tells whether a plan writes anything.
func (r *Reconciler) acts(s *sight, plan engine.Plan) bool {
	return s.Cron != nil && (plan.Try || len(plan.Start)+len(plan.Release)+len(plan.Replace)+len(plan.Prune) > 0 ||
		plan.Status != nil && !equality.Semantic.DeepEqual(&s.Cron.Status, r.status(s, plan)))
}

// status is the whole status after a plan. The name of our shard is worth a write
// of its own: where it stands, all runs there are follow the schedule.
func (r *Reconciler) status(s *sight, plan engine.Plan) *v1alpha1.CronBatchJobStatus {
	status := report.CronStatus(s.Now, s.Cron, plan)
	status.Shard = r.Shard.Name()
	return status
}

// try asks the API server whether it would take the jobTemplate's pod and
// BatchJob. Only a refusal for good matters: quota and the like may be different
// when its time comes.
func (r *Reconciler) try(ctx context.Context, s *sight) {
	s.Tried = true
	job := trialJob(s.Cron, s.Now, r.Shard)
	for _, trial := range []struct {
		object client.Object
		reject func(error) *engine.Rejection
	}{{trialPod(job), podRejected}, {job, jobRejected}} {
		err := r.Client.Create(ctx, trial.object, client.DryRunAll)
		if err != nil && !apierrors.IsAlreadyExists(err) && report.Classify(err) == report.Never {
			s.Rejected = trial.reject(err)
			return
		}
	}
}

func podRejected(err error) *engine.Rejection {
	return &engine.Rejection{Reason: v1alpha1.ReasonPodRejected,
		Message: "spec.jobTemplate.spec.template: the API server refused the pod: " + err.Error() + "; correct the manifest to try again"}
}

func jobRejected(err error) *engine.Rejection {
	return &engine.Rejection{Reason: v1alpha1.ReasonJobRejected,
		Message: "spec.jobTemplate: the API server refused the BatchJob: " + err.Error() + "; correct the manifest to try again"}
}

// start makes runs in their order, up to the first that is refused, and tells
// whether all of them are new, so that the event of each is bound to come.
func (r *Reconciler) start(ctx context.Context, s *sight, starts []engine.Start) (all bool) {
	all = true
	for _, start := range starts {
		job := newJob(s.Cron, start, r.Shard)
		err := r.Client.Create(ctx, job)
		if apierrors.IsAlreadyExists(err) {
			job, err = r.madeBefore(ctx, s, start)
			all = false
		}
		switch {
		case err == nil && job == nil: // somebody else's
		case err == nil:
			r.fresh.wroteJob(s.Cron, job.ResourceVersion)
			s.jobs[job.UID] = job
			s.Children = append(s.Children, factsOf(job))
			r.refused.forget(s.key)
			r.Voice.Started(s.Cron, start, r.Clock.Now())
		default:
			r.refuse(s, start, err)
			return false
		}
	}
	return all
}

// refuse notes why a run could not be made.
func (r *Reconciler) refuse(s *sight, start engine.Start, err error) {
	if report.InDoubt(err) {
		r.fresh.doubt(s.Cron)
	}
	switch report.Classify(err) {
	case report.Never:
		s.Rejected = jobRejected(err)
	case report.Later:
		s.Retry = r.refused.add(s.Now, s.Cron, fmt.Sprintf("starting the run %s: %v; it is tried again", start.Name, err))
	case report.Wait: // the namespace is going, and this object with it
		s.Retry = r.refused.add(s.Now, s.Cron, "the namespace is being deleted; nothing is started in it")
		return
	}
	r.Voice.NotStarted(s.Cron, err)
}

// madeBefore looks at a BatchJob that has the name already. One of ours was made
// by an earlier look whose record was lost, and counts. One that is going, of a
// former schedule of this name, is waited for; anybody else's keeps the name.
func (r *Reconciler) madeBefore(ctx context.Context, s *sight, start engine.Start) (*v1alpha1.BatchJob, error) {
	job := &v1alpha1.BatchJob{}
	if err := r.Live.Get(ctx, types.NamespacedName{Namespace: s.key.Namespace, Name: start.Name}, job); err != nil {
		return nil, fmt.Errorf("looking at BatchJob %s, which exists already: %w", start.Name, err)
	}
	_, owner := ownerOf(job)
	switch {
	case owner == s.Cron.UID:
		return job, r.follow(ctx, job, s.Cron)
	case job.DeletionTimestamp != nil:
		return nil, fmt.Errorf("a former BatchJob %s is still being deleted", start.Name)
	}
	s.Taken[start.Name] = true
	return nil, nil
}

// apply carries out what is left of a plan. The status comes first: it is what
// the rest relies on next time.
func (r *Reconciler) apply(ctx context.Context, s *sight, plan engine.Plan) error {
	if plan.Status != nil && s.Cron != nil {
		if err := r.record(ctx, s, plan); err != nil {
			return err
		}
	}
	var failures []error
	for _, ref := range plan.Release {
		failures = append(failures, r.release(ctx, s, ref))
	}
	var removed []string
	remove := func(refs []engine.ChildRef, how metav1.DeletionPropagation) {
		for _, ref := range refs {
			gone, err := r.remove(ctx, s, ref, how)
			failures = append(failures, err)
			if gone {
				removed = append(removed, ref.Name)
			}
		}
	}
	remove(plan.Replace, metav1.DeletePropagationForeground)
	remove(plan.Prune, metav1.DeletePropagationBackground)
	if s.Cron != nil {
		r.Voice.Removed(s.Cron, removed)
	}
	return errors.Join(failures...)
}

// record writes the status, where there is something to write, and then speaks.
func (r *Reconciler) record(ctx context.Context, s *sight, plan engine.Plan) error {
	before, after := &s.Cron.Status, r.status(s, plan)
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	cron := s.Cron.DeepCopy()
	cron.Status = *after
	if err := r.Client.Status().Update(ctx, cron); err != nil {
		if report.InDoubt(err) {
			r.fresh.doubt(s.Cron)
		}
		return fmt.Errorf("writing the status of CronBatchJob %s: %w", s.key, err)
	}
	r.fresh.wroteCron(cron)
	r.Voice.CronWrote(s.Cron, before, after, plan.Notices)
	return nil
}

// release takes our finalizer off a run as it was observed; if it has changed
// since, the event of that brings the next try.
func (r *Reconciler) release(ctx context.Context, s *sight, ref engine.ChildRef) error {
	job := s.jobs[ref.UID]
	left := slices.DeleteFunc(slices.Clone(job.Finalizers), func(f string) bool { return f == v1alpha1.FinalizerCronRecorded })
	data, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"uid": job.UID, "resourceVersion": job.ResourceVersion, "finalizers": left}})
	if err != nil {
		return fmt.Errorf("taking our finalizer off BatchJob %s: %w", ref.Name, err)
	}
	patched := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: job.Namespace, Name: job.Name}}
	err = r.Client.Patch(ctx, patched, client.RawPatch(types.MergePatchType, data))
	switch {
	case err == nil && s.Cron != nil:
		r.fresh.wroteJob(s.Cron, patched.ResourceVersion)
		return nil
	case err == nil, report.Moved(err):
		return nil
	}
	return fmt.Errorf("taking our finalizer off BatchJob %s: %w", ref.Name, err)
}

// remove deletes one run.
func (r *Reconciler) remove(ctx context.Context, s *sight, ref engine.ChildRef, how metav1.DeletionPropagation) (bool, error) {
	job := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: s.key.Namespace, Name: ref.Name}}
	err := r.Client.Delete(ctx, job, client.PropagationPolicy(how), client.Preconditions{UID: &ref.UID})
	switch {
	case err == nil:
		r.fresh.deletedJob(s.Cron, ref.UID)
		return true, nil
	case report.Moved(err):
		return false, nil
	}
	r.Voice.Kept(s.Cron, ref.Name, err)
	return false, fmt.Errorf("deleting BatchJob %s: %w", ref.Name, err)
}
