package main

import (
	"fmt"

	"github.com/fluxcd/pkg/runtime/controller"
	"sigs.k8s.io/controller-runtime/pkg/cache"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob"
)

// cacheOptions decides what the operator keeps in memory: its own kinds, of
// its shard, and of the cluster's pods only those that it made.
func cacheOptions(watch controller.WatchOptions, namespace string) (cache.Options, error) {
	shard, err := controller.GetWatchSelector(watch)
	if err != nil {
		return cache.Options{}, fmt.Errorf("--watch-label-selector: %w", err)
	}
	byObject, err := batchjob.CacheOptions()
	if err != nil {
		return cache.Options{}, err
	}
	// A BatchJob keeps its managedFields: they tell who suspended it.
	byObject[&v1alpha1.BatchJob{}] = cache.ByObject{Label: shard}
	byObject[&v1alpha1.CronBatchJob{}] = cache.ByObject{Label: shard, Transform: cache.TransformStripManagedFields()}
	opts := cache.Options{ByObject: byObject}
	if watch.AllNamespaces {
		return opts, nil
	}
	if namespace == "" {
		return cache.Options{}, fmt.Errorf("--watch-all-namespaces=false needs the namespace in %s", controller.EnvRuntimeNamespace)
	}
	opts.DefaultNamespaces = map[string]cache.Config{namespace: {}}
	return opts, nil
}
