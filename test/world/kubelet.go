package world

import (
	"fmt"
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Nodes is everybody but the controller who moves pods: the scheduler, the
// kubelets, the pod garbage collector.
type Nodes struct {
	store *Store
	story *Story
	rng   *rand.Rand
	// FailPercent of the pods that end do so with an error.
	FailPercent int
	// Harsh allows what no program asked for: evictions and dead nodes.
	Harsh bool
	// Stuck percent of the pods get no node, or no container started.
	Stuck int
	stuck map[types.UID]bool
}

var kubelet = Actor{Name: "kubelet"}

// Step moves one pod on by one step; false if there is none to move.
func (n *Nodes) Step() bool {
	var movable []*corev1.Pod
	for _, p := range n.store.Pods() {
		if n.stuck[p.UID] && p.DeletionTimestamp == nil {
			continue
		}
		if !podEnded(p) || p.DeletionTimestamp != nil && *p.DeletionGracePeriodSeconds > 0 {
			movable = append(movable, p)
		}
	}
	if len(movable) == 0 {
		return false
	}
	n.move(movable[n.rng.IntN(len(movable))])
	return true
}

func (n *Nodes) move(p *corev1.Pod) {
	if n.Harsh && p.Spec.NodeName != "" && !podEnded(p) && n.rng.IntN(25) == 0 {
		n.disrupt(p)
		return
	}
	switch {
	case p.DeletionTimestamp != nil:
		n.terminate(p)
	case p.Status.Phase == corev1.PodPending && n.Stuck > 0 && n.rng.IntN(100) < n.Stuck/2:
		n.stuck[p.UID] = true
		n.story.Add("pod %s is stuck", p.Name)
	case p.Spec.NodeName == "":
		n.bind(p)
	case p.Status.Phase == corev1.PodPending:
		n.set(p, "runs", running)
	case !podReady(p) && n.rng.IntN(2) == 0:
		n.set(p, "is ready", func(p *corev1.Pod) { n.condition(p, corev1.PodReady, corev1.ConditionTrue, "") })
	case n.rng.IntN(100) >= n.FailPercent:
		n.set(p, "succeeds", func(p *corev1.Pod) { n.end(p, corev1.PodSucceeded, 0) })
	case p.Spec.RestartPolicy == corev1.RestartPolicyOnFailure:
		n.set(p, "restarts its container", n.restart)
	default:
		n.set(p, "fails", func(p *corev1.Pod) { n.end(p, corev1.PodFailed, 1+int32(n.rng.IntN(3))) })
	}
}

// terminate ends a pod that was told to. What was never bound is ended by the
// pod garbage collector.
func (n *Nodes) terminate(p *corev1.Pod) {
	switch {
	case podEnded(p):
		n.removeNow(p)
	case p.Spec.NodeName == "":
		n.set(p, "is failed as never scheduled", func(p *corev1.Pod) { p.Status.Phase, p.Status.Reason = corev1.PodFailed, "Unscheduled" })
	case p.Status.Phase == corev1.PodRunning && n.rng.IntN(4) == 0:
		n.set(p, "succeeds while terminating", func(p *corev1.Pod) { n.end(p, corev1.PodSucceeded, 0) })
	default:
		n.set(p, "is killed", func(p *corev1.Pod) { n.end(p, corev1.PodFailed, 143) })
	}
}

// disrupt evicts a pod, or loses it with its node.
func (n *Nodes) disrupt(p *corev1.Pod) {
	if n.rng.IntN(2) == 0 {
		n.set(p, "is evicted", func(p *corev1.Pod) {
			if p.Status.Phase == corev1.PodRunning {
				n.end(p, corev1.PodFailed, 137)
			}
			p.Status.Phase, p.Status.Reason = corev1.PodFailed, "Evicted"
			n.condition(p, corev1.DisruptionTarget, corev1.ConditionTrue, "TerminationByKubelet")
		})
		return
	}
	n.set(p, "is lost with its node", func(p *corev1.Pod) {
		p.Status.Phase = corev1.PodFailed
		n.condition(p, corev1.DisruptionTarget, corev1.ConditionTrue, "DeletionByPodGC")
	})
	n.removeNow(p)
}

func (n *Nodes) bind(p *corev1.Pod) {
	next := p.DeepCopy()
	next.Spec.NodeName = "node"
	if _, err := n.store.update(kubelet, next, false); err != nil {
		panic(err)
	}
	n.story.Add("pod %s is bound to a node", p.Name)
}

// removeNow is a deletion without grace, as a kubelet confirms the end of a
// pod: only a finalizer can hold it then.
func (n *Nodes) removeNow(p *corev1.Pod) {
	zero := int64(0)
	o := client.DeleteOptions{GracePeriodSeconds: &zero}
	if err := n.store.remove(kubelet, podKind, client.ObjectKeyFromObject(p), o); err == nil {
		n.story.Add("pod %s is removed for good", p.Name)
	}
}

func (n *Nodes) set(p *corev1.Pod, what string, change func(*corev1.Pod)) {
	next := p.DeepCopy()
	change(next)
	if _, err := n.store.update(kubelet, next, true); err != nil {
		panic(fmt.Sprintf("a kubelet writes %s: %v", p.Name, err))
	}
	n.story.Add("pod %s %s", p.Name, what)
}

func running(p *corev1.Pod) {
	p.Status.Phase = corev1.PodRunning
	for _, c := range p.Spec.Containers {
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
		})
	}
}

func (n *Nodes) restart(p *corev1.Pod) {
	for i := range p.Status.ContainerStatuses {
		p.Status.ContainerStatuses[i].RestartCount++
	}
	n.condition(p, corev1.PodReady, corev1.ConditionFalse, "ContainersNotReady")
}

// end is the last status of a pod whose containers have exited.
func (n *Nodes) end(p *corev1.Pod, phase corev1.PodPhase, code int32) {
	p.Status.Phase = phase
	if len(p.Status.ContainerStatuses) == 0 {
		running(p)
		p.Status.Phase = phase
	}
	for i := range p.Status.ContainerStatuses {
		p.Status.ContainerStatuses[i].State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			ExitCode: code, FinishedAt: n.store.stamp(), Message: fmt.Sprintf("exit %d", code),
		}}
	}
	n.condition(p, corev1.PodReady, corev1.ConditionFalse, "PodCompleted")
}

func podReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func (n *Nodes) condition(p *corev1.Pod, t corev1.PodConditionType, status corev1.ConditionStatus, reason string) {
	for i := range p.Status.Conditions {
		if c := &p.Status.Conditions[i]; c.Type == t {
			c.Status, c.Reason, c.LastTransitionTime = status, reason, n.store.stamp()
			return
		}
	}
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{
		Type: t, Status: status, Reason: reason, LastTransitionTime: n.store.stamp(),
	})
}
