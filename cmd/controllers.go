package main

import (
	"errors"

	"github.com/fluxcd/pkg/runtime/controller"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/stint-dev/stint/controllers/batchjob"
	"github.com/stint-dev/stint/controllers/cronbatchjob"
)

// setupControllers hands the manager to both kinds.
func setupControllers(mgr ctrl.Manager, o options, pods *batchjob.PodCache) error {
	return errors.Join(
		batchjob.SetupWithManager(mgr, batchjob.Options{
			Pods:                    pods,
			Concurrent:              o.concurrent,
			RateLimiter:             controller.GetRateLimiter(o.retry),
			HideTerminationMessages: o.hideTerminationMessages,
		}),
		cronbatchjob.SetupWithManager(mgr, cronbatchjob.Options{Concurrent: o.concurrent}),
	)
}
