package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

const bareAgent = "stint-bench-bare"

// bareClient makes the writes that a job cannot do without, and knows nothing:
// no cache, no counting, no check, no second try. What it needs is the floor.
type bareClient struct {
	*cluster
	slots chan struct{} // requests under way, as many as the others have workers
	jobs  map[types.UID]*bareJob
	pods  map[types.UID]bool // those whose end was seen
}

// bareJob is one job under way.
type bareJob struct {
	*v1alpha1.BatchJob
	next, ended, want int32
	podEnded          chan string // its name; of a job of one pod
}

func runBare(ctx context.Context, kubeconfig string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	config.QPS = -1
	c, err := newCluster(config, bareAgent)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(workers)
	if err != nil {
		return err
	}
	b := &bareClient{cluster: c, slots: make(chan struct{}, n), jobs: map[types.UID]*bareJob{}, pods: map[types.UID]bool{}}
	go b.crons(ctx)
	jobs, pods := c.follow(ctx, &v1alpha1.BatchJobList{}), c.follow(ctx, &corev1.PodList{})
	for ctx.Err() == nil {
		select {
		case e := <-jobs:
			if job, ours := e.Object.(*v1alpha1.BatchJob); ours && b.jobs[job.UID] == nil && !job.IsFinished() {
				b.begin(ctx, job)
			}
		case e := <-pods:
			if pod, ours := e.Object.(*corev1.Pod); ours && pod.Status.Phase == corev1.PodSucceeded && !b.pods[pod.UID] {
				b.pods[pod.UID] = true
				b.podEnded(ctx, pod)
			}
		}
	}
	return nil
}

func (b *bareClient) begin(ctx context.Context, job *v1alpha1.BatchJob) {
	want, _ := job.Spec.GetCompletions()
	j := &bareJob{BatchJob: job, want: want, podEnded: make(chan string, 1)}
	b.jobs[job.UID] = j
	j.next = min(want, job.Spec.GetParallelism())
	if want == 1 {
		go b.one(ctx, j)
		return
	}
	for i := range j.next {
		b.request(func() error { return b.client.Create(ctx, barePod(job, i)) })
	}
}

// request runs one request beside others, at most as many as there are slots.
func (b *bareClient) request(do func() error) {
	go func() {
		b.slots <- struct{}{}
		defer func() { <-b.slots }()
		if err := do(); err != nil {
			say("%v", err)
		}
	}()
}

// podEnded lets an ended pod go and makes the next.
func (b *bareClient) podEnded(ctx context.Context, pod *corev1.Pod) {
	j := b.jobs[metav1.GetControllerOf(pod).UID]
	if j == nil {
		return
	}
	if j.want == 1 {
		j.podEnded <- pod.Name
		return
	}
	b.request(func() error { return b.letGo(ctx, pod.Namespace, pod.Name) })
	if j.next < j.want {
		i := j.next
		j.next++
		b.request(func() error { return b.client.Create(ctx, barePod(j.BatchJob, i)) })
	}
	if j.ended++; j.ended == j.want {
		b.request(func() error { return b.status(ctx, j, true) })
	}
}

// one drives a job of one pod: pod, started, finished and counted, let go.
func (b *bareClient) one(ctx context.Context, j *bareJob) {
	step := func(do func() error) bool {
		b.slots <- struct{}{}
		defer func() { <-b.slots }()
		err := do()
		if err != nil {
			say("%v", err)
		}
		return err == nil
	}
	if !step(func() error { return b.client.Create(ctx, barePod(j.BatchJob, 0)) }) ||
		!step(func() error { return b.status(ctx, j, false) }) {
		return
	}
	select {
	case <-ctx.Done():
	case pod := <-j.podEnded:
		if step(func() error { return b.status(ctx, j, true) }) {
			step(func() error { return b.letGo(ctx, j.Namespace, pod) })
			step(func() error { return b.ran(ctx, j.BatchJob) })
		}
	}
}

func (b *bareClient) letGo(ctx context.Context, namespace, name string) error {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	return b.client.Patch(ctx, pod, client.RawPatch(types.StrategicMergePatchType,
		[]byte(`{"metadata":{"$deleteFromPrimitiveList/finalizers":["`+v1alpha1.FinalizerJobTracking+`"]}}`)))
}

func (b *bareClient) status(ctx context.Context, j *bareJob, complete bool) error {
	now := metav1.NewTime(time.Now())
	condition := metav1.Condition{Type: v1alpha1.ConditionReady, Status: metav1.ConditionUnknown, Reason: "Running", LastTransitionTime: now}
	j.Status.StartTime, j.Status.Active = &now, min(j.want, j.Spec.GetParallelism())
	if complete {
		condition = metav1.Condition{Type: v1alpha1.ConditionComplete, Status: metav1.ConditionTrue, Reason: "CompletionsReached", LastTransitionTime: now}
		j.Status.CompletionTime, j.Status.Active, j.Status.Succeeded = &now, 0, j.want
	}
	j.Status.Conditions = []metav1.Condition{condition}
	return b.client.Status().Update(ctx, j.BatchJob)
}

// barePod has what every contender's pod has: labels, index, owner, finalizer.
func barePod(job *v1alpha1.BatchJob, index int32) *corev1.Pod {
	i := strconv.Itoa(int(index))
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Name: fmt.Sprintf("%s-%s-%05x", job.Name, i, index), Namespace: job.Namespace,
		Labels: map[string]string{"app": "bench", v1alpha1.LabelJobName: job.Name, v1alpha1.LabelJobNameLegacy: job.Name,
			v1alpha1.LabelControllerUID: string(job.UID), v1alpha1.LabelControllerUIDLegacy: string(job.UID),
			v1alpha1.LabelCompletionIndex: i},
		Annotations:     map[string]string{v1alpha1.AnnotationCompletionIndex: i},
		Finalizers:      []string{v1alpha1.FinalizerJobTracking},
		OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job, v1alpha1.GroupVersion.WithKind("BatchJob"))},
	}, Spec: *job.Spec.Template.Spec.DeepCopy()}
	pod.Spec.Hostname = job.Name + "-" + i
	return pod
}
