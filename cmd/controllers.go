package main

import (
	"errors"
	"fmt"

	"github.com/fluxcd/pkg/runtime/controller"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/stint-dev/stint/controllers/batchjob"
	"github.com/stint-dev/stint/controllers/cronbatchjob"
	"github.com/stint-dev/stint/controllers/report"
)

// setupControllers hands the manager to both kinds.
func setupControllers(mgr ctrl.Manager, o options, pods *batchjob.PodCache) error {
	shard, err := shardLabels(o.watch)
	if err != nil {
		return err
	}
	notifier, err := setupNotifier(mgr, o.eventsAddr)
	if err != nil {
		return err
	}
	if err := metrics.Registry.Register(report.CronCollector{Reader: mgr.GetCache()}); err != nil {
		return fmt.Errorf("registering the metrics of CronBatchJobs: %w", err)
	}
	crossNamespace := !o.noCrossNamespaceRefs && o.watch.AllNamespaces
	return errors.Join(
		batchjob.SetupWithManager(mgr, batchjob.Options{
			Pods:                    pods,
			Concurrent:              o.concurrent,
			RateLimiter:             controller.GetRateLimiter(o.retry),
			HideTerminationMessages: o.hideTerminationMessages,
			Notifier:                notifier,
			CrossNamespace:          crossNamespace,
		}),
		cronbatchjob.SetupWithManager(mgr, cronbatchjob.Options{
			Jobs:           pods.Jobs(),
			Concurrent:     o.concurrent,
			RateLimiter:    controller.GetRateLimiter(o.retry),
			ShardLabels:    shard,
			Notifier:       notifier,
			CrossNamespace: crossNamespace,
		}),
	)
}

// shardLabels are the labels by which this operator finds its objects. A
// BatchJob takes them over from its CronBatchJob, or nobody would run it.
func shardLabels(watch controller.WatchOptions) (keys []string, err error) {
	selector, err := controller.GetWatchSelector(watch)
	if err != nil {
		return nil, fmt.Errorf("--watch-label-selector: %w", err)
	}
	requirements, _ := selector.Requirements()
	for i := range requirements {
		keys = append(keys, requirements[i].Key())
	}
	return keys, nil
}

// setupNotifier runs what posts events; without an address there is none.
func setupNotifier(mgr ctrl.Manager, address string) (*report.Notifier, error) {
	if address == "" {
		return nil, nil
	}
	notifier, err := report.NewNotifier(address)
	if err != nil {
		return nil, fmt.Errorf("--events-addr: %w", err)
	}
	return notifier, mgr.Add(notifier)
}
