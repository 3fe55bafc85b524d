//go:build integration

package integration

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// appLabel is on every pod of a scenario, by its template; its value is the name
// of the job.
const (
	appLabel = "app"
	appIndex = "app"
)

// side is one of the two kinds going through a scenario.
type side struct {
	caches *caches
	kind   schema.GroupVersionKind
	key    types.NamespacedName
	uid    types.UID
	// operator is ours; nil for the built-in controller.
	operator *operator
}

var (
	builtinKind = batchv1.SchemeGroupVersion.WithKind("Job")
	ourKind     = v1alpha1.GroupVersion.WithKind("BatchJob")
)

func (s *side) ours() bool { return s.kind == ourKind }

// object is the job with nothing but its name.
func (s *side) object() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(s.kind)
	u.SetNamespace(s.key.Namespace)
	u.SetName(s.key.Name)
	return u
}

// create makes the job: the same spec for both kinds.
func (s *side) create(ctx context.Context, spec map[string]any) error {
	u := s.object()
	u.Object["spec"] = spec
	if err := api.Create(ctx, u, client.FieldValidation(metav1.FieldValidationStrict)); err != nil {
		return err
	}
	s.uid = u.GetUID()
	return s.seen(ctx, u, true)
}

// job is the job in the shape of batch/v1, which both have; nil if it is gone.
func (s *side) job(ctx context.Context) (*batchv1.Job, error) {
	if !s.ours() {
		job := &batchv1.Job{}
		err := s.caches.eyes.Get(ctx, s.key, job)
		if apierrors.IsNotFound(err) {
			return nil, nil
		}
		return job, err
	}
	own := &v1alpha1.BatchJob{}
	if err := s.caches.eyes.Get(ctx, s.key, own); err != nil {
		return nil, client.IgnoreNotFound(err)
	}
	status, err := json.Marshal(own.Status)
	if err != nil {
		return nil, err
	}
	job := &batchv1.Job{ObjectMeta: own.ObjectMeta}
	job.Spec.Completions, job.Spec.Parallelism = own.Spec.Completions, own.Spec.Parallelism
	if own.Spec.IsIndexed() {
		job.Spec.CompletionMode = new(batchv1.IndexedCompletion)
	}
	return job, json.Unmarshal(status, &job.Status)
}

// pods are those of the scenario, whoever owns them, oldest first.
func (s *side) pods(ctx context.Context) ([]*corev1.Pod, error) {
	list := &corev1.PodList{}
	err := s.caches.eyes.List(ctx, list, client.InNamespace(s.key.Namespace), client.MatchingFields{appIndex: s.key.Name},
		client.UnsafeDisableDeepCopy)
	if err != nil {
		return nil, err
	}
	pods := make([]*corev1.Pod, 0, len(list.Items))
	for i := range list.Items {
		pods = append(pods, &list.Items[i])
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	return pods, nil
}

func hasEnded(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

func isActive(p *corev1.Pod) bool { return !hasEnded(p) && p.DeletionTimestamp == nil }

func isTerminating(p *corev1.Pod) bool { return !hasEnded(p) && p.DeletionTimestamp != nil }

// which picks pods: those that are active, terminating or ended.
type which func(*corev1.Pod) bool

// pod waits for the i-th pod of a sort; of an Indexed job, for one of index i.
// Such a job may have several of them: the newest is meant.
func (s *side) pod(ctx context.Context, sort which, i int) (*corev1.Pod, error) {
	var found *corev1.Pod
	return found, s.await(ctx, func() error {
		pods, err := s.pods(ctx)
		if err != nil {
			return err
		}
		pods = slices.DeleteFunc(pods, func(p *corev1.Pod) bool { return !sort(p) })
		for n, p := range pods {
			if index, indexed := p.Annotations[batchv1.JobCompletionIndexAnnotation]; indexed && index == strconv.Itoa(i) || !indexed && n == i {
				found = p.DeepCopy()
			}
		}
		if found == nil {
			return fmt.Errorf("there is no such pod %d among %d", i, len(pods))
		}
		return nil
	})
}

// seen waits until the caches show what was written: a step that follows must
// not stand on an older world. An object that is gone has been seen, unless it
// was created just now.
func (s *side) seen(ctx context.Context, written client.Object, created bool) error {
	readers := []client.Reader{s.caches.eyes}
	if s.ours() {
		readers = append(readers, s.caches.ours)
	}
	typed, err := scheme.New(s.kind)
	if _, isPod := written.(*corev1.Pod); isPod {
		typed = &corev1.Pod{}
	}
	if err != nil {
		return err
	}
	return s.await(ctx, func() error {
		for _, reader := range readers {
			object := typed.DeepCopyObject().(client.Object)
			err := reader.Get(ctx, client.ObjectKeyFromObject(written), object)
			switch {
			case apierrors.IsNotFound(err) && !created:
				continue
			case err != nil:
				return err
			}
			order, err := resourceversion.CompareResourceVersion(object.GetResourceVersion(), written.GetResourceVersion())
			if err != nil || order < 0 {
				return fmt.Errorf("the cache shows version %s", object.GetResourceVersion())
			}
		}
		return nil
	})
}

// await calls check, and again with each event in the namespace, until it
// returns nil or the context ends, and then returns what check said last.
func (s *side) await(ctx context.Context, check func() error) error {
	return s.caches.news.await(ctx, s.key.Namespace, check)
}

// news wakes whoever waits for something in a namespace.
type news struct {
	mu   sync.Mutex
	next map[string]chan struct{}
}

// seldom is how often is asked for what no cache shows: the events of a job, and
// whether our operator is at work.
const seldom = 250 * time.Millisecond

func (n *news) await(ctx context.Context, namespace string, check func() error) error {
	tick := time.NewTicker(seldom)
	defer tick.Stop()
	var last error
	for {
		next := n.listen(namespace)
		err := check()
		if err == nil {
			return nil
		}
		if ctx.Err() == nil || last == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", ctx.Err(), last)
		case <-next:
		case <-tick.C:
		}
	}
}

// listen returns what is closed at the next event.
func (n *news) listen(namespace string) <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == nil {
		n.next = map[string]chan struct{}{}
	}
	if n.next[namespace] == nil {
		n.next[namespace] = make(chan struct{})
	}
	return n.next[namespace]
}

// tell is called with each event, after the cache has it.
func (n *news) tell(obj any) {
	if last, ok := obj.(toolscache.DeletedFinalStateUnknown); ok {
		obj = last.Obj
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if namespace := obj.(client.Object).GetNamespace(); n.next[namespace] != nil {
		close(n.next[namespace])
		delete(n.next, namespace)
	}
}
