package batchjob

import (
	"strconv"
	"strings"
	"time"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// maxTerminationMessage is how much of the end of a termination message goes
// into conditions and events.
const maxTerminationMessage = 512

// factsOf takes from a pod what the judge needs.
func factsOf(pod *corev1.Pod, messages bool) engine.Pod {
	run, _ := strconv.ParseInt(pod.Labels[v1alpha1.LabelRun], 10, 64)
	p := engine.Pod{
		PodRef:   engine.PodRef{Name: pod.Name, UID: pod.UID},
		Run:      run,
		Revision: pod.Annotations[v1alpha1.AnnotationRevision],
		Phase:    pod.Status.Phase,
		Deleting: pod.DeletionTimestamp != nil,
		Tracked:  controllerutil.ContainsFinalizer(pod, v1alpha1.FinalizerJobTracking),
		Labelled: pod.Labels[v1alpha1.LabelJobUID] != "" && run > 0,
		Orphan:   metav1.GetControllerOfNoCopy(pod) == nil,
		Assigned: pod.Spec.NodeName != "",
		Node:     pod.Spec.NodeName,
		Created:  pod.CreationTimestamp.Time,
		Finished: finishTime(pod),
		Started:  started(pod),
		Index:    int(number(pod.Annotations[v1alpha1.AnnotationCompletionIndex], -1)),

		IndexFailures: number(pod.Annotations[v1alpha1.AnnotationIndexFailureCount], 0),
		IndexIgnored:  number(pod.Annotations[v1alpha1.AnnotationIndexIgnoredFailureCount], 0),
	}
	if p.Deleting {
		grace := pod.DeletionGracePeriodSeconds
		p.Forced = grace != nil && *grace == 0
		p.GoneBy = pod.DeletionTimestamp.Time
	}
	if c := podCondition(pod, corev1.PodReady); c != nil {
		p.Ready, p.ReadySince = c.Status == corev1.ConditionTrue, c.LastTransitionTime.Time
	}
	eachContainer(pod, func(s *corev1.ContainerStatus) {
		p.Restarts += s.RestartCount
		p.MaxRestarts = max(p.MaxRestarts, s.RestartCount)
	})
	failing(pod, &p)
	p.Why = why(pod)
	if !messages && p.Why.ExitCode != 0 {
		p.Why.Message = ""
	}
	p.Why.Message = printable(p.Why.Message, maxTerminationMessage)
	return p
}

// number reads a count that we wrote; anything else is absent.
func number(s string, absent int32) int32 {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return absent
	}
	return int32(n)
}

// started tells whether a container runs or has run.
func started(pod *corev1.Pod) bool {
	if pod.Status.Phase != corev1.PodPending {
		return pod.Status.Phase != ""
	}
	found := false
	eachContainer(pod, func(s *corev1.ContainerStatus) {
		found = found || s.State.Running != nil || s.State.Terminated != nil
	})
	return found
}

// failing fills in what podFailurePolicy can match, in batch/v1's order: the
// containers, then the init containers.
func failing(pod *corev1.Pod, p *engine.Pod) {
	if p.Phase != corev1.PodFailed && !p.Deleting {
		return
	}
	for _, statuses := range [][]corev1.ContainerStatus{pod.Status.ContainerStatuses, pod.Status.InitContainerStatuses} {
		for i := range statuses {
			if t := statuses[i].State.Terminated; t != nil && t.ExitCode != 0 {
				p.Exits = append(p.Exits, engine.Exit{Container: statuses[i].Name, Code: t.ExitCode})
			}
		}
	}
	for _, c := range pod.Status.Conditions {
		p.Conditions = append(p.Conditions, engine.PodCondition{Type: c.Type, Status: c.Status})
	}
}

// finishTime is when a pod ended, as batch/v1 tells it: the last container to
// finish; else when it stopped being ready; else when its deletion was asked
// for; else its creation. Zero while it runs.
func finishTime(pod *corev1.Pod) time.Time {
	if pod.Status.Phase != corev1.PodSucceeded && pod.Status.Phase != corev1.PodFailed && pod.DeletionTimestamp == nil {
		return time.Time{}
	}
	var last time.Time
	complete := len(pod.Status.ContainerStatuses) > 0
	eachContainer(pod, func(s *corev1.ContainerStatus) {
		if t := s.State.Terminated; t != nil && t.FinishedAt.After(last) {
			last = t.FinishedAt.Time
		}
	})
	for i := range pod.Status.ContainerStatuses {
		complete = complete && pod.Status.ContainerStatuses[i].State.Terminated != nil
	}
	if !last.IsZero() && (complete || onlyInit(pod)) {
		return last
	}
	if c := podCondition(pod, corev1.PodReady); c != nil && c.Status == corev1.ConditionFalse && !c.LastTransitionTime.IsZero() {
		return c.LastTransitionTime.Time
	}
	return deletedOrCreated(&pod.ObjectMeta)
}

