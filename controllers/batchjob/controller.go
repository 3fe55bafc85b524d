package batchjob

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	"sigs.k8s.io/controller-runtime/pkg/source"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
	"github.com/stint-dev/stint/controllers/shard"
)

// +kubebuilder:rbac:groups=batch.stint.dev,resources=batchjobs,verbs=get;list;watch;update;patch;delete
// +kubebuilder:rbac:groups=batch.stint.dev,resources=batchjobs/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=batch.stint.dev,resources=batchjobs/finalizers,verbs=update
// +kubebuilder:rbac:groups="",resources=pods,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods/status,verbs=patch
// +kubebuilder:rbac:groups="",resources=namespaces,verbs=get
// +kubebuilder:rbac:groups=events.k8s.io,resources=events,verbs=create;patch

// name is the controller's, in logs, metrics and events.
const name = "batchjob"

// defaultWrites is how many writes on pods one job has under way at a time.
const defaultWrites = 50

// Reconciler brings BatchJobs to their end.
type Reconciler struct {
	// Client reads from the caches and writes to the API server.
	Client client.Client
	// Live reads the API server itself.
	Live client.Reader
	// Pods is the cache of pods that Client reads.
	Pods interface {
		// Version is one that the cache stands at: whoever reads it afterwards
		// sees that version of the pods or a later one. Empty if that is not
		// known, which is taken for old.
		Version() string
	}
	Clock clock.PassiveClock
	// Voice speaks after writes; nil is silent.
	Voice *report.Voice
	// HideTerminationMessages keeps what containers wrote out of conditions
	// and events.
	HideTerminationMessages bool
	// CrossNamespace lets jobs depend on those of other namespaces.
	CrossNamespace bool
	// Shard is what this operator works on; Client reads the BatchJobs of no other.
	Shard shard.Shard
	// Parallel runs do(0) to do(n-1) and returns when all have; nil runs them
	// side by side.
	Parallel func(n int, do func(i int))

	once    sync.Once
	floor   sync.Mutex
	fresh   *freshness
	refused *refusals
	revised *revisions
	taken   *names
	hidden  *hidden
	exprs   *expressions
}

func (r *Reconciler) init() {
	r.once.Do(func() {
		r.fresh, r.refused, r.revised, r.taken, r.hidden = newFreshness(r.Shard.Name()), newRefusals(), newRevisions(), newNames(), newHidden()
		r.exprs = newExpressions()
	})
}

// Reconcile looks at one job, decides, acts and reports.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	r.init()
	seen, err := r.observe(ctx, req.NamespacedName)
	switch {
	case errors.Is(err, errBehind):
		// The event that brings the news comes; should it have been lost, a
		// live read follows.
		return ctrl.Result{RequeueAfter: patience}, nil
	case err != nil:
		return ctrl.Result{}, err
	case seen == nil:
		return ctrl.Result{}, nil
	}
	plan := engine.Decide(seen.Observed)
	out := r.apply(ctx, seen, plan)
	wait, err := r.record(ctx, seen, plan, out.Done)
	if err != nil {
		if report.Moved(err) {
			return ctrl.Result{RequeueAfter: patience}, out.err()
		}
		return ctrl.Result{}, err
	}
	if err := out.err(); err != nil {
		return ctrl.Result{}, err
	}
	if plan.DeleteJob {
		return r.deleteJob(ctx, seen.Job)
	}
	return r.next(seen, plan, out, wait), nil
}

// next is when to look again if nothing happens: the engine's wake, the next
// try of a refused pod, or a write that was put off. What has passed meanwhile
// is now.
func (r *Reconciler) next(seen *sight, plan engine.Plan, out *outcome, wait time.Duration) ctrl.Result {
	if plan.Outcome.State == engine.StateGone {
		return ctrl.Result{}
	}
	now, after := r.Clock.Now(), wait
	if out.moved {
		after = patience
	}
	for _, at := range []time.Time{plan.Wake, r.retryAt(seen, out)} {
		if at.IsZero() {
			continue
		}
		if d := max(at.Sub(now), time.Millisecond); after == 0 || d < after {
			after = d
		}
	}
	return ctrl.Result{RequeueAfter: after}
}

// retryAt is when to try a pod again that was refused just now; zero if none
// was, or if trying again is of no use.
func (r *Reconciler) retryAt(seen *sight, out *outcome) time.Time {
	if out.Err == nil || report.Classify(out.Err) != report.Later {
		return time.Time{}
	}
	return r.refused.until(seen.Job)
}

// forget drops what is remembered of a job once the cache itself has seen it
// go. Not before: without the memory an older version in the cache would be
// believed.
func (r *Reconciler) forget(job types.NamespacedName) {
	r.fresh.forget(job)
	r.refused.forget(job)
	r.revised.forget(job)
	r.taken.forget(job)
	r.hidden.forget(job)
}

// SawPod is told of each pod event after the cache holds it, and says which job
// to look at.
func (r *Reconciler) SawPod(pod *corev1.Pod, gone bool) (owner types.NamespacedName, ours bool) {
	r.init()
	job, _ := ownerOf(pod)
	owner = types.NamespacedName{Namespace: pod.Namespace, Name: job}
	if job != "" {
		r.hidden.saw(owner, pod, gone)
	}
	return owner, job != ""
}

