package main

import (
	"github.com/fluxcd/pkg/runtime/controller"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/stint-dev/stint/controllers/batchjob"
	"github.com/stint-dev/stint/controllers/cronbatchjob"
)

// setupControllers hands the manager to the kinds. Each gets a rate limiter of
// its own, which keeps its back-off per name.
func setupControllers(mgr ctrl.Manager, o options) error {
	err := batchjob.SetupWithManager(mgr, batchjob.Options{
		Concurrent:              o.concurrent,
		RateLimiter:             controller.GetRateLimiter(o.retry),
		HideTerminationMessages: o.hideTerminationMessages,
	})
	if err != nil {
		return err
	}
	return cronbatchjob.SetupWithManager(mgr, cronbatchjob.Options{Concurrent: o.concurrent})
}
