// Package cronbatchjob is the hands of CronBatchJob.
//
// This version does not run schedules. So that nobody waits for a run that will
// not come, every CronBatchJob is told so in its conditions: refused aloud, not
// ignored.
package cronbatchjob

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/report"
)

// +kubebuilder:rbac:groups=batch.stint.dev,resources=cronbatchjobs,verbs=get;list;watch
// +kubebuilder:rbac:groups=batch.stint.dev,resources=cronbatchjobs/status,verbs=get;update;patch

// Reconciler tells each CronBatchJob that it is not run.
type Reconciler struct {
	Client client.Client
	Clock  clock.PassiveClock
}

// Reconcile writes the refusal once for each generation.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	cron := &v1alpha1.CronBatchJob{}
	if err := r.Client.Get(ctx, req.NamespacedName, cron); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !cron.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, nil
	}
	refused := cron.DeepCopy()
	report.RefuseCron(r.Clock.Now(), refused)
	if equality.Semantic.DeepEqual(cron.Status, refused.Status) {
		return ctrl.Result{}, nil
	}
	if err := r.Client.Status().Update(ctx, refused); err != nil {
		if report.Moved(err) {
			return ctrl.Result{}, nil // the event of the change comes
		}
		return ctrl.Result{}, fmt.Errorf("writing the status of CronBatchJob %s: %w", req.NamespacedName, err)
	}
	return ctrl.Result{}, nil
}

// Options are what an administrator sets.
type Options struct {
	// Concurrent is how many objects are worked on at a time.
	Concurrent int
}

// SetupWithManager registers the controller and what it watches.
func SetupWithManager(mgr ctrl.Manager, opts Options) error {
	err := ctrl.NewControllerManagedBy(mgr).Named("cronbatchjob").
		For(&v1alpha1.CronBatchJob{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: opts.Concurrent}).
		Complete(&Reconciler{Client: mgr.GetClient(), Clock: clock.RealClock{}})
	if err != nil {
		return fmt.Errorf("setting up the controller of CronBatchJobs: %w", err)
	}
	return nil
}
