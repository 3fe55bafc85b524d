package report

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// reading is how one state reads in the status. Reconciling and Stalled are
// present only while True, as kstatus has it.
type reading struct {
	phase       v1alpha1.Phase
	ready       metav1.ConditionStatus
	reason      string
	reconciling bool
	stalled     bool
}

// read gives every state its reading. Suspended is neither Reconciling nor
// Stalled: a suspended migration has not run, so whoever waits for it goes on
// waiting (unlike the built-in Job, which kstatus calls current).
func read(state engine.State, reason string) reading {
	switch state {
	case engine.StateComplete:
		return reading{phase: v1alpha1.PhaseComplete, ready: metav1.ConditionTrue, reason: v1alpha1.ReasonSucceeded}
	case engine.StateFailed:
		return reading{phase: v1alpha1.PhaseFailed, ready: metav1.ConditionFalse, reason: reason, stalled: true}
	case engine.StateRefused:
		return reading{phase: v1alpha1.PhaseStalled, ready: metav1.ConditionFalse, reason: reason, stalled: true}
	case engine.StateSuspended:
		return reading{phase: v1alpha1.PhaseSuspended, ready: metav1.ConditionFalse, reason: v1alpha1.ReasonSuspended}
	case engine.StateNotRun:
		return reading{phase: v1alpha1.PhaseNotRun, ready: metav1.ConditionTrue, reason: v1alpha1.ReasonNotRun}
	case engine.StateDraining:
		return reading{phase: v1alpha1.PhaseRunning, ready: metav1.ConditionUnknown, reason: v1alpha1.ReasonDraining, reconciling: true}
	case engine.StateWaiting:
		return reading{phase: v1alpha1.PhaseWaiting, ready: metav1.ConditionFalse, reason: reason}
	case engine.StateRetrying:
		return reading{phase: v1alpha1.PhaseRunning, ready: metav1.ConditionFalse, reason: v1alpha1.ReasonProgressingWithRetry, reconciling: true}
	case engine.StateRunning, engine.StateBackingOff, engine.StateEnding, engine.StateForeign, engine.StateGone:
	}
	return reading{phase: v1alpha1.PhaseRunning, ready: metav1.ConditionUnknown, reason: v1alpha1.ReasonProgressing, reconciling: true}
}

// column is what the REASON column shows: why the phase is what it is, and
// nothing where the phase says it all.
func column(out engine.Outcome) string {
	reason := out.Reason
	switch out.State {
	case engine.StateComplete, engine.StateForeign, engine.StateGone:
		return ""
	case engine.StateBackingOff:
		reason = v1alpha1.ReasonBackingOff
	case engine.StateSuspended, engine.StateRunning, engine.StateNotRun:
		return out.Short
	case engine.StateRetrying:
		out.Short = gist(out.Message)
	case engine.StateFailed, engine.StateRefused, engine.StateEnding, engine.StateDraining, engine.StateWaiting:
	}
	if out.Short != "" {
		return reason + ": " + out.Short
	}
	return reason
}

// maxGist bounds what the REASON column shows of an API server's words.
const maxGist = 60

// triedAgain ends the message of a refusal that is not for good.
const triedAgain = "; it is tried again"

// gist is what is wrong in a refusal by the API server, less the pod's name, which
// nobody will ever see again.
func gist(message string) string {
	message = strings.TrimSuffix(message, triedAgain)
	if _, why, found := strings.Cut(message, " is forbidden: "); found {
		message = why
	}
	if r := []rune(message); len(r) > maxGist {
		message = string(r[:maxGist-1]) + "…"
	}
	return message
}

// sentence is the message of Ready.
func sentence(job *v1alpha1.BatchJob, s *v1alpha1.BatchJobStatus, out engine.Outcome) string {
	switch out.State {
	case engine.StateComplete:
		return fmt.Sprintf("Run %d succeeded: %s pods in %s", number(s), s.Progress, s.Duration)
	case engine.StateRunning:
		message := fmt.Sprintf("Run %d: %d active, %s succeeded, %d failed", number(s), s.Active, s.Progress, failed(s))
		switch {
		case out.Message != "":
			message += "; " + out.Message
		case job.Spec.GetParallelism() == 0:
			message += "; spec.parallelism is 0: no pod is created until it is raised"
		}
		return message
	case engine.StateEnding:
		return fmt.Sprintf("%s; waiting for the last pods to end", out.Message)
	case engine.StateFailed, engine.StateRefused, engine.StateSuspended, engine.StateRetrying, engine.StateDraining, engine.StateNotRun, engine.StateWaiting,
		engine.StateBackingOff, engine.StateForeign, engine.StateGone:
	}
	return out.Message
}

func number(s *v1alpha1.BatchJobStatus) int64 {
	if s.Run == nil {
		return 0
	}
	return s.Run.Number
}
