package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// What schedules cost. Many are due on the same minute: how late is each run,
// and its pod, as a watch sees them? And many more are not due: what does it
// cost to have them?

// cronResult is one measurement of one contender.
type cronResult struct {
	contender string
	// jobs and pods are how late each was seen, sorted; due is how many of each
	// there should be.
	jobs, pods []time.Duration
	due        int
	cpu        time.Duration
	requests   requests
}

// idleResult is what schedules that are not due cost in a minute.
type idleResult struct {
	contender string
	schedules int
	cpu       time.Duration
	requests  requests
}

// minutes is for how many due times lateness is measured.
const minutes = 2

// overtime is how long after the last minute stragglers still count.
const overtime = 20 * time.Second

// crons measures lateness.
func (s *session) dueAtOnce(ctx context.Context) error {
	for _, contender := range s.contenders {
		r, err := s.lateness(ctx, contender)
		if err != nil {
			return fmt.Errorf("%s: %w", contender, err)
		}
		s.crons = append(s.crons, r)
		say("due at once    %-9s %d of %d jobs late by %v, %v, %v; pods by %v, %v, %v (p50, p99, max); %v CPU", contender, len(r.jobs), r.due,
			percentile(r.jobs, 50), percentile(r.jobs, 99), percentile(r.jobs, 100),
			percentile(r.pods, 50), percentile(r.pods, 99), percentile(r.pods, 100), r.cpu)
	}
	return nil
}

func (s *session) lateness(ctx context.Context, contender string) (r cronResult, err error) {
	r = cronResult{contender: contender, due: s.schedules * minutes}
	a, err := s.openCrons(ctx, contender)
	if err != nil {
		return r, err
	}
	defer a.shut()
	untilSecond(3) // all are made within one minute, and have the rest of it to settle
	if err := s.submitCrons(ctx, contender, a.namespace, "* * * * *", s.schedules); err != nil {
		return r, err
	}
	first := time.Now().Truncate(time.Minute).Add(time.Minute)
	if left := time.Until(first); left < settle {
		return r, fmt.Errorf("%d schedules could not be made within a minute", s.schedules)
	}
	time.Sleep(time.Until(first.Add(-time.Second)))
	if err := s.audit.skip(); err != nil {
		return r, err
	}
	before, err := a.cpu()
	if err != nil {
		return r, err
	}
	time.Sleep(time.Until(first.Add((minutes-1)*time.Minute + time.Minute - time.Second)))
	after, err := a.cpu()
	if err != nil {
		return r, err
	}
	r.cpu = after - before
	if r.requests, err = s.audit.count(userAgent(contender)); err != nil {
		return r, err
	}
	r.jobs, r.pods = a.late(first, minutes)
	if len(r.pods) < r.due { // those of the last minute have not come within it
		time.Sleep(overtime)
		r.jobs, r.pods = a.late(first, minutes)
	}
	return r, nil
}

// idle measures what it costs to have schedules.
func (s *session) idle(ctx context.Context) error {
	for _, contender := range s.contenders {
		if contender == bare {
			continue // it does not look
		}
		r, err := s.idleness(ctx, contender)
		if err != nil {
			return fmt.Errorf("%s: %w", contender, err)
		}
		s.idles = append(s.idles, r)
		say("not due        %-9s %d schedules: %v CPU, %d writes, %d reads in a minute", contender, r.schedules, r.cpu,
			r.requests.writes()+r.requests.crons, r.requests.reads)
	}
	return nil
}

func (s *session) idleness(ctx context.Context, contender string) (r idleResult, err error) {
	r = idleResult{contender: contender, schedules: s.idleSchedules}
	a, err := s.openCrons(ctx, contender)
	if err != nil {
		return r, err
	}
	defer a.shut()
	if err := s.submitCrons(ctx, contender, a.namespace, "H 3 1 1 *", s.idleSchedules); err != nil {
		return r, err
	}
	if err := s.becomesQuiet(ctx, a.process); err != nil {
		return r, err
	}
	if err := s.audit.skip(); err != nil {
		return r, err
	}
	before, err := a.cpu()
	if err != nil {
		return r, err
	}
	time.Sleep(time.Minute)
	after, err := a.cpu()
	if err != nil {
		return r, err
	}
	r.cpu = after - before
	r.requests, err = s.audit.count(userAgent(contender))
	return r, err
}

// untilSecond waits for that second of a minute.
func untilSecond(n int) {
	at := time.Now().Truncate(time.Minute).Add(time.Duration(n) * time.Second)
	if at.Before(time.Now()) {
		at = at.Add(time.Minute)
	}
	time.Sleep(time.Until(at))
}

// cronArena is a fresh contender on a fresh control plane, with whoever watches
// what it makes.
type cronArena struct {
	*process
	*clockers
	field     *field
	namespace string
}

