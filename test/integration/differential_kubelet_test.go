//go:build integration

package integration

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// kubelet changes the status of a pod, as the kubelet of its node does.
func (s *side) kubelet(ctx context.Context, pod *corev1.Pod, change func(*corev1.Pod)) error {
	for {
		change(pod)
		err := api.Status().Update(ctx, pod)
		if err == nil {
			break
		}
		if !apierrors.IsConflict(err) {
			return err
		}
		if err := api.Get(ctx, client.ObjectKeyFromObject(pod), pod); err != nil {
			return err
		}
	}
	return s.seen(ctx, pod, false)
}

// end is what a kubelet does with a pod that is being deleted: its containers
// end, and the object goes when nothing holds it.
func (s *side) end(ctx context.Context, pod *corev1.Pod, change func(*corev1.Pod)) error {
	err := s.kubelet(ctx, pod, change)
	if err == nil {
		err = api.Delete(ctx, pod, client.GracePeriodSeconds(0), client.Preconditions{UID: &pod.UID})
	}
	if err != nil {
		return client.IgnoreNotFound(err)
	}
	return s.await(ctx, func() error {
		now := &corev1.Pod{}
		if err := s.caches.eyes.Get(ctx, client.ObjectKeyFromObject(pod), now); err != nil {
			return client.IgnoreNotFound(err)
		}
		if now.UID == pod.UID && (ptr.Deref(now.DeletionGracePeriodSeconds, 1) > 0 || goes(now)) {
			return fmt.Errorf("the cache does not show the end of pod %s", pod.Name)
		}
		return nil
	})
}

// running starts the containers of active pods; they are ready.
func running(pods ...int) step {
	return eachPod("run", isActive, pods, func(ctx context.Context, s *side, pod *corev1.Pod) error {
		return s.kubelet(ctx, pod, runs(0))
	})
}

// restarted says how often the containers of active pods have been restarted in
// place.
func restarted(times int32, pods ...int) step {
	return eachPod(fmt.Sprintf("restart %d times", times), isActive, pods, func(ctx context.Context, s *side, pod *corev1.Pod) error {
		return s.kubelet(ctx, pod, runs(times))
	})
}

// waiting says that the containers of active pods have not started.
func waiting(reason string, pods ...int) step {
	return eachPod("wait for "+reason, isActive, pods, func(ctx context.Context, s *side, pod *corev1.Pod) error {
		return s.kubelet(ctx, pod, func(p *corev1.Pod) {
			p.Status.Phase = corev1.PodPending
			p.Status.ContainerStatuses = containers(p.Spec.Containers, func(c *corev1.ContainerStatus) {
				c.State.Waiting = &corev1.ContainerStateWaiting{Reason: reason}
			})
		})
	})
}

// succeed ends active pods well.
func succeed(pods ...int) step {
	return eachPod("succeed", isActive, pods, func(ctx context.Context, s *side, pod *corev1.Pod) error {
		return s.kubelet(ctx, pod, ends(corev1.PodSucceeded, exit{}))
	})
}

// ahead is when something ends in the future: a back-off that is counted from
// there lasts as long as the slowest machine needs to look at it.
const ahead = 5 * time.Minute

// succeedAfter ends active pods well, so much later than those that just failed.
func succeedAfter(later time.Duration, pods ...int) step {
	return eachPod("succeed later", isActive, pods, func(ctx context.Context, s *side, pod *corev1.Pod) error {
		return s.kubelet(ctx, pod, ends(corev1.PodSucceeded, exit{later: ahead + later}))
	})
}

// stopped says that the containers of active pods run, and will not be ready
// after so long: that is when a pod ended whose containers do not say.
func stopped(later time.Duration, pods ...int) step {
	return eachPod("stop being ready", isActive, pods, func(ctx context.Context, s *side, pod *corev1.Pod) error {
		return s.kubelet(ctx, pod, func(p *corev1.Pod) {
			runs(0)(p)
			conditionSince(p, corev1.PodReady, corev1.ConditionFalse, metav1.NewTime(time.Now().Add(later)))
		})
	})
}

// unready says that the containers of active pods run and have not been ready
// for long.
func unready(pods ...int) step {
	return eachPod("run, not ready", isActive, pods, func(ctx context.Context, s *side, pod *corev1.Pod) error {
		return s.kubelet(ctx, pod, func(p *corev1.Pod) {
			runs(0)(p)
			condition(p, corev1.PodReady, corev1.ConditionFalse)
		})
	})
}

