//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// scheduled is a CronBatchJob that keeps all its runs; more are fields of its
// spec. Its pods say for which time they run.
func scheduled(name, schedule string, more ...string) string {
	return fmt.Sprintf(`apiVersion: batch.stint.dev/v1alpha1
kind: CronBatchJob
metadata: {name: %s}
spec:
  schedule: %q
  successfulJobsHistoryLimit: 1000%s
  jobTemplate:
    spec:
      template:
        spec:
          restartPolicy: Never
          containers:
          - {name: main, image: busybox, command: ["/bin/sh", "-c", "echo $STINT_SCHEDULED_TIME"]}
`, name, schedule, lines(2, more))
}

// times are the nominal times of a schedule's runs that have succeeded, oldest
// first, each run once, and how late the first pod of each began.
func (s *space) times(ctx context.Context, cron string) (times []time.Time, late []time.Duration, err error) {
	var jobs v1alpha1.BatchJobList
	if err := api.List(ctx, &jobs, client.InNamespace(s.name), client.MatchingLabels{v1alpha1.LabelCronBatchJob: cron}); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(jobs.Items, func(a, b v1alpha1.BatchJob) int { return strings.Compare(a.Name, b.Name) })
	for i := range jobs.Items {
		job := &jobs.Items[i]
		if job.Status.Phase != v1alpha1.PhaseComplete {
			continue
		}
		at, err := time.Parse(time.RFC3339, job.Annotations[v1alpha1.AnnotationCronJobScheduledTimestamp])
		if err != nil {
			return nil, nil, err
		}
		pods, err := s.podsOf(ctx, job.Name)
		if err != nil {
			return nil, nil, err
		}
		if len(pods) != 1 || pods[0].Status.Phase != corev1.PodSucceeded {
			return nil, nil, fmt.Errorf("%s has %d pods, want one that has succeeded", job.Name, len(pods))
		}
		times, late = append(times, at), append(late, pods[0].Status.StartTime.Sub(at))
	}
	return times, late, nil
}

// everyTenSeconds: each time runs a real pod, which knows its time, and none is
// left out.
func everyTenSeconds(s *space) {
	s.apply(scheduled("tick", "*/10 * * * * *"))
	const enough = 4
	var times []time.Time
	var late []time.Duration
	s.eventually(2*time.Minute, "four times have run", func(ctx context.Context) (err error) {
		if times, late, err = s.times(ctx, "tick"); err == nil && len(times) < enough {
			err = fmt.Errorf("%d have", len(times))
		}
		return err
	})
	for i := 1; i < enough; i++ {
		if gap := times[i].Sub(times[i-1]); gap != 10*time.Second {
			s.Errorf("%v follows %v", times[i], times[i-1])
		}
	}
	first := fmt.Sprintf("tick-%d", times[0].Unix())
	if times[0].Second() == 0 {
		first = fmt.Sprintf("tick-%d", times[0].Unix()/60)
	}
	if said := strings.TrimSpace(s.kubectl("logs", "-l", "job-name="+first)); said != times[0].UTC().Format(time.RFC3339) {
		s.Errorf("%s says its time is %q, want %v", first, said, times[0])
	}
	s.saw("%d runs of real pods, ten seconds from one to the next; their pods began up to %s after the time", enough, slices.Max(late[:enough]))
}

// cronKilled takes the operator away from schedules for more than a minute: the
// time in the meantime is missed, and each policy does with it what it says; what
// came after is late, and starts under every policy.
func cronKilled(t *testing.T) {
	s := newSpace(t)
	s.operatorReady()
	if left := time.Until(nextMinute()); left < 15*time.Second {
		time.Sleep(left)
	}
	before := nextMinute()
	missed, after := before.Add(time.Minute), before.Add(2*time.Minute)
	once := fmt.Sprintf("%d * * * *", missed.Minute())
	s.apply(scheduled("all", "* * * * *", "missedRunPolicy: All"))
	s.apply(scheduled("latest", "* * * * *"))
	s.apply(scheduled("queue", "* * * * *", "missedRunPolicy: All", "concurrencyPolicy: Queue"))
	s.apply(scheduled("once-latest", once))
	s.apply(scheduled("once-none", once, "missedRunPolicy: None"))
	s.apply(scheduled("once-deadline", once, "startingDeadlineSeconds: 30"))
	s.apply(scheduled("tick", "*/10 * * * * *"))
	s.ranAt("all", before)
	s.ranAt("latest", before)
	s.ranAt("queue", before)

	s.takeOperatorAway()
	away := time.Now()
	if late := time.Since(missed); late > -5*time.Second {
		t.Fatalf("the operator was away only %s after the time that it should miss", late)
	}
	ticks, _, err := s.times(t.Context(), "tick")
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(after.Add(3 * time.Second)))
	s.scaleOperator(1)
	s.operatorReady()
	back := s.leaderSince()

	s.ranAt("all", before, missed, after)
	s.ranAt("queue", before, missed, after)
	s.ranAt("latest", before, after)
	s.ranAt("once-latest", missed)
	s.neverRan("once-none")
	s.neverRan("once-deadline")
	s.tickedOn(ticks, back)
	s.saw("killed, and back after %s: the missed minute ran under All and Queue, and alone under Latest; not under None, nor beyond a deadline; "+
		"the minute that was only late ran everywhere; no time ran twice", back.Sub(away).Round(time.Second))
}

