package main

import (
	"errors"
	"fmt"

	"github.com/fluxcd/pkg/runtime/controller"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/stint-dev/stint/controllers/batchjob"
	"github.com/stint-dev/stint/controllers/cronbatchjob"
	"github.com/stint-dev/stint/controllers/report"
	"github.com/stint-dev/stint/controllers/shard"
)

// setupControllers hands the manager to both kinds.
func setupControllers(mgr ctrl.Manager, o options, namespace string, pods *batchjob.PodCache) error {
	own, err := shardOf(o.watch)
	if err != nil {
		return err
	}
	everybody, err := cacheEverybody(mgr, o, own, namespace)
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
			Shard:                   own,
			Everybody:               everybody,
		}),
		cronbatchjob.SetupWithManager(mgr, cronbatchjob.Options{
			Jobs:           pods.Jobs(),
			Concurrent:     o.concurrent,
			RateLimiter:    controller.GetRateLimiter(o.retry),
			Shard:          own,
			Notifier:       notifier,
			CrossNamespace: crossNamespace,
		}),
	)
}

// shardOf is what this operator works on.
func shardOf(watch controller.WatchOptions) (shard.Shard, error) {
	selector, err := controller.GetWatchSelector(watch)
	if err != nil {
		return shard.Shard{}, fmt.Errorf("--watch-label-selector: %w", err)
	}
	return shard.New(watch.LabelSelector, selector), nil
}

// cacheEverybody is what a shard needs to hear of others' BatchJobs; nil where
// there are none.
func cacheEverybody(mgr ctrl.Manager, o options, of shard.Shard, namespace string) (cache.Cache, error) {
	if of.Whole() {
		return nil, nil
	}
	opts, err := namespacesOf(o.watch, namespace)
	if err != nil {
		return nil, err
	}
	opts.Scheme, opts.Mapper, opts.HTTPClient = mgr.GetScheme(), mgr.GetRESTMapper(), mgr.GetHTTPClient()
	everybody, err := cache.New(mgr.GetConfig(), batchjob.CacheEverybody(opts))
	if err != nil {
		return nil, fmt.Errorf("preparing to watch the BatchJobs of all shards: %w", err)
	}
	return everybody, mgr.Add(everybody)
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