func (s *session) openCrons(ctx context.Context, contender string) (*cronArena, error) {
	if err := s.renew(ctx); err != nil {
		return nil, err
	}
	a := &cronArena{namespace: "bench-cron"}
	if err := s.cluster.namespace(ctx, a.namespace); err != nil {
		return nil, err
	}
	a.field = s.cluster.watch(ctx, contender, a.namespace)
	a.clockers = s.cluster.clock(ctx, contender, a.namespace)
	var err error
	a.process, err = s.start(ctx, contender)
	return a, err
}

func (a *cronArena) shut() {
	a.clockers.stop()
	a.field.close()
	a.process.stop()
}

// submitCrons creates schedules, several at a time.
func (s *session) submitCrons(ctx context.Context, contender, namespace, schedule string, n int) error {
	var wg sync.WaitGroup
	failed := make(chan error, n)
	slots := make(chan struct{}, creators)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			if err := s.cluster.createCron(ctx, contender, namespace, "cron-"+strconv.Itoa(i), schedule); err != nil {
				failed <- err
			}
		})
	}
	wg.Wait()
	close(failed)
	return <-failed
}

// createCron makes a schedule of the contender's kind, of jobs of one pod.
func (c *cluster) createCron(ctx context.Context, contender, namespace, name, schedule string) error {
	meta := metav1.ObjectMeta{Namespace: namespace, Name: name}
	if contender == builtIn {
		cron := &batchv1.CronJob{ObjectMeta: meta}
		cron.Spec.Schedule = schedule
		if schedule[0] == 'H' {
			cron.Spec.Schedule = "0" + schedule[1:]
		}
		cron.Spec.JobTemplate.Spec.Template = template()
		return c.client.Create(ctx, cron)
	}
	cron := &v1alpha1.CronBatchJob{ObjectMeta: meta}
	cron.Spec.Schedule = schedule
	cron.Spec.JobTemplate.Spec.Template = template()
	return c.client.Create(ctx, cron)
}

// percentile of sorted durations, to the millisecond.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[(len(sorted)-1)*p/100].Round(time.Millisecond)
}

// printCrons writes the tables of schedules.
func (s *session) printCrons(w io.Writer) {
	if len(s.crons) > 0 {
		fmt.Fprintf(w, "\n| %d schedules due on the same minute, %d minutes | seen | late p50, s | p99, s | max, s | CPU, s | writes on schedules | on jobs | on pods | reads | events |\n"+
			"|---|---|---|---|---|---|---|---|---|---|---|\n", s.schedules, minutes)
	}
	for _, r := range s.crons {
		for _, row := range []struct {
			what string
			late []time.Duration
		}{{"job", r.jobs}, {"pod", r.pods}} {
			fmt.Fprintf(w, "| %s, %s | %d of %d | %.2f | %.2f | %.2f | %.2f | %d | %d | %d | %d | %d |\n", r.contender, row.what, len(row.late), r.due,
				percentile(row.late, 50).Seconds(), percentile(row.late, 99).Seconds(), percentile(row.late, 100).Seconds(),
				r.cpu.Seconds(), r.requests.crons, r.requests.jobs, r.requests.pods, r.requests.reads, r.requests.events)
		}
	}
	if i, j := s.cronsOf(ours), s.cronsOf(bare); i != nil && j != nil && len(j.pods) > 0 {
		ratio := func(a, b []time.Duration, p int) float64 {
			return percentile(a, p).Seconds() / percentile(b, p).Seconds()
		}
		fmt.Fprintf(w, "\nStint / bare: job p50 %.2f, p99 %.2f, max %.2f; pod p50 %.2f, p99 %.2f, max %.2f.\n",
			ratio(i.jobs, j.jobs, 50), ratio(i.jobs, j.jobs, 99), ratio(i.jobs, j.jobs, 100),
			ratio(i.pods, j.pods, 50), ratio(i.pods, j.pods, 99), ratio(i.pods, j.pods, 100))
	}
	if len(s.idles) > 0 {
		fmt.Fprintf(w, "\n| not due, for a minute | schedules | CPU, s | writes | reads | events |\n|---|---|---|---|---|---|\n")
	}
	for _, r := range s.idles {
		fmt.Fprintf(w, "| %s | %d | %.2f | %d | %d | %d |\n", r.contender, r.schedules, r.cpu.Seconds(),
			r.requests.writes()+r.requests.crons, r.requests.reads, r.requests.events)
	}
}

func (s *session) cronsOf(contender string) *cronResult {
	i := slices.IndexFunc(s.crons, func(r cronResult) bool { return r.contender == contender })
	if i < 0 {
		return nil
	}
	return &s.crons[i]
}
