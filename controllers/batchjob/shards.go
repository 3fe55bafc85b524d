package batchjob

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// The pods of all shards are cached in each: a job that comes from another
// brings its pods along. Most of their events are nobody's business here.

// inShard tells whether the cache has the job. One that comes has an event of
// its own.
func (r *Reconciler) inShard(ctx context.Context, job types.NamespacedName) bool {
	return r.Shard.Whole() || !apierrors.IsNotFound(r.Client.Get(ctx, job, &v1alpha1.BatchJob{}, client.UnsafeDisableDeepCopy))
}

// mayBeStray: the job of such a pod could be gone, and the one to let go of it
// with its shard: it is being deleted, or the garbage collector has orphaned it.
// The job is then looked for, after its own operator had time to see to it.
func mayBeStray(pod *corev1.Pod) bool {
	return controllerutil.ContainsFinalizer(pod, v1alpha1.FinalizerJobTracking) &&
		(pod.DeletionTimestamp != nil || metav1.GetControllerOfNoCopy(pod) == nil)
}

// anyJob stands for the BatchJobs of all shards.
func anyJob() *metav1.PartialObjectMetadata {
	job := &metav1.PartialObjectMetadata{}
	job.SetGroupVersionKind(v1alpha1.GroupVersion.WithKind(v1alpha1.BatchJobKind))
	return job
}

// CacheEverybody are the options of a cache for Options.Everybody, of which
// nothing is read: it is there for its events.
func CacheEverybody(o cache.Options) cache.Options {
	o.ByObject = map[client.Object]cache.ByObject{anyJob(): {Transform: func(obj any) (any, error) {
		if job, ok := obj.(*metav1.PartialObjectMetadata); ok {
			job.ObjectMeta = metav1.ObjectMeta{Namespace: job.Namespace, Name: job.Name, UID: job.UID,
				ResourceVersion: job.ResourceVersion, Labels: job.Labels}
		}
		return obj, nil
	}}}
	return o
}

// foreignEvents wake the jobs that depend on one of another shard.
func (r *Reconciler) foreignEvents() handler.EventHandler {
	saw := func(ctx context.Context, obj client.Object, q queue) {
		if !r.Shard.Has(obj) {
			r.wakeDependents(ctx, obj, q)
		}
	}
	return handler.Funcs{
		CreateFunc: func(ctx context.Context, e event.CreateEvent, q queue) { saw(ctx, e.Object, q) },
		UpdateFunc: func(ctx context.Context, e event.UpdateEvent, q queue) { saw(ctx, e.ObjectNew, q) },
		DeleteFunc: func(ctx context.Context, e event.DeleteEvent, q queue) { saw(ctx, e.Object, q) },
	}
}
