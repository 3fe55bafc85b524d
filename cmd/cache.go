package main

import (
	"fmt"

	"github.com/fluxcd/pkg/runtime/controller"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
		&v1alpha1.BatchJob{}:     {Label: shard, Transform: keepWhoSuspended},
		&v1alpha1.CronBatchJob{}: {Label: shard, Transform: keepWhoSuspended},
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

// keepWhoSuspended leaves of managedFields, which are often larger than the rest
// of an object, who set spec.suspend. A write of the status says nothing about
// them to the API server.
func keepWhoSuspended(obj any) (any, error) {
	switch o := obj.(type) {
	case *v1alpha1.BatchJob:
		keepManagers(o, o.Spec.IsSuspended())
	case *v1alpha1.CronBatchJob:
		keepManagers(o, o.Spec.IsSuspended())
	}
	return obj, nil
}

func keepManagers(object metav1.Object, suspended bool) {
	if suspended {
		v1alpha1.OnlyManagersOf(object, "suspend")
		return
	}
	object.SetManagedFields(nil)
}