// onlyInit tells that a pod failed before its containers had their turn: it
// ended with its last init container.
func onlyInit(pod *corev1.Pod) bool {
	for i := range pod.Status.ContainerStatuses {
		if s := &pod.Status.ContainerStatuses[i]; s.State.Terminated != nil || s.State.Running != nil {
			return false
		}
	}
	return pod.Status.Phase == corev1.PodFailed
}

func deletedOrCreated(m *metav1.ObjectMeta) time.Time {
	if m.DeletionTimestamp == nil {
		return m.CreationTimestamp.Time
	}
	at := m.DeletionTimestamp.Time
	if m.DeletionGracePeriodSeconds != nil {
		at = at.Add(-time.Duration(*m.DeletionGracePeriodSeconds) * time.Second)
	}
	return at
}

// why finds the reason for which a pod failed, restarts or does not start.
func why(pod *corev1.Pod) engine.Why {
	if w, ok := whyEnded(pod); ok {
		return w
	}
	if c := podCondition(pod, v1alpha1.PodConditionStartTimeout); c != nil && c.Status == corev1.ConditionTrue {
		return engine.Why{Reason: v1alpha1.ReasonStartTimeout, Message: c.Message}
	}
	if pod.Status.Reason != "" {
		return engine.Why{Reason: pod.Status.Reason, Message: pod.Status.Message}
	}
	if w, ok := whyWaiting(pod); ok {
		return w
	}
	if c := podCondition(pod, corev1.PodScheduled); c != nil && c.Status == corev1.ConditionFalse {
		return engine.Why{Reason: c.Reason, Message: c.Message}
	}
	return engine.Why{}
}

// whyEnded is the container that ended first with an exit code other than 0; of
// a container that was restarted in place, its last end.
func whyEnded(pod *corev1.Pod) (engine.Why, bool) {
	var found *corev1.ContainerStateTerminated
	var name string
	eachContainer(pod, func(s *corev1.ContainerStatus) {
		t := s.State.Terminated
		if t == nil && pod.Status.Phase != corev1.PodSucceeded {
			t = s.LastTerminationState.Terminated
		}
		if t == nil || t.ExitCode == 0 {
			return
		}
		if found == nil || t.FinishedAt.Time.Before(found.FinishedAt.Time) {
			found, name = t, s.Name
		}
	})
	if found == nil {
		return engine.Why{}, false
	}
	return engine.Why{Container: name, Reason: found.Reason, ExitCode: found.ExitCode, Message: found.Message}, true
}

// whyWaiting is the first container that cannot start. The kubelet swings
// between two words for one trouble; one of them is enough.
func whyWaiting(pod *corev1.Pod) (engine.Why, bool) {
	var w engine.Why
	eachContainer(pod, func(s *corev1.ContainerStatus) {
		if w.Reason != "" || s.State.Waiting == nil {
			return
		}
		switch reason := s.State.Waiting.Reason; reason {
		case "", "ContainerCreating", "PodInitializing":
		case "ErrImagePull", "ImagePullBackOff":
			w = engine.Why{Container: s.Name, Reason: "ImagePullBackOff", Message: "the image " + s.Image + " cannot be pulled"}
		default:
			w = engine.Why{Container: s.Name, Reason: reason, Message: s.State.Waiting.Message}
		}
	})
	return w, w.Reason != ""
}

func eachContainer(pod *corev1.Pod, do func(*corev1.ContainerStatus)) {
	for i := range pod.Status.InitContainerStatuses {
		do(&pod.Status.InitContainerStatuses[i])
	}
	for i := range pod.Status.ContainerStatuses {
		do(&pod.Status.ContainerStatuses[i])
	}
}

func podCondition(pod *corev1.Pod, t corev1.PodConditionType) *corev1.PodCondition {
	for i := range pod.Status.Conditions {
		if pod.Status.Conditions[i].Type == t {
			return &pod.Status.Conditions[i]
		}
	}
	return nil
}

// printable keeps the last n bytes of s, its lines, and no other control
// characters: it is somebody's output and goes onto other people's terminals.
func printable(s string, n int) string {
	s = strings.TrimSpace(strings.ToValidUTF8(s, ""))
	if len(s) > n {
		s = strings.ToValidUTF8(s[len(s)-n:], "")
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return -1
	}, s)
}
