//go:build integration

package integration

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// pods are those of a job that pass the filter, by name.
func (w *workshop) pods(name string, which func(*corev1.Pod) bool) []*corev1.Pod {
	w.t.Helper()
	list := &corev1.PodList{}
	if err := api.List(w.t.Context(), list, client.InNamespace(w.namespace), client.MatchingLabels{v1alpha1.LabelJobName: name}); err != nil {
		w.t.Fatal(err)
	}
	var pods []*corev1.Pod
	for i := range list.Items {
		if which(&list.Items[i]) {
			pods = append(pods, &list.Items[i])
		}
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	return pods
}

func every(*corev1.Pod) bool { return true }

func over(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

func alive(p *corev1.Pod) bool { return !over(p) && p.DeletionTimestamp == nil }

func leaving(p *corev1.Pod) bool { return !over(p) && p.DeletionTimestamp != nil }

func named(name string) func(*corev1.Pod) bool {
	return func(p *corev1.Pod) bool { return p.Name == name }
}

func runOf(p *corev1.Pod) string { return p.Labels[v1alpha1.LabelRun] }

// start starts the containers of the active pods.
func (w *workshop) start(name string) { w.kubelet(name, alive, corev1.PodRunning, 0) }

// succeed ends the active pods well.
func (w *workshop) succeed(name string) { w.kubelet(name, alive, corev1.PodSucceeded, 0) }

// fail ends them with exit code 1.
func (w *workshop) fail(name string) { w.kubelet(name, alive, corev1.PodFailed, 1) }

// terminate ends the pods that are being deleted, as after SIGTERM.
func (w *workshop) terminate(name string) {
	w.t.Helper()
	for _, pod := range w.kubelet(name, leaving, corev1.PodFailed, 143) {
		err := api.Delete(w.t.Context(), pod, client.GracePeriodSeconds(0), client.Preconditions{UID: &pod.UID})
		if client.IgnoreNotFound(err) != nil {
			w.t.Fatal(err)
		}
	}
}

// kubelet gives pods a phase, their container an exit code.
func (w *workshop) kubelet(name string, which func(*corev1.Pod) bool, phase corev1.PodPhase, code int32) []*corev1.Pod {
	w.t.Helper()
	pods := w.pods(name, which)
	if len(pods) == 0 {
		w.t.Fatalf("BatchJob %s has no such pod to become %s: %s", name, phase, ready(w.job(name)))
	}
	for _, pod := range pods {
		state := corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}
		if phase != corev1.PodRunning {
			state = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Completed", FinishedAt: metav1.Now()}}
		}
		before := client.MergeFrom(pod.DeepCopy())
		pod.Status.Phase = phase
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", Image: "busybox", State: state}}
		if err := api.Status().Patch(w.t.Context(), pod, before); client.IgnoreNotFound(err) != nil {
			w.t.Fatal(err)
		}
	}
	return pods
}

// remove deletes a job.
func (w *workshop) remove(name string, how metav1.DeletionPropagation) {
	w.t.Helper()
	if err := api.Delete(w.t.Context(), w.job(name), client.PropagationPolicy(how)); err != nil {
		w.t.Fatal(err)
	}
}

// gone waits until a job is.
func (w *workshop) gone(name string) {
	w.t.Helper()
	eventually(w.t, soon, name+" is gone", func(ctx context.Context) error {
		job := &v1alpha1.BatchJob{}
		err := api.Get(ctx, types.NamespacedName{Namespace: w.namespace, Name: name}, job)
		if apierrors.IsNotFound(err) {
			return nil
		}
		return errors.Join(err, fmt.Errorf("it is there, with finalizers %v", job.Finalizers))
	})
}

// failOne fails the first of several active pods.
func (w *workshop) failOne(name string) {
	w.t.Helper()
	first := w.pods(name, alive)[0].Name
	w.kubelet(name, named(first), "Failed", 1)
}

// left waits until so many pods of a job are.
func (w *workshop) left(name string, n int, which func(*corev1.Pod) bool) {
	w.t.Helper()
	eventually(w.t, soon, fmt.Sprintf("%d pods of %s are left", n, name), func(context.Context) error {
		if got := len(w.pods(name, which)); got != n {
			return fmt.Errorf("they are %d", got)
		}
		return nil
	})
}
