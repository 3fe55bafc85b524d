package main

import (
	"fmt"
	"os"
	"time"
)

// quietFor is how long a step may run before it says that it is still at it.
const quietFor = 10 * time.Second

// say reports to a person. Results that another program may read go to
// standard output instead.
func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// step runs fn and keeps a person informed: a line after every quietFor, and
// one with the time taken when it took long enough to be worth a line.
func step(what string, fn func() error) error {
	start := time.Now()
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		t := time.NewTicker(quietFor)
		defer t.Stop()
		for {
			select {
			case <-done:
				return
			case <-t.C:
				say("%s… %s", what, elapsed(start))
			}
		}
	}()
	err := fn()
	close(done)
	<-stopped
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if time.Since(start) >= 500*time.Millisecond {
		say("%s: %s", what, elapsed(start))
	}
	return nil
}

func elapsed(since time.Time) string {
	d := time.Since(since)
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}

// poll calls ready until it answers true, or fails, or limit has passed; what
// names the thing waited for.
func poll(what string, limit time.Duration, ready func() (bool, error)) error {
	deadline := time.Now().Add(limit)
	for {
		ok, err := ready()
		if ok || err != nil {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s: not after %s", what, limit)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
