//go:build integration

package integration

import (
	"context"
	"fmt"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What people do by hand.

// copied makes another pod like the job's, with another index; empty takes the
// index away.
func copied(pod int, index string) step {
	return eachPod("copy as index "+strconv.Quote(index), isActive, []int{pod}, func(ctx context.Context, s *side, pod *corev1.Pod) error {
		twin := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Namespace: pod.Namespace, Name: "", GenerateName: pod.GenerateName, Labels: pod.Labels, Annotations: pod.Annotations,
			OwnerReferences: pod.OwnerReferences, Finalizers: pod.Finalizers,
		}, Spec: pod.Spec}
		twin.Spec.Volumes = nil
		for i := range twin.Spec.Containers {
			twin.Spec.Containers[i].VolumeMounts = nil
		}
		for _, m := range []map[string]string{twin.Labels, twin.Annotations} {
			if m[batchv1.JobCompletionIndexAnnotation] = index; index == "" {
				delete(m, batchv1.JobCompletionIndexAnnotation)
			}
		}
		if err := api.Create(ctx, twin); err != nil {
			return err
		}
		return s.seen(ctx, twin, false)
	})
}

// orphan makes a pod that belongs to nobody, with the labels of the scenario.
func orphan() step {
	return doing("make a pod by hand", func(ctx context.Context, s *side) error {
		pod := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: s.key.Namespace, GenerateName: s.key.Name + "-", Labels: map[string]string{appLabel: s.key.Name}},
			Spec: corev1.PodSpec{NodeName: nodeName, RestartPolicy: corev1.RestartPolicyNever,
				Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
				Containers:  []corev1.Container{{Name: "main", Image: "busybox", TerminationMessagePolicy: corev1.TerminationMessageReadFile}}},
		}
		if err := api.Create(ctx, pod); err != nil {
			return err
		}
		return s.await(ctx, func() error { return s.caches.eyes.Get(ctx, client.ObjectKeyFromObject(pod), &corev1.Pod{}) })
	})
}

// relabelled merges a patch into the metadata of active pods.
func relabelled(patch string, pods ...int) step {
	return eachPod("patch metadata "+patch, isActive, pods, func(ctx context.Context, s *side, pod *corev1.Pod) error {
		if err := api.Patch(ctx, pod, client.RawPatch(types.MergePatchType, []byte(`{"metadata":`+patch+`}`))); err != nil {
			return err
		}
		return s.await(ctx, func() error {
			now := &corev1.Pod{}
			if err := s.caches.eyes.Get(ctx, client.ObjectKeyFromObject(pod), now); err != nil {
				return err
			}
			order, err := resourceversion.CompareResourceVersion(now.ResourceVersion, pod.ResourceVersion)
			if err == nil && order < 0 {
				err = fmt.Errorf("the cache shows version %s", now.ResourceVersion)
			}
			return err
		})
	})
}

// givenUp waits until one active pod belongs to nobody.
func givenUp() step {
	return podsAre("given up", func(p *corev1.Pod) bool { return isActive(p) && metav1.GetControllerOfNoCopy(p) == nil }, 1)
}

// owned waits until n pods that are active belong to the job.
func owned(n int) step {
	return waitFor(fmt.Sprintf("%d active pods are owned", n), func(job *batchv1.Job, pods []*corev1.Pod) error {
		got := count(pods, func(p *corev1.Pod) bool { return isActive(p) && metav1.IsControlledBy(p, job) })
		if got != n {
			return fmt.Errorf("owned are %d of %d", got, len(pods))
		}
		return nil
	})
}

// refused is an edit that the API server does not take.
func refused(patch string) step {
	one := edit(patch)
	return doing("refused: "+one.name, func(ctx context.Context, s *side) error {
		err := one.do(ctx, s)
		if err == nil {
			return fmt.Errorf("accepted")
		}
		if !apierrors.IsInvalid(err) {
			return err
		}
		return nil
	})
}

// succeeded waits for n successes, whatever else is yet to be counted.
func succeeded(n int) step {
	return waitFor(fmt.Sprintf("%d have succeeded", n), func(job *batchv1.Job, _ []*corev1.Pod) error {
		if int(job.Status.Succeeded) != n {
			return fmt.Errorf("succeeded have %d", job.Status.Succeeded)
		}
		return nil
	})
}

// letGo waits until no pod that has ended is held.
func letGo() step {
	return waitFor("ended pods are let go", func(_ *batchv1.Job, pods []*corev1.Pod) error {
		if n := count(pods, func(p *corev1.Pod) bool { return hasEnded(p) && len(p.Finalizers) > 0 }); n > 0 {
			return fmt.Errorf("%d are held", n)
		}
		return nil
	})
}

// statusBy merges a patch into the status of the job, as somebody does who is no
// controller of it.
func statusBy(patch string) step {
	return doing("write status "+patch, func(ctx context.Context, s *side) error {
		job := s.object()
		if err := api.Status().Patch(ctx, job, client.RawPatch(types.MergePatchType, []byte(`{"status":`+patch+`}`))); err != nil {
			return err
		}
		return s.seen(ctx, job, false)
	})
}
