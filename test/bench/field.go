package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// neverEnds is how the names of jobs begin whose pods are left alone.
const neverEnds = "forever"

// finishers is how many pods are ended at the same time.
const finishers = 50

// field watches one namespace, as a kubelet and a user would: it ends each pod
// as soon as it is there, and knows which jobs are complete and which pods have
// been let go. It is the same for all contenders, and its cost is nobody's.
type field struct {
	cluster *cluster
	stop    context.CancelFunc
	todo    chan *corev1.Pod
	wg      sync.WaitGroup

	mu       sync.Mutex
	seen     map[types.UID]bool // pods; true once they were let go
	released int
	complete map[string]bool
	failed   error
	changed  chan struct{}
}

func (c *cluster) watch(ctx context.Context, contender, namespace string) *field {
	ctx, stop := context.WithCancel(ctx)
	f := &field{cluster: c, stop: stop, todo: make(chan *corev1.Pod, 1<<17),
		seen: map[types.UID]bool{}, complete: map[string]bool{}, changed: make(chan struct{}, 1)}
	var jobs client.ObjectList = &v1alpha1.BatchJobList{}
	if contender == builtIn {
		jobs = &batchv1.JobList{}
	}
	for _, list := range []client.ObjectList{&corev1.PodList{}, jobs} {
		events := c.follow(ctx, list, client.InNamespace(namespace))
		f.wg.Go(func() {
			for e := range events {
				f.note(e)
			}
		})
	}
	for range finishers {
		f.wg.Go(func() { f.finish(ctx) })
	}
	return f
}

func (f *field) close() {
	f.stop()
	f.wg.Wait()
}

func (f *field) note(e watch.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch o := e.Object.(type) {
	case *corev1.Pod:
		f.notePod(o)
	case *batchv1.Job:
		for _, c := range o.Status.Conditions {
			f.noteJob(o.Name, string(c.Type), c.Status == corev1.ConditionTrue)
		}
	case *v1alpha1.BatchJob:
		for _, c := range o.Status.Conditions {
			f.noteJob(o.Name, c.Type, c.Status == metav1.ConditionTrue)
		}
	}
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// notePod is called with the lock held.
func (f *field) notePod(pod *corev1.Pod) {
	released, known := f.seen[pod.UID]
	switch {
	case !known && !strings.HasPrefix(pod.Name, neverEnds):
		f.seen[pod.UID] = false
		f.todo <- pod
	case !released && pod.Status.Phase == corev1.PodSucceeded && len(pod.Finalizers) == 0:
		f.seen[pod.UID] = true
		f.released++
	}
}

// noteJob is called with the lock held.
func (f *field) noteJob(name, condition string, isTrue bool) {
	switch {
	case !isTrue:
	case condition == v1alpha1.ConditionComplete:
		f.complete[name] = true
	case condition == v1alpha1.ConditionFailed:
		f.failed = fmt.Errorf("job %s failed", name)
	}
}

func (f *field) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = err
}

// await returns when so many jobs are complete and so many pods have ended and
// been let go.
func (f *field) await(ctx context.Context, jobs, pods int) error {
	patience := time.Now().Add(5*time.Minute + time.Duration(pods)*50*time.Millisecond)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		f.mu.Lock()
		complete, released, known, err := len(f.complete), f.released, len(f.seen), f.failed
		f.mu.Unlock()
		switch {
		case err != nil:
			return err
		case complete >= jobs && released >= pods:
			return nil
		case time.Now().After(patience):
			return fmt.Errorf("gave up: %d of %d jobs complete, %d pods made, %d of %d let go", complete, jobs, known, released, pods)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-f.changed:
		case <-tick.C:
		}
	}
}

// finish ends pods as a kubelet reports them, in one patch.
func (f *field) finish(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case pod := <-f.todo:
			patch := client.RawPatch(types.MergePatchType, succeeded(time.Now()))
			err := f.cluster.client.Status().Patch(ctx, pod, patch)
			if err != nil && !gone(err) && ctx.Err() == nil {
				f.fail(fmt.Errorf("ending pod %s: %w", pod.Name, err))
			}
		}
	}
}

func succeeded(at time.Time) []byte {
	t := at.UTC().Format(time.RFC3339)
	return fmt.Appendf(nil, `{"status":{"phase":"Succeeded","startTime":%[1]q,"hostIP":"10.0.0.1","podIP":"10.1.2.3",
"podIPs":[{"ip":"10.1.2.3"}],"qosClass":"BestEffort","conditions":[
{"type":"PodReadyToStartContainers","status":"False","lastTransitionTime":%[1]q},
{"type":"Initialized","status":"True","reason":"PodCompleted","lastTransitionTime":%[1]q},
{"type":"Ready","status":"False","reason":"PodCompleted","lastTransitionTime":%[1]q},
{"type":"ContainersReady","status":"False","reason":"PodCompleted","lastTransitionTime":%[1]q},
{"type":"PodScheduled","status":"True","lastTransitionTime":%[1]q}],
"containerStatuses":[{"name":"work","image":"registry.example.com/team/work:v1.2.3","ready":false,"restartCount":0,"started":false,
"imageID":"registry.example.com/team/work@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
"containerID":"containerd://0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
"state":{"terminated":{"exitCode":0,"reason":"Completed","startedAt":%[1]q,"finishedAt":%[1]q,
"containerID":"containerd://0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}}}]}}`, t)
}
