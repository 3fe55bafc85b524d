//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// deadline: what runs too long is stopped, and counts as failed.
func deadline(s *space) {
	s.apply(script("slow", "Never", waits, "activeDeadlineSeconds: 3"))
	job := s.phase("slow", v1alpha1.PhaseFailed, soon)
	if job.Status.Reason != v1alpha1.ReasonDeadlineExceeded || job.Status.Active != 0 || job.Status.Failed != 1 {
		s.Errorf("status %+v", job.Status)
	}
	s.noPods("slow")
}

// indexes: each pod knows its own, by environment and by host name.
func indexes(s *space) {
	s.apply(script("indexed", "Never", `echo "$JOB_COMPLETION_INDEX $HOSTNAME"`, "completions: 3", "parallelism: 2", "completionMode: Indexed"))
	s.phase("indexed", v1alpha1.PhaseComplete, soon)
	s.counted("indexed", 3)
	lines := strings.Split(strings.TrimSpace(s.kubectl("logs", "-l", "job-name=indexed")), "\n")
	slices.Sort(lines)
	if want := []string{"0 indexed-0", "1 indexed-1", "2 indexed-2"}; !slices.Equal(lines, want) {
		s.Errorf("the pods say %q, want %q", lines, want)
	}
}

// failurePolicy: an exit code that says "do not try again" is believed.
func failurePolicy(s *space) {
	s.apply(script("giving-up", "Never", "exit 42", "backoffLimit: 6",
		"podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [42]}}]}"))
	job := s.phase("giving-up", v1alpha1.PhaseFailed, soon)
	if !strings.HasPrefix(job.Status.Reason, v1alpha1.ReasonPodFailurePolicy) || job.Status.Failed != 1 {
		s.Errorf("%s, %d pods failed", job.Status.Reason, job.Status.Failed)
	}
}

// timeToLive takes a job of nobody's away, and of one that a git tool would
// create again, and so run again, only the pods.
func timeToLive(s *space) {
	s.apply(script("nobodys", "Never", "true", "ttlSecondsAfterFinished: 1"))
	s.apply(strings.Replace(script("owned", "Never", "true", "ttlSecondsAfterFinished: 1"),
		"{name: owned}", "{name: owned, labels: {kustomize.toolkit.fluxcd.io/name: apps}}", 1))
	s.eventually(soon, "the job and its pods are gone", func(ctx context.Context) error {
		if _, err := s.job(ctx, "nobodys"); !apierrors.IsNotFound(err) {
			return errors.Join(err, errors.New("it is there"))
		}
		return nil
	})
	s.noPods("nobodys")
	s.phase("owned", v1alpha1.PhaseComplete, soon)
	s.noPods("owned")
	job, err := s.job(s.Context(), "owned")
	if err != nil || job.Status.Phase != v1alpha1.PhaseComplete || job.Status.Succeeded != 1 {
		s.Error(errors.Join(err, fmt.Errorf("status %+v", job.Status)))
	}
}
