package main

import (
	"github.com/fluxcd/pkg/runtime/controller"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/stint-dev/stint/controllers/batchjob"
)

// setupControllers hands the manager to the kinds. Each gets a rate limiter of
// its own, which keeps its back-off per name.
func setupControllers(mgr ctrl.Manager, o options) error {
	return batchjob.SetupWithManager(mgr, batchjob.Options{
		Concurrent:              o.concurrent,
		RateLimiter:             controller.GetRateLimiter(o.retry),
		HideTerminationMessages: o.hideTerminationMessages,
	})
}
