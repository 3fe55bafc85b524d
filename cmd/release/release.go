// Package release takes Stint's finalizers off, so that nothing is stranded
// when the operator leaves a cluster for good: a pod holds one until its end is
// counted, a CronBatchJob's BatchJob until its start is recorded, and nobody
// would do either any more.
package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

const (
	// pageSize objects are held in memory at a time.
	pageSize = 500
	// writes that are under way at a time.
	writes = 20
)

// Options are what the caller decides.
type Options struct {
	// Namespace to work in; every one if empty.
	Namespace string
	// LeaseNamespace is where the operator's leases are.
	LeaseNamespace string
	// LeaseName of the operator; a shard's has it as its beginning.
	LeaseName string
	// Wait so long for an operator that is at work to stop: one that was told to
	// gives its lease away when its last write is done.
	Wait time.Duration
	// WhileActive releases although an operator is at work, which puts its
	// finalizers on again.
	WhileActive bool
}

// held are the objects that may hold a finalizer of ours.
var held = []struct {
	kind      schema.GroupVersionKind
	finalizer string
}{
	{schema.GroupVersionKind{Version: "v1", Kind: "Pod"}, v1alpha1.FinalizerJobTracking},
	{v1alpha1.GroupVersion.WithKind(v1alpha1.BatchJobKind), v1alpha1.FinalizerCronRecorded},
}

// Run releases and tells out what it did. It goes on where an object fails, and
// its error names those; another run does the rest.
func Run(ctx context.Context, api client.Client, o Options, out io.Writer) error {
	if !o.WhileActive {
		if err := stopped(ctx, api, o, out); err != nil {
			return err
		}
	}
	var failed []error
	released := 0
	for _, h := range held {
		t := &tally{finalizer: h.finalizer, kind: h.kind.Kind, byNamespace: map[string]int{}}
		err := t.releaseAll(ctx, api, h.kind, o.Namespace)
		if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
			fmt.Fprintf(out, "the API server knows no %s: none to release\n", h.kind.Kind)
			continue
		}
		if err != nil {
			failed = append(failed, err)
		}
		failed = append(failed, t.failed...)
		released += t.tell(out)
	}
	if released == 0 && len(failed) == 0 {
		fmt.Fprintln(out, "nothing holds a finalizer of Stint")
	}
	return errors.Join(failed...)
}

// errAtWork is an operator that may yet stop.
var errAtWork = errors.New("an operator is at work")

// lookAgain is how long lies between two looks at the leases.
const lookAgain = time.Second

// stopped waits until no operator is at work, and refuses when that takes too
// long.
func stopped(ctx context.Context, api client.Client, o Options, out io.Writer) error {
	end := time.Now().Add(o.Wait)
	for told := false; ; told = true {
		err := nobodyAtWork(ctx, api, time.Now(), o)
		if !errors.Is(err, errAtWork) || time.Now().Add(lookAgain).After(end) {
			return err
		}
		if !told {
			fmt.Fprintf(out, "waiting up to %s for the operator to stop\n", o.Wait)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(lookAgain):
		}
	}
}

// nobodyAtWork refuses while a leader renews its lease.
func nobodyAtWork(ctx context.Context, api client.Client, now time.Time, o Options) error {
	leases := &coordinationv1.LeaseList{}
	if err := api.List(ctx, leases, client.InNamespace(o.LeaseNamespace)); err != nil {
		return fmt.Errorf("whether an operator is at work cannot be told (--while-active does not ask): %w", err)
	}
	for i := range leases.Items {
		lease := &leases.Items[i]
		if lease.Name != o.LeaseName && !strings.HasPrefix(lease.Name, o.LeaseName+"-") || !alive(lease, now) {
			continue
		}
		return fmt.Errorf("%s holds the lease %s/%s: %w and would put finalizers on again; "+
			"scale its Deployment to 0 first, or insist with --while-active", *lease.Spec.HolderIdentity, lease.Namespace, lease.Name, errAtWork)
	}
	return nil
}

// alive is whether somebody holds the lease and it has not run out.
func alive(lease *coordinationv1.Lease, now time.Time) bool {
	s := lease.Spec
	if s.HolderIdentity == nil || *s.HolderIdentity == "" || s.RenewTime == nil || s.LeaseDurationSeconds == nil {
		return false
	}
	return now.Before(s.RenewTime.Add(time.Duration(*s.LeaseDurationSeconds) * time.Second))
}

// tally is what became of the objects of one kind.
type tally struct {
	kind, finalizer string

	mu          sync.Mutex
	byNamespace map[string]int
	failed      []error
}

// releaseAll pages through all objects of a kind, also those whose labels are
// no longer ours.
func (t *tally) releaseAll(ctx context.Context, api client.Client, kind schema.GroupVersionKind, namespace string) error {
	page := &metav1.PartialObjectMetadataList{}
	for next := ""; ; {
		page.SetGroupVersionKind(kind.GroupVersion().WithKind(kind.Kind + "List"))
		err := api.List(ctx, page, client.InNamespace(namespace), client.Limit(pageSize), client.Continue(next))
		if err != nil {
			return fmt.Errorf("listing objects of kind %s: %w", kind.Kind, err)
		}
		var busy sync.WaitGroup
		slots := make(chan struct{}, writes)
		for i := range page.Items {
			object := &page.Items[i]
			if !slices.Contains(object.Finalizers, t.finalizer) {
				continue
			}
			object.SetGroupVersionKind(kind)
			slots <- struct{}{}
			busy.Go(func() {
				defer func() { <-slots }()
				t.count(object, t.release(ctx, api, object))
			})
		}
		busy.Wait()
		if next = page.Continue; next == "" {
			return nil
		}
	}
}

// release takes the finalizer off an object, whoever else writes to it.
func (t *tally) release(ctx context.Context, api client.Client, object *metav1.PartialObjectMetadata) error {
	uid := object.UID
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		before := object.DeepCopy()
		object.Finalizers = slices.DeleteFunc(object.Finalizers, func(f string) bool { return f == t.finalizer })
		err := api.Patch(ctx, object, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
		if !apierrors.IsConflict(err) {
			return err
		}
		if fresh := api.Get(ctx, client.ObjectKeyFromObject(object), object); fresh != nil {
			return fresh
		}
		if object.UID != uid || !slices.Contains(object.Finalizers, t.finalizer) {
			return nil
		}
		return err
	})
}

func (t *tally) count(object *metav1.PartialObjectMetadata, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.byNamespace[object.Namespace]++
	case !apierrors.IsNotFound(err):
		t.failed = append(t.failed, fmt.Errorf("%s %s/%s keeps %s: %w", t.kind, object.Namespace, object.Name, t.finalizer, err))
	}
}

// tell says how many were released where, and returns their sum.
func (t *tally) tell(out io.Writer) (sum int) {
	var namespaces []string
	for namespace, n := range t.byNamespace {
		namespaces = append(namespaces, namespace)
		sum += n
	}
	slices.Sort(namespaces)
	for _, namespace := range namespaces {
		fmt.Fprintf(out, "%s: took %s off %d of kind %s\n", namespace, t.finalizer, t.byNamespace[namespace], t.kind)
	}
	return sum
}
