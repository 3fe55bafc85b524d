package world

import (
	"fmt"
	"reflect"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// kind is what the server knows of one kind of object. A further kind is one
// more row of newKinds.
type kind struct {
	gvk      schema.GroupVersionKind
	resource schema.GroupResource
	// keepStatus makes the status of dst that of src.
	keepStatus func(dst, src client.Object)
	// keepSpec makes everything of dst but its status that of src.
	keepSpec func(dst, src client.Object)
	// specEqual tells whether an update leaves the generation alone. Nil: the
	// kind has no generation.
	specEqual func(a, b client.Object) bool
	// admit is defaulting at creation.
	admit func(client.Object)
	// grace is how many seconds a deletion takes if the request does not say.
	grace func(client.Object) int64
	// terminal: ended pods are removed without grace.
	immediate func(client.Object) bool
}

// Scheme knows the kinds of the world.
var Scheme = newScheme()

func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			panic(err)
		}
	}
	return s
}

var (
	podKind = &kind{
		gvk:        corev1.SchemeGroupVersion.WithKind("Pod"),
		resource:   schema.GroupResource{Resource: "pods"},
		keepStatus: func(dst, src client.Object) { dst.(*corev1.Pod).Status = src.(*corev1.Pod).Status },
		keepSpec: func(dst, src client.Object) {
			d, s := dst.(*corev1.Pod), src.(*corev1.Pod)
			d.ObjectMeta, d.Spec = s.ObjectMeta, s.Spec
		},
		admit:     admitPod,
		grace:     func(o client.Object) int64 { return *o.(*corev1.Pod).Spec.TerminationGracePeriodSeconds },
		immediate: func(o client.Object) bool { return o.(*corev1.Pod).Spec.NodeName == "" || podEnded(o.(*corev1.Pod)) },
	}
	jobKind = &kind{
		gvk:        v1alpha1.GroupVersion.WithKind(v1alpha1.BatchJobKind),
		resource:   schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "batchjobs"},
		keepStatus: func(dst, src client.Object) { dst.(*v1alpha1.BatchJob).Status = src.(*v1alpha1.BatchJob).Status },
		keepSpec: func(dst, src client.Object) {
			d, s := dst.(*v1alpha1.BatchJob), src.(*v1alpha1.BatchJob)
			d.ObjectMeta, d.Spec = s.ObjectMeta, s.Spec
		},
		specEqual: func(a, b client.Object) bool {
			return apiequality.Semantic.DeepEqual(a.(*v1alpha1.BatchJob).Spec, b.(*v1alpha1.BatchJob).Spec)
		},
		admit: admitJob,
	}
	cronKind = &kind{
		gvk:      v1alpha1.GroupVersion.WithKind("CronBatchJob"),
		resource: schema.GroupResource{Group: v1alpha1.GroupVersion.Group, Resource: "cronbatchjobs"},
		keepStatus: func(dst, src client.Object) {
			dst.(*v1alpha1.CronBatchJob).Status = src.(*v1alpha1.CronBatchJob).Status
		},
		keepSpec: func(dst, src client.Object) {
			d, s := dst.(*v1alpha1.CronBatchJob), src.(*v1alpha1.CronBatchJob)
			d.ObjectMeta, d.Spec = s.ObjectMeta, s.Spec
		},
		specEqual: func(a, b client.Object) bool {
			return apiequality.Semantic.DeepEqual(a.(*v1alpha1.CronBatchJob).Spec, b.(*v1alpha1.CronBatchJob).Spec)
		},
		admit: admitCron,
	}
	kinds = map[reflect.Type]*kind{
		reflect.TypeFor[*corev1.Pod]():            podKind,
		reflect.TypeFor[*corev1.PodList]():        podKind,
		reflect.TypeFor[*v1alpha1.BatchJob]():     jobKind,
		reflect.TypeFor[*corev1.Namespace]():      namespaceKind,
		reflect.TypeFor[*v1alpha1.BatchJobList](): jobKind,

		reflect.TypeFor[*v1alpha1.CronBatchJob]():     cronKind,
		reflect.TypeFor[*v1alpha1.CronBatchJobList](): cronKind,
	}
)

// kindOf is the kind of an object or a list. What the world does not hold is a
// mistake of the test.
func kindOf(o any) *kind {
	if meta, partial := o.(*metav1.PartialObjectMetadata); partial {
		for _, k := range kinds {
			if k.gvk == meta.GroupVersionKind() {
				return k
			}
		}
	}
	k, ok := kinds[reflect.TypeOf(o)]
	if !ok {
		panic(fmt.Sprintf("the world has no %T", o))
	}
	return k
}

// admitPod sets the defaults of a pod that somebody could look at. Like the
// API server it drops the status of a new object.
func admitPod(o client.Object) {
	p := o.(*corev1.Pod)
	p.Status = corev1.PodStatus{Phase: corev1.PodPending}
	if p.Spec.TerminationGracePeriodSeconds == nil {
		seconds := int64(30)
		p.Spec.TerminationGracePeriodSeconds = &seconds
	}
	if p.Spec.RestartPolicy == "" {
		p.Spec.RestartPolicy = corev1.RestartPolicyAlways
	}
	for i := range p.Spec.Containers {
		if c := &p.Spec.Containers[i]; c.TerminationMessagePolicy == "" {
			c.TerminationMessagePolicy = corev1.TerminationMessageReadFile
		}
	}
}

// admitJob sets what the CRD's schema defaults.
func admitJob(o client.Object) {
	j := o.(*v1alpha1.BatchJob)
	j.Status = v1alpha1.BatchJobStatus{ObservedGeneration: -1}
	if j.Spec.CompletionMode == nil {
		mode := v1alpha1.NonIndexedCompletion
		j.Spec.CompletionMode = &mode
	}
	if j.Spec.RerunPolicy == "" {
		j.Spec.RerunPolicy = v1alpha1.RerunOnChange
	}
	if j.Spec.UpdatePolicy == "" {
		j.Spec.UpdatePolicy = v1alpha1.UpdateDrain
	}
	if j.Spec.PodHistoryLimit == nil {
		one := int32(1)
		j.Spec.PodHistoryLimit = &one
	}
}

// admitCron sets what the CRD's schema defaults.
func admitCron(o client.Object) {
	c := o.(*v1alpha1.CronBatchJob)
	c.Status = v1alpha1.CronBatchJobStatus{ObservedGeneration: -1}
	s := &c.Spec
	s.ConcurrencyPolicy, s.MissedRunPolicy = s.GetConcurrencyPolicy(), s.GetMissedRunPolicy()
	s.QueueLimit, s.MissedRunLimit = new(s.GetQueueLimit()), new(s.GetMissedRunLimit())
	s.SuccessfulJobsHistoryLimit, s.FailedJobsHistoryLimit = new(s.GetSuccessfulJobsHistoryLimit()), new(s.GetFailedJobsHistoryLimit())
}

// podEnded: the phase is one that a pod never leaves.
func podEnded(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}