// fail ends active pods with exit code 1.
func fail(pods ...int) step { return exits(exit{code: 1}, pods...) }

// justFailed ends active pods with exit code 1: their back-off lasts.
func justFailed(pods ...int) step { return exits(exit{code: 1, later: ahead}, pods...) }

// exit is how the containers of a pod end; the other containers end with 0.
type exit struct {
	code int32
	// container is the one that fails, all if empty.
	container string
	// later is how much later than now it ended; 0 is long ago.
	later time.Duration
	// condition is one that the pod has then.
	condition corev1.PodConditionType
	status    corev1.ConditionStatus
	// evicted: the kubelet ended the pod before its containers said a word.
	evicted bool
}

// exits fails active pods in that way.
func exits(how exit, pods ...int) step {
	return eachPod(fmt.Sprintf("fail %+v", how), isActive, pods, func(ctx context.Context, s *side, pod *corev1.Pod) error {
		return s.kubelet(ctx, pod, ends(corev1.PodFailed, how))
	})
}

func runs(restarts int32) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		started := func(c *corev1.ContainerStatus) {
			c.State.Running, c.Ready, c.RestartCount = &corev1.ContainerStateRunning{StartedAt: longAgo()}, true, restarts
		}
		p.Status.Phase = corev1.PodRunning
		p.Status.ContainerStatuses = containers(p.Spec.Containers, started)
		p.Status.InitContainerStatuses = containers(p.Spec.InitContainers, func(c *corev1.ContainerStatus) {
			c.State.Terminated = &corev1.ContainerStateTerminated{Reason: "Completed", FinishedAt: longAgo()}
		})
		condition(p, corev1.PodReady, corev1.ConditionTrue)
	}
}

func ends(phase corev1.PodPhase, how exit) func(*corev1.Pod) {
	at := longAgo()
	if how.later != 0 {
		at = metav1.NewTime(time.Now().Add(how.later))
	}
	return func(p *corev1.Pod) {
		p.Status.Phase = phase
		condition(p, corev1.PodReady, corev1.ConditionFalse)
		if how.condition != "" {
			condition(p, how.condition, how.status)
		}
		if how.evicted {
			p.Status.Reason, p.Status.Message = "Evicted", "The node was low on resource: memory."
			return
		}
		over := func(c *corev1.ContainerStatus) {
			t := &corev1.ContainerStateTerminated{Reason: "Completed", FinishedAt: at}
			if how.code != 0 && (how.container == "" || how.container == c.Name) {
				t.ExitCode, t.Reason = how.code, "Error"
			}
			c.State = corev1.ContainerState{Terminated: t}
		}
		p.Status.ContainerStatuses = containers(p.Spec.Containers, over)
		p.Status.InitContainerStatuses = containers(p.Spec.InitContainers, over)
	}
}

func containers(specs []corev1.Container, state func(*corev1.ContainerStatus)) []corev1.ContainerStatus {
	var all []corev1.ContainerStatus
	for i := range specs {
		c := corev1.ContainerStatus{Name: specs[i].Name, Image: specs[i].Image}
		state(&c)
		all = append(all, c)
	}
	return all
}

// condition sets one condition of a pod; it has been so for long.
func condition(p *corev1.Pod, t corev1.PodConditionType, status corev1.ConditionStatus) {
	conditionSince(p, t, status, longAgo())
}

func conditionSince(p *corev1.Pod, t corev1.PodConditionType, status corev1.ConditionStatus, since metav1.Time) {
	for i := range p.Status.Conditions {
		if c := &p.Status.Conditions[i]; c.Type == t {
			c.Status, c.LastTransitionTime = status, since
			return
		}
	}
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: t, Status: status, LastTransitionTime: since})
}

// longAgo is when containers ended and pods stopped being ready, unless a step
// says otherwise: both controllers count their back-off from there, and it is
// over.
func longAgo() metav1.Time { return metav1.NewTime(time.Now().Add(-time.Hour).Truncate(time.Second)) }

// allTerminated waits for n pods to be terminating and ends them.
func allTerminated(n int) step { return endAll(n, exit{code: 143}) }
