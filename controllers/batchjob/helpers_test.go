package batchjob

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
)

var now = time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)

func at(d time.Duration) metav1.Time { return metav1.NewTime(now.Add(d)) }

func job(change ...func(*v1alpha1.BatchJob)) *v1alpha1.BatchJob {
	j := &v1alpha1.BatchJob{
		ObjectMeta: metav1.ObjectMeta{Name: "work", Namespace: "team", UID: "uid-of-work", Generation: 1, ResourceVersion: "100"},
		Spec: v1alpha1.BatchJobSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever,
			Containers:    []corev1.Container{{Name: "main", Image: "busybox"}},
		}}},
	}
	for _, do := range change {
		do(j)
	}
	return j
}

// pod is a running pod as the operator makes it.
func pod(name string, change ...func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "team", UID: types.UID("uid-" + name), ResourceVersion: "200", CreationTimestamp: at(-time.Hour),
			Labels: map[string]string{v1alpha1.LabelJobUID: "uid-of-work", v1alpha1.LabelJobName: "work", v1alpha1.LabelRun: "3",
				v1alpha1.LabelControllerUID: "uid-of-work"},
			Annotations:     map[string]string{v1alpha1.AnnotationRevision: "v1-abc"},
			Finalizers:      []string{v1alpha1.FinalizerJobTracking},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(job(), v1alpha1.GroupVersion.WithKind("BatchJob"))},
		},
		Spec:   corev1.PodSpec{NodeName: "node"},
		Status: corev1.PodStatus{Phase: corev1.PodRunning},
	}
	for _, do := range change {
		do(p)
	}
	return p
}

func phase(ph corev1.PodPhase) func(*corev1.Pod) { return func(p *corev1.Pod) { p.Status.Phase = ph } }

// deleted by a user thirty seconds from its end.
func deleted(grace int64) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.DeletionTimestamp, p.DeletionGracePeriodSeconds = new(at(30*time.Second)), &grace
	}
}

func condition(c corev1.PodCondition) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.Conditions = append(p.Status.Conditions, c) }
}

func ready(status corev1.ConditionStatus, since time.Duration) func(*corev1.Pod) {
	return condition(corev1.PodCondition{Type: corev1.PodReady, Status: status, LastTransitionTime: at(since)})
}

// containers adds statuses of containers, initContainers of init containers;
// they are called c0, c1, or i0, i1.
func containers(states ...corev1.ContainerStatus) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.ContainerStatuses = named("c", states) }
}

func initContainers(states ...corev1.ContainerStatus) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.InitContainerStatuses = named("i", states) }
}

func named(prefix string, states []corev1.ContainerStatus) []corev1.ContainerStatus {
	for i := range states {
		states[i].Name = fmt.Sprintf("%s%d", prefix, i)
	}
	return states
}

func exited(code int32, finished time.Duration, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: code, FinishedAt: at(finished), Reason: reason, Message: message}}}
}

func runs(restarts int32) corev1.ContainerStatus {
	return corev1.ContainerStatus{RestartCount: restarts, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
}

func waits(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Image: "registry/x:1", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

// crashed waits to be started again after an end.
func crashed(restarts int32, last corev1.ContainerStatus) corev1.ContainerStatus {
	s := waits("CrashLoopBackOff", "back-off 10s restarting failed container")
	s.RestartCount, s.LastTerminationState = restarts, last.State
	return s
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if reflect.DeepEqual(got, want) {
		return
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s: - wanted, + got:\n%s", what, diff)
	}
}
