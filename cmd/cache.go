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
// its shard, and of the cluster's pods only those that an operator of ours made.
func cacheOptions(watch controller.WatchOptions, namespace string, pods *batchjob.PodCache) (cache.Options, error) {
	selector, err := controller.GetWatchSelector(watch)
	if err != nil {
		return cache.Options{}, fmt.Errorf("--watch-label-selector: %w", err)
	}
	opts, err := namespacesOf(watch, namespace)
	if err != nil {
		return cache.Options{}, err
	}
	opts.ByObject = map[client.Object]cache.ByObject{
		&v1alpha1.BatchJob{}:     {Label: selector, Transform: keepWhoSuspended},
		&v1alpha1.CronBatchJob{}: {Label: selector, Transform: keepWhoSuspended},
	}
	return opts, pods.AddTo(&opts)
}

// namespacesOf limits a cache to the namespaces that this operator works in.
func namespacesOf(watch controller.WatchOptions, namespace string) (opts cache.Options, err error) {
	if watch.AllNamespaces {
		return opts, nil
	}
	if namespace == "" {
		return opts, fmt.Errorf("--watch-all-namespaces=false needs the namespace in %s", controller.EnvRuntimeNamespace)
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
