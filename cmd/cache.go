package main

import (
	"fmt"

	"github.com/fluxcd/pkg/runtime/controller"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/selection"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// cacheOptions decides what the operator keeps in memory: its own kinds, of
// its shard, and of all the cluster's pods only those it made.
func cacheOptions(watch controller.WatchOptions, namespace string) (cache.Options, error) {
	shard, err := controller.GetWatchSelector(watch)
	if err != nil {
		return cache.Options{}, fmt.Errorf("--watch-label-selector: %w", err)
	}
	ours, err := labels.NewRequirement(v1alpha1.LabelJobUID, selection.Exists, nil)
	if err != nil {
		return cache.Options{}, err
	}
	opts := cache.Options{
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&v1alpha1.BatchJob{}:     {Label: shard},
			&v1alpha1.CronBatchJob{}: {Label: shard},
			&corev1.Pod{}:            {Label: labels.NewSelector().Add(*ours)},
		},
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
