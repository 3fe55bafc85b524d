package batchjob

import (
	"context"
	"errors"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// DependencyIndex is the cache index from a job, as namespace/name, to those that
// depend on it.
const DependencyIndex = "stint.dependsOn"

// IndexDependencies gives the values of DependencyIndex.
func IndexDependencies(obj client.Object) []string {
	job, ok := obj.(*v1alpha1.BatchJob)
	if !ok {
		return nil
	}
	var keys []string
	for i := range job.Spec.DependsOn {
		keys = append(keys, dependencyKey(job, i).String())
	}
	return keys
}

func dependencyKey(job *v1alpha1.BatchJob, i int) types.NamespacedName {
	d := &job.Spec.DependsOn[i]
	return types.NamespacedName{Namespace: d.GetNamespace(job.Namespace), Name: d.Name}
}

// wakeDependents enqueues the jobs that depend on one that changed. They see it
// as the cache has it by then.
func (r *Reconciler) wakeDependents(ctx context.Context, obj client.Object, q queue) {
	list := &v1alpha1.BatchJobList{}
	err := r.Client.List(ctx, list, client.MatchingFields{DependencyIndex: client.ObjectKeyFromObject(obj).String()}, client.UnsafeDisableDeepCopy)
	if err != nil {
		return // the cache is stopping
	}
	for i := range list.Items {
		q.Add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&list.Items[i])})
	}
}

// observeDependencies looks at what the job depends on, through the cache: each
// of its changes wakes the job, so an old look at it is soon followed by a new
// one.
func (r *Reconciler) observeDependencies(ctx context.Context, s *sight) error {
	if s.Job == nil {
		return nil
	}
	for i := range s.Job.Spec.DependsOn {
		d, err := r.dependency(ctx, s.Job, i)
		if err != nil {
			return fmt.Errorf("reading spec.dependsOn[%d] of BatchJob %s: %w", i, s.key, err)
		}
		s.Dependencies = append(s.Dependencies, d)
	}
	return nil
}

func (r *Reconciler) dependency(ctx context.Context, job *v1alpha1.BatchJob, i int) (d engine.Dependency, err error) {
	key := dependencyKey(job, i)
	d.Name, d.Denied = nameIn(job.Namespace, key), r.denies(job, key)
	if d.Denied {
		return d, nil
	}
	expr := job.Spec.DependsOn[i].ReadyExpr
	if expr != "" {
		d.Expression = true
		if _, err := r.exprs.compile(expr); err != nil {
			d.Bad, d.Error = true, err.Error()
			return d, nil //nolint:nilerr // the engine tells the author
		}
	}
	if d.Ring, err = r.ring(ctx, job, key); err != nil {
		return d, err
	}
	dep, err := r.jobNamed(ctx, job, key)
	if err != nil || dep == nil {
		return d, err
	}
	d.Exists, d.Phase = dep.DeletionTimestamp.IsZero(), dep.Status.Phase
	d.Current = dep.Status.ObservedGeneration == dep.Generation
	d.Ready = meta.IsStatusConditionTrue(dep.Status.Conditions, v1alpha1.ConditionReady)
	if expr != "" {
		holds, err := r.exprs.evaluate(expr, job, dep)
		d.Holds = holds
		if err != nil {
			d.Error, d.Bad = err.Error(), errors.Is(err, errBadExpression)
		}
	}
	return d, nil
}

// denies tells whether the administrator lets no job look into another's
// namespace: what runs there, and when, may be nobody else's business.
func (r *Reconciler) denies(job *v1alpha1.BatchJob, dep types.NamespacedName) bool {
	return !r.CrossNamespace && dep.Namespace != job.Namespace
}

// jobNamed is nil if there is none. One of another shard is in no cache; it is
// asked for only by those whose run it may hold up.
func (r *Reconciler) jobNamed(ctx context.Context, waiting *v1alpha1.BatchJob, key types.NamespacedName) (*v1alpha1.BatchJob, error) {
	job := &v1alpha1.BatchJob{}
	err := r.Client.Get(ctx, key, job)
	if apierrors.IsNotFound(err) && !r.Shard.Whole() && waiting.Status.StartTime == nil {
		err = r.Live.Get(ctx, key, job)
	}
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return job, err
}

// maxWalk bounds how many jobs are looked at for a ring; a longer way round is
// not found, and its jobs wait.
const maxWalk = 1000

// ring looks for a way from a dependency back to the job, the shortest first,
// and names the jobs on it.
func (r *Reconciler) ring(ctx context.Context, job *v1alpha1.BatchJob, dep types.NamespacedName) ([]string, error) {
	own := client.ObjectKeyFromObject(job)
	from := map[types.NamespacedName]types.NamespacedName{dep: own}
	queue := []types.NamespacedName{dep}
	for n := 0; n < len(queue) && n < maxWalk; n++ {
		at := queue[n]
		if at == own {
			return way(job, from, dep), nil
		}
		next, err := r.jobNamed(ctx, job, at)
		if err != nil {
			return nil, err
		}
		for i := 0; next != nil && i < len(next.Spec.DependsOn); i++ {
			key := dependencyKey(next, i)
			if _, seen := from[key]; !seen && !r.denies(next, key) {
				from[key] = at
				queue = append(queue, key)
			}
		}
	}
	return nil, nil
}

// way reads the steps back: job -> dep -> … -> job.
func way(job *v1alpha1.BatchJob, from map[types.NamespacedName]types.NamespacedName, dep types.NamespacedName) []string {
	own := client.ObjectKeyFromObject(job)
	names := []string{job.Name}
	for at := own; at != dep; {
		at = from[at]
		names = append(names, nameIn(job.Namespace, at))
	}
	names = append(names, job.Name)
	slices.Reverse(names)
	return names
}

// nameIn is how a message in a namespace calls a job.
func nameIn(namespace string, key types.NamespacedName) string {
	if key.Namespace == namespace {
		return key.Name
	}
	return key.String()
}
