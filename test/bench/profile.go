package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
)

// profileSeconds is how long CPU is sampled.
const profileSeconds = 15

// profile takes profiles of the operator, and of the API server beside it,
// apart from all measurements.
func (s *session) profile(ctx context.Context) error {
	if err := os.MkdirAll(s.profiles, 0o755); err != nil {
		return err
	}
	for _, w := range []work{
		s.indexedWork("indexed", s.pods),
		{name: "onepod", n: s.jobs, jobs: onePodJobs("job", s.jobs)},
	} {
		if err := s.profileWork(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) profileWork(ctx context.Context, w work) error {
	a, err := s.open(ctx, ours)
	if err != nil {
		return err
	}
	defer a.process.stop()
	defer a.close()
	cpu := "/debug/pprof/profile?seconds=" + strconv.Itoa(profileSeconds)
	taken := make(chan error, 2)
	go func() { taken <- s.save(ctx, a, a.base+cpu, w.name+".cpu") }()
	go func() { taken <- s.save(ctx, a, s.plane.config.Host+cpu, w.name+".apiserver.cpu") }()
	if err := s.submit(ctx, ours, a.namespace, w.jobs); err != nil {
		return err
	}
	if err := a.await(ctx, warmups+len(w.jobs), warmups+w.n); err != nil {
		return err
	}
	if err := errors.Join(<-taken, <-taken); err != nil {
		return err
	}
	for _, kind := range []string{"heap", "allocs"} {
		if err := s.save(ctx, a, a.base+"/debug/pprof/"+kind+"?gc=1", w.name+"."+kind); err != nil {
			return err
		}
	}
	a.close()
	a.process.stop()
	return s.cluster.clear(ctx, a.namespace)
}

// save writes what a profile's address gives to a file of that name.
func (s *session) save(ctx context.Context, a *arena, from, name string) error {
	data, err := a.get(ctx, from)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.profiles, name+".pprof"), data, 0o600)
}
