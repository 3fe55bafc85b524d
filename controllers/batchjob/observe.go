package batchjob

import (
	"context"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
)

// sight is one observation: what the judge gets, and the objects it came from.
type sight struct {
	engine.Observed
	key types.NamespacedName
	// pods are the observed pods by UID. They belong to a cache: read only.
	pods map[types.UID]*corev1.Pod
}

// errBehind: the caches have yet to show our own writes.
var errBehind = errors.New("the caches are behind our own writes")

// observe looks at a job and its pods. No sight and no error means that there is
// nothing to look at.
func (r *Reconciler) observe(ctx context.Context, key types.NamespacedName) (*sight, error) {
	if err := r.ensureFloor(ctx, key.Namespace); err != nil {
		return nil, err
	}
	shown := r.Pods.Version() // before the pods are read: see judge
	job := &v1alpha1.BatchJob{}
	err := r.Client.Get(ctx, key, job)
	if err != nil && !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("reading BatchJob %s: %w", key, err)
	}
	exists := err == nil
	pods, err := r.podsNamed(ctx, key)
	if err == nil {
		pods, err = r.withHidden(ctx, key, pods)
	}
	if err != nil {
		return nil, err
	}
	mine, strays := split(pods, job.UID, exists)
	strays = r.fresh.unfreed(shown, strays)
	if len(strays) > 0 || !exists {
		return r.observeStrays(ctx, key, job, exists, glimpse{shown, mine}, strays)
	}
	return r.observeJob(ctx, key, job, glimpse{shown, mine})
}

// glimpse is what the cache of pods showed of a job's, when it stood at version
// at or later.
type glimpse struct {
	at   string
	pods []*corev1.Pod
}

// observeJob decides whether the caches may be believed.
func (r *Reconciler) observeJob(ctx context.Context, key types.NamespacedName, job *v1alpha1.BatchJob, mine glimpse) (*sight, error) {
	switch r.fresh.judge(r.Clock.Now(), mine.at, job, mine.pods) {
	case behind:
		report.StaleRead("waited")
		return nil, errBehind
	case overdue:
		return r.observeLive(ctx, key)
	case unknown:
		// Of a finished job that holds no pod, there is nothing to be done that an
		// old look would make wrong.
		if !job.IsFinished() || held(mine.pods) > 0 {
			return r.observeLive(ctx, key)
		}
	case current:
	}
	if missing(job, mine.pods) || len(r.hidden.unseen(job, mine.pods)) > 0 {
		return r.observeLive(ctx, key)
	}
	return r.complete(ctx, r.sight(key, job, mine.pods, nil))
}

// complete adds what a cache cannot show.
func (r *Reconciler) complete(ctx context.Context, s *sight) (*sight, error) {
	if err := r.observeSelected(ctx, s); err != nil {
		return nil, err
	}
	if err := r.observeDependencies(ctx, s); err != nil {
		return nil, err
	}
	r.fresh.lookedAt(s.Now, s.Job, len(s.Pods))
	return s, r.lookForClosing(ctx, s)
}

// lookForClosing asks whether the namespace is going away, where the answer
// matters: a failed pod of an index with its own back-off is held until it is
// replaced, and in such a namespace it never is.
func (r *Reconciler) lookForClosing(ctx context.Context, s *sight) error {
	if s.Job == nil || s.Job.Spec.BackoffLimitPerIndex == nil {
		return nil
	}
	for i := range s.Pods {
		if !s.Pods[i].Deleting || !s.Pods[i].Tracked {
			continue
		}
		ns := &corev1.Namespace{}
		if err := r.Live.Get(ctx, types.NamespacedName{Name: s.key.Namespace}, ns); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("asking whether namespace %s is being deleted: %w", s.key.Namespace, err)
		}
		s.Closing = ns.DeletionTimestamp != nil
		return nil
	}
	return nil
}

// missing tells that the status knows of more active pods than the cache has. A
// pod of ours cannot go without our finalizer being taken off, so it lost the
// label by which it is cached, or somebody else took the finalizer.
func missing(job *v1alpha1.BatchJob, pods []*corev1.Pod) bool { return held(pods) < job.Status.Active }

// held is how many pods are active, or held by our finalizer.
func held(pods []*corev1.Pod) (n int32) {
	for _, p := range pods {
		if p.DeletionTimestamp == nil && !ended(p) || controllerutil.ContainsFinalizer(p, v1alpha1.FinalizerJobTracking) {
			n++
		}
	}
	return n
}

// observeStrays looks at pods that carry our finalizer but belong to no job
// that the cache knows. Only the API server itself can say that a job is gone.
func (r *Reconciler) observeStrays(ctx context.Context, key types.NamespacedName, cached *v1alpha1.BatchJob, exists bool,
	mine glimpse, strays []*corev1.Pod,
) (*sight, error) {
	if !exists && len(strays) == 0 {
		return nil, r.leave(key)
	}
	live := &v1alpha1.BatchJob{}
	err := r.Live.Get(ctx, key, live)
	switch {
	case apierrors.IsNotFound(err):
		return r.sight(key, nil, nil, strays), nil
	case err != nil:
		return nil, fmt.Errorf("asking the API server for BatchJob %s: %w", key, err)
	case !exists && !r.Shard.Has(live):
		return nil, r.leave(key)
	case !exists || live.ResourceVersion != cached.ResourceVersion:
		// The cache has yet to see this job as it is.
		seen, err := r.observeLive(ctx, key)
		if err == nil && seen != nil {
			seen.add(others(strays, live.UID))
		}
		return seen, err
	}
	seen, err := r.observeJob(ctx, key, cached, mine)
	if err == nil && seen != nil {
		seen.add(strays)
	}
	return seen, err
}

