package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// componentVerb crashes or starts one component, for tests of what survives.
// What it starts is what the last up described.
func componentVerb(_ context.Context, s *session) error {
	if len(s.o.rest) != 2 {
		return fmt.Errorf("component: give a name and stop, start or restart: %w", errUsage)
	}
	name, action := s.o.rest[0], s.o.rest[1]
	stop, start := action == "stop" || action == "restart", action == "start" || action == "restart"
	if !stop && !start {
		return fmt.Errorf("component: %q is not stop, start or restart", action)
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if isNodeComponent(name) {
		return s.l.nodeComponent(name, stop, start)
	}
	spec, err := s.l.readSpec(name)
	if err != nil {
		return fmt.Errorf("no component %q here; known: %s", name, strings.Join(append(s.l.known(), nodeComponents...), ", "))
	}
	if stop {
		if err := s.l.stop(name, 0); err != nil {
			return err
		}
	}
	if start && !s.l.running(name) {
		return s.l.start(*spec)
	}
	return nil
}

// nodeComponents run on the node under its pid 1, which also restarts them.
var nodeComponents = []string{"containerd", "kubelet", "kube-proxy"}

func isNodeComponent(name string) bool {
	return slices.Contains(nodeComponents, name)
}