func nextMinute() time.Time { return time.Now().Truncate(time.Minute).Add(time.Minute) }

// ranAt waits until exactly these times, and those that came later, have run.
func (s *space) ranAt(cron string, want ...time.Time) {
	s.Helper()
	s.eventually(2*time.Minute, fmt.Sprintf("%s has run at %v", cron, want), func(ctx context.Context) error {
		times, _, err := s.times(ctx, cron)
		if err != nil {
			return err
		}
		if len(times) < len(want) || !slices.EqualFunc(times[:len(want)], want, time.Time.Equal) {
			return fmt.Errorf("it has at %v", times)
		}
		return nil
	})
}

// neverRan fails if a schedule has made a run, or has not decided that it makes
// none.
func (s *space) neverRan(name string) {
	s.Helper()
	cron := &v1alpha1.CronBatchJob{}
	s.eventually(soon, name+" has given up its time", func(ctx context.Context) error {
		err := api.Get(ctx, client.ObjectKey{Namespace: s.name, Name: name}, cron)
		if err == nil && cron.Status.LastScheduleTime == nil {
			err = errors.New("it has decided nothing yet")
		}
		return err
	})
	var jobs v1alpha1.BatchJobList
	if err := api.List(s.Context(), &jobs, client.InNamespace(s.name), client.MatchingLabels{v1alpha1.LabelCronBatchJob: name}); err != nil {
		s.Fatal(err)
	}
	if len(jobs.Items) > 0 {
		s.Errorf("%s has %d runs", name, len(jobs.Items))
	}
}

// tickedOn: what had run stays as it is, the last minute before the return is
// made up for whole, and the schedule goes on.
func (s *space) tickedOn(before []time.Time, back time.Time) {
	s.Helper()
	s.eventually(2*time.Minute, "the schedule of ten seconds goes on", func(ctx context.Context) error {
		times, _, err := s.times(ctx, "tick")
		if err != nil {
			return err
		}
		for at := back.Add(-50 * time.Second).Truncate(10 * time.Second).Add(10 * time.Second); at.Before(back.Add(20 * time.Second)); at = at.Add(10 * time.Second) {
			if !slices.ContainsFunc(times, at.Equal) {
				return fmt.Errorf("%v has not run; those that have: %v", at, times)
			}
		}
		for _, at := range before {
			if !slices.ContainsFunc(times, at.Equal) {
				s.Fatalf("the run of %v is gone", at)
			}
		}
		return nil
	})
}

// leaderSince waits for the operator to lead, which after a kill takes the length
// of a lease, and tells since when it does.
func (s *space) leaderSince() (since time.Time) {
	s.Helper()
	pod := s.operatorReady()
	s.eventually(soon, pod.Name+" leads", func(ctx context.Context) error {
		var lease coordinationv1.Lease
		if err := api.Get(ctx, client.ObjectKey{Namespace: system, Name: "stint-controller"}, &lease); err != nil {
			return err
		}
		if holder := ptr.Deref(lease.Spec.HolderIdentity, ""); !strings.HasPrefix(holder, pod.Name) || lease.Spec.AcquireTime == nil {
			return fmt.Errorf("the lease is held by %q", holder)
		}
		since = lease.Spec.AcquireTime.Time
		return nil
	})
	return since
}

// scaleOperator says how many pods the operator has.
func (s *space) scaleOperator(replicas int) {
	s.Helper()
	s.kubectl("--namespace="+system, "scale", "deployment", "--selector=app.kubernetes.io/instance="+release, fmt.Sprintf("--replicas=%d", replicas))
}

// takeOperatorAway kills it, and lets nothing come back.
func (s *space) takeOperatorAway() {
	s.Helper()
	if pid, err := processOf(s.operatorReady()); err != nil {
		s.Logf("no process of the operator on this machine (%v): its pod is deleted by force", err)
	} else if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		s.Fatal(err)
	}
	s.scaleOperator(0)
	err := api.DeleteAllOf(s.Context(), &corev1.Pod{}, client.InNamespace(system), client.MatchingLabels{"app.kubernetes.io/instance": release},
		&client.DeleteAllOfOptions{DeleteOptions: client.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)}})
	if err != nil {
		s.Fatal(err)
	}
	s.eventually(soon, "no pod of the operator is left", func(ctx context.Context) error {
		var list corev1.PodList
		err := api.List(ctx, &list, client.InNamespace(system), client.MatchingLabels{"app.kubernetes.io/instance": release})
		if err == nil && len(list.Items) > 0 {
			err = fmt.Errorf("there are %d", len(list.Items))
		}
		return err
	})
}