// leave forgets a job that the cache has seen go. It may come back if it only
// went to another shard, so what the cache of pods owes to it is waited for.
func (r *Reconciler) leave(key types.NamespacedName) error {
	if !r.Shard.Whole() && !r.fresh.paid(key, r.Pods.Version()) {
		return errBehind
	}
	r.forget(key)
	return nil
}

// others are the strays that belong to another object than the live job.
func others(strays []*corev1.Pod, job types.UID) []*corev1.Pod {
	var left []*corev1.Pod
	for _, p := range strays {
		if _, uid := ownerOf(p); uid != job {
			left = append(left, p)
		}
	}
	return left
}

// observeLive reads the API server itself.
func (r *Reconciler) observeLive(ctx context.Context, key types.NamespacedName) (*sight, error) {
	report.StaleRead("live")
	job := &v1alpha1.BatchJob{}
	if err := r.Live.Get(ctx, key, job); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("asking the API server for BatchJob %s: %w", key, err)
	}
	if !r.Shard.Has(job) {
		return nil, nil // the event of its leaving comes
	}
	mine, version, err := r.livePods(ctx, job, client.MatchingLabels{v1alpha1.LabelJobUID: string(job.UID)})
	if err == nil && (missing(job, mine) || len(r.hidden.unseen(job, mine)) > 0) {
		// Some lost our label: look through all pods of the namespace.
		if mine, version, err = r.livePods(ctx, job); err == nil {
			for _, uid := range r.hidden.unseen(job, mine) {
				r.hidden.free(key, uid)
			}
		}
	}
	if err == nil {
		mine, err = r.withHidden(ctx, key, mine)
	}
	if err != nil {
		return nil, err
	}
	r.fresh.readLive(job, version)
	return r.complete(ctx, r.sight(key, job, mine, nil))
}

// livePods are the pods that the job controls, read from the API server, and
// the version of that list.
func (r *Reconciler) livePods(ctx context.Context, job *v1alpha1.BatchJob, opts ...client.ListOption) ([]*corev1.Pod, string, error) {
	list := &corev1.PodList{}
	if err := r.Live.List(ctx, list, append(opts, client.InNamespace(job.Namespace))...); err != nil {
		return nil, "", fmt.Errorf("asking the API server for the pods of BatchJob %s/%s: %w", job.Namespace, job.Name, err)
	}
	var mine []*corev1.Pod
	for i := range list.Items {
		if _, uid := ownerOf(&list.Items[i]); uid == job.UID {
			mine = append(mine, &list.Items[i])
		}
	}
	return mine, list.ResourceVersion, nil
}

// podsNamed are the cached pods that name this job as their owner.
func (r *Reconciler) podsNamed(ctx context.Context, key types.NamespacedName) ([]*corev1.Pod, error) {
	list := &corev1.PodList{}
	err := r.Client.List(ctx, list, client.InNamespace(key.Namespace), client.MatchingFields{PodIndex: key.Name},
		client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, fmt.Errorf("reading the pods of BatchJob %s: %w", key, err)
	}
	pods := make([]*corev1.Pod, len(list.Items))
	for i := range list.Items {
		pods[i] = &list.Items[i]
	}
	return pods, nil
}

// split tells the job's own pods from those of others that carry our finalizer.
func split(pods []*corev1.Pod, job types.UID, exists bool) (mine, strays []*corev1.Pod) {
	for _, p := range pods {
		_, uid := ownerOf(p)
		switch {
		case exists && uid == job:
			mine = append(mine, p)
		case controllerutil.ContainsFinalizer(p, v1alpha1.FinalizerJobTracking):
			strays = append(strays, p)
		}
	}
	return mine, strays
}

// sight turns objects into facts.
func (r *Reconciler) sight(key types.NamespacedName, job *v1alpha1.BatchJob, mine, strays []*corev1.Pod) *sight {
	s := &sight{key: key, pods: make(map[types.UID]*corev1.Pod, len(mine)+len(strays))}
	s.Now, s.Job = r.Clock.Now(), job
	s.Pods = make([]engine.Pod, 0, len(mine))
	for _, p := range mine {
		s.pods[p.UID] = p
		facts := factsOf(p, !r.HideTerminationMessages)
		facts.Foreign = leftSelector(job, p)
		s.Pods = append(s.Pods, facts)
	}
	s.add(strays)
	if job != nil {
		s.RetryAt, s.Revisions, s.Taken = r.refused.until(job), r.revised.of(job), r.taken.of(job)
	}
	return s
}

func (s *sight) add(strays []*corev1.Pod) {
	for _, p := range strays {
		s.pods[p.UID] = p
		s.Strays = append(s.Strays, engine.PodRef{Name: p.Name, UID: p.UID})
	}
}

// ensureFloor learns, once, a version of each resource from after this process
// began to lead. Lists of the API server are never older than the request, and
// those of one namespace, which every operator may ask for, have the version of all.
func (r *Reconciler) ensureFloor(ctx context.Context, namespace string) error {
	r.floor.Lock() // one worker asks, the others wait for its answer
	defer r.floor.Unlock()
	if r.fresh.hasFloor() {
		return nil
	}
	jobs, pods := &v1alpha1.BatchJobList{}, &corev1.PodList{}
	for _, list := range []client.ObjectList{jobs, pods} {
		if err := r.Live.List(ctx, list, client.InNamespace(namespace), client.Limit(1)); err != nil {
			return fmt.Errorf("asking the API server for its present version: %w", err)
		}
	}
	r.fresh.started(jobs.ResourceVersion, pods.ResourceVersion)
	return nil
}

func ended(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}