func (r *Reconciler) parallel(n int, do func(i int)) {
	if r.Parallel != nil {
		r.Parallel(n, do)
		return
	}
	if n == 1 {
		do(0)
		return
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, defaultWrites)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			do(i)
		})
	}
	wg.Wait()
}

// Options are what an administrator sets.
type Options struct {
	// Pods is the cache of pods that the manager was made with.
	Pods *PodCache
	// Concurrent is how many jobs are worked on at a time.
	Concurrent int
	// RateLimiter is the back-off of a job whose reconcile failed.
	RateLimiter workqueue.TypedRateLimiter[reconcile.Request]
	// HideTerminationMessages keeps what containers wrote out of conditions
	// and events.
	HideTerminationMessages bool
	// Notifier is told of events; nil if nobody is.
	Notifier *report.Notifier
	// CrossNamespace lets jobs depend on those of other namespaces.
	CrossNamespace bool
	// Shard is what the manager's cache of BatchJobs is limited to.
	Shard shard.Shard
	// Everybody, needed beside a shard, caches the metadata of all BatchJobs:
	// jobs may depend on those of other shards.
	Everybody cache.Cache
}

// SetupWithManager registers the controller and what it watches.
func SetupWithManager(mgr ctrl.Manager, opts Options) error {
	r := &Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Pods: opts.Pods, Clock: clock.RealClock{},
		Voice:                   &report.Voice{Recorder: mgr.GetEventRecorder("stint-controller"), Notifier: opts.Notifier},
		HideTerminationMessages: opts.HideTerminationMessages,
		CrossNamespace:          opts.CrossNamespace, Shard: opts.Shard,
	}
	r.init()
	if err := mgr.GetFieldIndexer().IndexField(context.Background(), &corev1.Pod{}, PodIndex, IndexPod); err != nil {
		return fmt.Errorf("indexing pods by their job: %w", err)
	}
	if err := mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.BatchJob{}, DependencyIndex, IndexDependencies); err != nil {
		return fmt.Errorf("indexing BatchJobs by their dependencies: %w", err)
	}
	b := ctrl.NewControllerManagedBy(mgr).Named(name).
		Watches(&v1alpha1.BatchJob{}, r.jobEvents()).
		Watches(&corev1.Pod{}, r.podEvents()).
		WithOptions(controller.Options{MaxConcurrentReconciles: opts.Concurrent, RateLimiter: opts.RateLimiter})
	if !opts.Shard.Whole() {
		b = b.WatchesRawSource(source.Kind[client.Object](opts.Everybody, anyJob(), r.foreignEvents()))
	}
	if err := b.Complete(r); err != nil {
		return fmt.Errorf("setting up the controller of BatchJobs: %w", err)
	}
	return nil
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// jobEvents enqueues those that depend on the job, and the job: at once when somebody changed it, with the other
// events of its pods when only the status did, which is our own write.
func (r *Reconciler) jobEvents() handler.EventHandler {
	add := func(obj client.Object, q queue) {
		q.Add(reconcile.Request{NamespacedName: client.ObjectKeyFromObject(obj)})
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) {
			add(e.Object, q)
			r.wakeDependents(ctx, e.Object, q)
		},
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) {
			add(e.Object, q)
			r.wakeDependents(ctx, e.Object, q)
		},
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) {
			r.wakeDependents(ctx, e.ObjectNew, q)
			if changedBySomebody(e.ObjectOld, e.ObjectNew) {
				add(e.ObjectNew, q)
				return
			}
			key := client.ObjectKeyFromObject(e.ObjectNew)
			q.AddAfter(reconcile.Request{NamespacedName: key}, r.fresh.pause(r.Clock.Now(), key))
		},
	}
}

func changedBySomebody(before, after client.Object) bool {
	return before.GetGeneration() != after.GetGeneration() ||
		before.GetDeletionTimestamp().IsZero() != after.GetDeletionTimestamp().IsZero() ||
		!maps.Equal(before.GetAnnotations(), after.GetAnnotations()) ||
		!maps.Equal(before.GetLabels(), after.GetLabels())
}

// podEvents enqueues the owner.
func (r *Reconciler) podEvents() handler.EventHandler {
	saw := func(ctx context.Context, obj client.Object, gone bool, q queue) {
		pod, ok := obj.(*corev1.Pod)
		if !ok {
			return
		}
		owner, ours := r.SawPod(pod, gone)
		switch {
		case !ours:
		case r.inShard(ctx, owner):
			q.AddAfter(reconcile.Request{NamespacedName: owner}, r.fresh.pause(r.Clock.Now(), owner))
		case mayBeStray(pod):
			q.AddAfter(reconcile.Request{NamespacedName: owner}, patience)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { saw(ctx, e.Object, false, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { saw(ctx, e.ObjectNew, false, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { saw(ctx, e.Object, true, q) },
	}
}
