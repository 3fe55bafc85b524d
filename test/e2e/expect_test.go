//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// script is a BatchJob whose one container runs a shell script; more are fields
// of its spec, by themselves or over several lines.
func script(name, restartPolicy, text string, more ...string) string {
	m := fmt.Sprintf(`apiVersion: batch.stint.dev/v1alpha1
kind: BatchJob
metadata: {name: %s}
spec:
  template:
    spec:
      restartPolicy: %s
      terminationGracePeriodSeconds: 5
      containers:
      - name: main
        image: busybox
        command: ["/bin/sh", "-c", %q]
`, name, restartPolicy, text)
	for _, field := range more {
		m += "  " + strings.ReplaceAll(field, "\n", "\n  ") + "\n"
	}
	return m
}

// phase waits for a job's phase and returns the job.
func (s *space) phase(name string, want v1alpha1.Phase, within time.Duration) *v1alpha1.BatchJob {
	s.Helper()
	var job *v1alpha1.BatchJob
	s.eventually(within, name+" is "+string(want), func(ctx context.Context) error {
		var err error
		if job, err = s.job(ctx, name); err != nil {
			return err
		}
		if job.Status.Phase != want || job.Status.ObservedGeneration != job.Generation {
			return fmt.Errorf("it is %s %s", job.Status.Phase, job.Status.Reason)
		}
		return nil
	})
	return job
}

// says waits until the condition Ready has a reason and a message with all the
// words, and the columns STATUS and REASON tell of it too.
func (s *space) says(name, reason string, words ...string) *v1alpha1.BatchJob {
	s.Helper()
	var job *v1alpha1.BatchJob
	s.eventually(soon, fmt.Sprintf("%s says %s with %q", name, reason, words), func(ctx context.Context) error {
		var err error
		if job, err = s.job(ctx, name); err != nil {
			return err
		}
		ready := meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionReady)
		if ready == nil || ready.Reason != reason {
			return fmt.Errorf("Ready is %+v", ready)
		}
		for _, word := range words {
			if !strings.Contains(ready.Message, word) {
				return fmt.Errorf("no %q in %q", word, ready.Message)
			}
		}
		return nil
	})
	return job
}

// columns are the cells that kubectl prints for a job, by their headings.
func (s *space) columns(name string) map[string]string {
	s.Helper()
	lines := strings.Split(strings.TrimRight(s.kubectl("get", "batchjob", name), "\n"), "\n")
	if len(lines) != 2 {
		s.Fatalf("want a heading and a row:\n%s", strings.Join(lines, "\n"))
	}
	row := map[string]string{}
	headings := strings.Fields(lines[0])
	for i, h := range headings {
		from, to := strings.Index(lines[0], h), len(lines[1])
		if i+1 < len(headings) {
			to = min(to, strings.Index(lines[0], headings[i+1]))
		}
		row[h] = ""
		if from < to {
			row[h] = strings.TrimSpace(lines[1][from:to])
		}
	}
	return row
}

// counted fails unless exactly so many pods have succeeded and every one is in
// the counters once: no pod besides, no finalizer, nothing uncounted.
func (s *space) counted(name string, want int) {
	s.Helper()
	s.eventually(soon, "every pod is let go", func(ctx context.Context) error {
		pods, err := s.podsOf(ctx, name)
		if err != nil {
			return err
		}
		return finalizers(pods)
	})
	job, err := s.job(s.Context(), name)
	if err != nil {
		s.Fatal(err)
	}
	pods, err := s.podsOf(s.Context(), name)
	if err != nil {
		s.Fatal(err)
	}
	succeeded := 0
	for i := range pods {
		if pods[i].Status.Phase == corev1.PodSucceeded {
			succeeded++
		}
	}
	st, uncounted := job.Status, 0
	if u := st.UncountedTerminatedPods; u != nil {
		uncounted = len(u.Succeeded) + len(u.Failed)
	}
	if int(st.Succeeded) != want || succeeded != want || len(pods) != want || st.Failed != 0 || st.Active != 0 || uncounted != 0 {
		s.Errorf("want exactly %d: status counts %d succeeded, %d failed, %d active, %d uncounted; of %d pods %d succeeded\n%s",
			want, st.Succeeded, st.Failed, st.Active, uncounted, len(pods), succeeded, s.describe())
	}
}

// finalizers fails for pods that our finalizer still holds.
func finalizers(pods []corev1.Pod) error {
	var errs []error
	for i := range pods {
		if slices.Contains(pods[i].Finalizers, v1alpha1.FinalizerJobTracking) {
			errs = append(errs, fmt.Errorf("pod %s has our finalizer", pods[i].Name))
		}
	}
	return errors.Join(errs...)
}

// noPods waits until no pod of a job is left.
func (s *space) noPods(job string) {
	s.Helper()
	s.eventually(soon, "the pods of "+job+" are gone", func(ctx context.Context) error {
		pods, err := s.podsOf(ctx, job)
		if err == nil && len(pods) > 0 {
			err = fmt.Errorf("%d are left", len(pods))
		}
		return err
	})
}

// running waits until so many pods of a job run.
func (s *space) running(job string, want int) {
	s.Helper()
	s.eventually(soon, fmt.Sprintf("%d pods of %s run", want, job), func(ctx context.Context) error {
		pods, err := s.podsOf(ctx, job)
		n := 0
		for i := range pods {
			if pods[i].Status.Phase == corev1.PodRunning {
				n++
			}
		}
		if err == nil && n != want {
			err = fmt.Errorf("%d of %d do", n, len(pods))
		}
		return err
	})
}
