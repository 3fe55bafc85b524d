package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"
)

// result is one measurement of one contender.
type result struct {
	work      string
	contender string
	n         int // pods, or one-pod jobs
	took      time.Duration
	cpu       time.Duration
	load      load
	heap, rss float64 // with the ended pods in its cache; heap is what they added
	requests  requests
}

func (r *result) perSecond() float64 { return float64(r.n) / r.took.Seconds() }

func (r *result) cpuEach() float64 { return r.each(r.cpu) }

func (r *result) each(d time.Duration) float64 {
	return float64(d.Microseconds()) / 1000 / float64(r.n)
}

// The names of the works; indexedName and levelName are followed by the size.
const (
	indexedName = "Indexed "
	levelName   = "level "
	onePodName  = "one-pod jobs"
	restartName = "restart"
)

// creators is how many jobs are created at the same time.
const creators = 20

// warmups go before each measurement: connections, caches and code paths are
// then as they are in a process that has run for a while.
const warmups = 20

// work is what a contender gets to do: so many jobs of one pod, or one Indexed job of so many.
type work struct {
	name string
	n    int
	jobs []jobSpec
}

func (s *session) indexedWork(name string, pods int) work {
	return work{name: name, n: pods, jobs: []jobSpec{
		{name: "large", completions: int32(pods), parallelism: int32(s.parallelism), indexed: true}}}
}

func onePodJobs(prefix string, n int) []jobSpec {
	var jobs []jobSpec
	for i := range n {
		jobs = append(jobs, jobSpec{name: prefix + "-" + strconv.Itoa(i), completions: 1, parallelism: 1})
	}
	return jobs
}

// indexed is one Indexed job, by all contenders, several rounds.
func (s *session) indexed(ctx context.Context) error {
	return s.repeat(ctx, s.rounds, s.indexedWork(indexedName+strconv.Itoa(s.pods), s.pods))
}

// onePod is many jobs of one pod.
func (s *session) onePod(ctx context.Context) error {
	return s.repeat(ctx, s.rounds, work{name: onePodName, n: s.jobs, jobs: onePodJobs("job", s.jobs)})
}

// scaling compares sizes.
func (s *session) scaling(ctx context.Context) error {
	for _, n := range s.levels {
		if err := s.repeat(ctx, 1, s.indexedWork(levelName+strconv.Itoa(n), n)); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) repeat(ctx context.Context, rounds int, w work) error {
	for range rounds {
		for _, contender := range s.contenders {
			r, err := s.measure(ctx, contender, w)
			if err != nil {
				return fmt.Errorf("%s of %s: %w", w.name, contender, err)
			}
			s.results = append(s.results, r)
			say("%-14s %-9s %7.1f/s %6.2f ms CPU (API server %.2f, etcd %.2f, driver %.2f), %5.2f writes (%d on jobs, %d on pods, %d refused), %d reads, %d events, heap +%.1f MiB",
				w.name, contender, r.perSecond(), r.cpuEach(), r.each(r.load.apiServer), r.each(r.load.etcd), r.each(r.load.driver), float64(r.requests.writes())/float64(r.n),
				r.requests.jobs, r.requests.pods, r.requests.refused, r.requests.reads, r.requests.events, r.heap/(1<<20))
		}
	}
	return nil
}

// arena is a fresh contender, warm, with a namespace of its own.
type arena struct {
	*process
	*field
	namespace string
	heap      float64
}

func (s *session) open(ctx context.Context, contender string) (*arena, error) {
	s.count++
	a := &arena{namespace: "bench-" + strconv.Itoa(s.count)}
	err := s.cluster.namespace(ctx, a.namespace)
	if err != nil {
		return nil, err
	}
	if a.process, err = s.start(ctx, contender); err != nil {
		return nil, err
	}
	a.field = s.cluster.watch(ctx, contender, a.namespace)
	if err := s.submit(ctx, contender, a.namespace, onePodJobs("warm", warmups)); err != nil {
		return nil, err
	}
	if err := a.await(ctx, warmups, warmups); err != nil {
		return nil, fmt.Errorf("warming up: %w", err)
	}
	time.Sleep(settle)
	a.heap, _, err = a.memory(ctx)
	return a, err
}

// settle is what stragglers get before the accounts are closed.
const settle = 2 * time.Second

func (s *session) measure(ctx context.Context, contender string, w work) (result, error) {
	r := result{work: w.name, contender: contender, n: w.n}
	a, err := s.open(ctx, contender)
	if err != nil {
		return r, err
	}
	defer a.process.stop()
	defer a.close()
	if err := s.audit.skip(); err != nil {
		return r, err
	}
	before, err := a.cpu()
	if err != nil {
		return r, err
	}
	idle, err := s.plane.load()
	if err != nil {
		return r, err
	}
	began := time.Now()
	if err := s.submit(ctx, contender, a.namespace, w.jobs); err != nil {
		return r, err
	}
	if err := a.await(ctx, warmups+len(w.jobs), warmups+w.n); err != nil {
		return r, err
	}
	r.took = time.Since(began)
	time.Sleep(settle)
	busy, err := s.plane.load()
	if err != nil {
		return r, err
	}
	r.load = busy.since(idle)
	after, err := a.cpu()
	if err != nil {
		return r, err
	}
	r.cpu = after - before
	if r.requests, err = s.audit.count(userAgent(contender)); err != nil {
		return r, err
	}
	if r.heap, r.rss, err = a.memory(ctx); err != nil {
		return r, err
	}
	r.heap -= a.heap
	a.close()
	a.process.stop()
	return r, s.cluster.clear(ctx, a.namespace)
}

// submit creates the jobs, several at a time.
func (s *session) submit(ctx context.Context, contender, namespace string, jobs []jobSpec) error {
	var wg sync.WaitGroup
	failed := make(chan error, creators)
	queue := make(chan jobSpec, len(jobs))
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	for range min(creators, len(jobs)) {
		wg.Go(func() {
			for j := range queue {
				if err := s.cluster.create(ctx, contender, namespace, j); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	return <-failed
}
