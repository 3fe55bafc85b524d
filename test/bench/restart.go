package main

import (
	"context"
	"fmt"
	"time"
)

// quiet is how long a contender must have done nothing before the accounts of
// its restart are closed.
const quiet = 12 * time.Second

// restarts counts what a contender writes after a restart, with finished and
// running jobs about: nothing has changed, so there is nothing to write.
func (s *session) restarts(ctx context.Context) error {
	for _, contender := range s.contenders {
		if contender == bare {
			continue // it remembers nothing
		}
		r, err := s.restart(ctx, contender)
		if err != nil {
			return fmt.Errorf("%s: %w", contender, err)
		}
		s.results = append(s.results, r)
		say("restart        %-9s %d writes on jobs, %d on pods, %d reads, %d events, %s CPU",
			contender, r.requests.jobs, r.requests.pods, r.requests.reads, r.requests.events, r.cpu)
	}
	return nil
}

func (s *session) restart(ctx context.Context, contender string) (result, error) {
	r := result{work: restartName, contender: contender, n: s.finished + s.running}
	a, err := s.open(ctx, contender)
	if err != nil {
		return r, err
	}
	defer func() { a.process.stop() }()
	defer a.close()
	jobs := append(onePodJobs("done", s.finished), onePodJobs(neverEnds, s.running)...)
	if err := s.submit(ctx, contender, a.namespace, jobs); err != nil {
		return r, err
	}
	if err := a.await(ctx, warmups+s.finished, warmups+s.finished); err != nil {
		return r, err
	}
	time.Sleep(quiet) // the running jobs' statuses are written
	a.process.stop()
	if err := s.audit.skip(); err != nil {
		return r, err
	}
	began := time.Now()
	if a.process, err = s.start(ctx, contender); err != nil {
		return r, err
	}
	if err := s.becomesQuiet(ctx, a.process); err != nil {
		return r, err
	}
	r.took = time.Since(began)
	if r.cpu, err = a.cpu(); err != nil {
		return r, err
	}
	if r.requests, err = s.audit.count(userAgent(contender)); err != nil {
		return r, err
	}
	a.close()
	a.process.stop()
	return r, s.cluster.clear(ctx, a.namespace)
}

// becomesQuiet waits until the process has used next to no CPU for a while.
func (s *session) becomesQuiet(ctx context.Context, p *process) error {
	last, since := time.Duration(-1), time.Now()
	return poll(ctx, "quiet after the restart", 5*time.Minute, func() bool {
		now, err := p.cpu()
		if err != nil {
			return true
		}
		if now-last > 100*time.Millisecond {
			last, since = now, time.Now()
		}
		return time.Since(since) > quiet
	})
}
