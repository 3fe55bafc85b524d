package main

import (
	"fmt"

	"github.com/fluxcd/pkg/runtime/controller"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob"
)

// cacheOptions decides what the operator keeps in memory: its own kinds, of
// its shard, and of the cluster's pods only those that it made.
func cacheOptions(watch controller.WatchOptions, namespace string, pods *batchjob.PodCache) (cache.Options, error) {
	shard, err := controller.GetWatchSelector(watch)
	if err != nil {
		return cache.Options{}, fmt.Errorf("--watch-label-selector: %w", err)
	}
	opts := cache.Options{ByObject: map[client.Object]cache.ByObject{
		// A BatchJob keeps its managedFields: they tell who suspended it.
		&v1alpha1.BatchJob{}:     {Label: shard},
		&v1alpha1.CronBatchJob{}: {Label: shard, Transform: cache.TransformStripManagedFields()},
	}}
	if err := pods.AddTo(&opts); err != nil {
		return cache.Options{}, err
	}
	if watch.AllNamespaces {
		return opts, nil
	}
	if namespace == "" {
		return cache.Options{}, fmt.Errorf("--watch-all-namespaces=false needs the namespace in %s", controller.EnvRuntimeNamespace)
	}
	opts.DefaultNamespaces = map[string]cache.Config{namespace: {}}
	return opts, nil
}
