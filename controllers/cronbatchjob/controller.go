package cronbatchjob

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
	"github.com/stint-dev/stint/controllers/shard"
)

// +kubebuilder:rbac:groups=batch.stint.dev,resources=cronbatchjobs,verbs=get;list;watch
// +kubebuilder:rbac:groups=batch.stint.dev,resources=cronbatchjobs/status,verbs=get;update;patch
// +kubebuilder:rbac:groups=batch.stint.dev,resources=cronbatchjobs/finalizers,verbs=update
// +kubebuilder:rbac:groups=batch.stint.dev,resources=batchjobs,verbs=get;list;watch;create;patch;delete
// +kubebuilder:rbac:groups="",resources=pods,verbs=create

// name is the controller's, in logs, metrics and events.
const name = "cronbatchjob"

// Reconciler starts the runs of CronBatchJobs.
type Reconciler struct {
	// Client reads from the caches and writes to the API server.
	Client client.Client
	// Live reads the API server itself.
	Live client.Reader
	// Jobs is the cache of BatchJobs that Client reads.
	Jobs interface {
		// Version is one that the cache stands at: whoever reads it afterwards
		// sees that version of the BatchJobs or a later one.
		Version() string
	}
	Clock clock.PassiveClock
	// Voice speaks after writes; nil is silent.
	Voice *report.Voice
	// Shard is what this operator works on; Client reads no other CronBatchJobs
	// and BatchJobs. The runs of a schedule are in its shard, wherever that is.
	Shard shard.Shard
	// CrossNamespace lets runs depend on BatchJobs of other namespaces, as those
	// of BatchJobs do.
	CrossNamespace bool

	once      sync.Once
	fresh     *freshness
	refused   *refusals
	calendars *calendars
	strangers *strangers
}

func (r *Reconciler) init() {
	r.once.Do(func() {
		r.fresh, r.refused, r.calendars, r.strangers = newFreshness(r.Shard.Name()), newRefusals(), newCalendars(), newStrangers()
	})
}

// Reconcile looks at one schedule, decides, acts and reports.
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
	plan, err := r.decide(ctx, seen)
	if err != nil {
		return ctrl.Result{}, err
	}
	if err := r.apply(ctx, seen, plan); err != nil {
		if report.Moved(err) {
			return ctrl.Result{RequeueAfter: patience}, nil // the event of the change comes
		}
		return ctrl.Result{}, err
	}
	for _, job := range r.strangers.meet(seen.key, plan.Strangers) {
		r.Voice.Unexpected(seen.Cron, job)
	}
	return r.next(plan), nil
}

// next is when to look again if nothing happens. What has passed meanwhile is
// now.
func (r *Reconciler) next(plan engine.Plan) ctrl.Result {
	if plan.Wake.IsZero() {
		return ctrl.Result{}
	}
	return ctrl.Result{RequeueAfter: max(plan.Wake.Sub(r.Clock.Now()), time.Millisecond)}
}

// SawJob is told of each BatchJob event after the cache holds it, and says which
// CronBatchJob to look at.
func (r *Reconciler) SawJob(job *v1alpha1.BatchJob, _ bool) (owner types.NamespacedName, ours bool) {
	cron, _ := ownerOf(job)
	return types.NamespacedName{Namespace: job.Namespace, Name: cron}, cron != ""
}

// forget drops what is remembered of a schedule once the cache itself has seen
// it go.
func (r *Reconciler) forget(cron types.NamespacedName) {
	r.fresh.forget(cron)
	r.refused.forget(cron)
	r.strangers.meet(cron, nil)
}

// Options are what an administrator sets.
type Options struct {
	// Jobs tells how far the manager's cache of BatchJobs has come.
	Jobs interface{ Version() string }
	// Concurrent is how many objects are worked on at a time.
	Concurrent int
	// RateLimiter is the back-off of an object whose reconcile failed.
	RateLimiter workqueue.TypedRateLimiter[reconcile.Request]
	// Shard and CrossNamespace are the Reconciler's.
	Shard          shard.Shard
	CrossNamespace bool
	// Notifier is told of events; nil if nobody is.
	Notifier *report.Notifier
}

// SetupWithManager registers the controller and what it watches.
func SetupWithManager(mgr ctrl.Manager, opts Options) error {
	r := &Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Jobs: opts.Jobs, Clock: clock.RealClock{},
		Voice: &report.Voice{Recorder: mgr.GetEventRecorder("stint-controller"), Notifier: opts.Notifier},
		Shard: opts.Shard, CrossNamespace: opts.CrossNamespace,
	}
	r.init()
	if err := mgr.GetFieldIndexer().IndexField(context.Background(), &v1alpha1.BatchJob{}, JobIndex, IndexJob); err != nil {
		return fmt.Errorf("indexing BatchJobs by their CronBatchJob: %w", err)
	}
	err := ctrl.NewControllerManagedBy(mgr).Named(name).
		For(&v1alpha1.CronBatchJob{}).
		Watches(&v1alpha1.BatchJob{}, r.jobEvents()).
		WithOptions(controller.Options{MaxConcurrentReconciles: opts.Concurrent, RateLimiter: opts.RateLimiter}).
		Complete(r)
	if err != nil {
		return fmt.Errorf("setting up the controller of CronBatchJobs: %w", err)
	}
	return nil
}

type queue = workqueue.TypedRateLimitingInterface[reconcile.Request]

// jobEvents enqueues the schedule of a BatchJob that is somebody's run.
func (r *Reconciler) jobEvents() handler.EventHandler {
	saw := func(obj client.Object, gone bool, q queue) {
		job, ok := obj.(*v1alpha1.BatchJob)
		if !ok {
			return
		}
		if owner, ours := r.SawJob(job, gone); ours {
			q.Add(reconcile.Request{NamespacedName: owner})
		}
	}
	return handler.Funcs{
		CreateFunc: func(_ context.Context, e event.CreateEvent, q queue) { saw(e.Object, false, q) },
		UpdateFunc: func(_ context.Context, e event.UpdateEvent, q queue) { saw(e.ObjectNew, false, q) },
		DeleteFunc: func(_ context.Context, e event.DeleteEvent, q queue) { saw(e.Object, true, q) },
	}
}
