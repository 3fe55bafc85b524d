//go:build integration

package integration

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// same fails unless both are equal.
func same[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func wantFailed(job *v1alpha1.BatchJob, n int32) error {
	u := job.Status.UncountedTerminatedPods
	if got := job.Status.Failed + int32(len(u.Failed)); got != n {
		return fmt.Errorf("%d pods have failed", got)
	}
	return nil
}

func wantTerminating(job *v1alpha1.BatchJob, n int32) error {
	if got := job.Status.Terminating; got == nil || *got != n {
		return fmt.Errorf("terminating are %v; %s", got, ready(job))
	}
	return nil
}

func wantHandled(job *v1alpha1.BatchJob, at string) error {
	if got := job.Status.LastHandledReconcileAt; got != at {
		return fmt.Errorf("the last that was handled is %q", got)
	}
	return nil
}

func wantReason(job *v1alpha1.BatchJob, reason string) error {
	if !strings.HasPrefix(job.Status.Reason, reason) {
		return fmt.Errorf("the reason is %q; %s", job.Status.Reason, ready(job))
	}
	return nil
}

func wantProgress(job *v1alpha1.BatchJob, progress string) error {
	if job.Status.Progress != progress {
		return fmt.Errorf("it is %s; %s", job.Status.Progress, ready(job))
	}
	return nil
}

func wantPhase(job *v1alpha1.BatchJob, phase v1alpha1.Phase) error {
	if job.Status.Phase != phase {
		return fmt.Errorf("it is %s; %s", job.Status.Phase, ready(job))
	}
	return nil
}

// wantRuns wants n pods of each of the runs, and no others.
func wantRuns(got map[string]int, runs string, n int) error {
	want := map[string]int{}
	for run := range strings.FieldsSeq(runs) {
		want[run] = n
	}
	if !maps.Equal(got, want) {
		return fmt.Errorf("pods by run are %v", got)
	}
	return nil
}
