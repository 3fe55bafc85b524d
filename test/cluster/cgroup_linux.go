package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// nodeGroupName is the node's child group in every tree: one for each state
// folder, so that no cluster takes away another's.
func (l *layout) nodeGroupName() string {
	sum := sha256.Sum256([]byte(l.path()))
	return fmt.Sprintf("%s-node1-%x", bridgeName, sum[:4])
}

// nodeCgroups decides where the node's groups will be and makes none of them.
//
// Tried on a hybrid Debian 12 (version 1 controllers, the memory group of the
// caller a deeper path): there the node is a child of the caller's own groups,
// so that its memory counts as the caller's. The unified case follows the
// kernel's documentation and has not been run on a version 2 machine.
func (l *layout) nodeCgroups() ([]hierarchy, error) {
	self, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	hs, err := callerCgroups(string(self), string(mounts))
	if err != nil {
		return nil, err
	}
	if hs[0].Controllers == "" {
		parent, err := unifiedParent(hs[0].Dir)
		if err != nil {
			return nil, err
		}
		hs[0].Dir = parent
	}
	for i := range hs {
		hs[i].Dir = filepath.Join(hs[i].Dir, l.nodeGroupName())
	}
	return hs, nil
}

// unifiedParent finds the nearest group, from the caller's upward, that can
// give a child its controllers. A group that holds processes cannot (the
// kernel's "no internal processes" rule), unless it is the root: so from a
// login session this usually is an outer group, and that is said.
func unifiedParent(caller string) (string, error) {
	for dir := caller; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "cgroup.controllers")); err != nil {
			return "", fmt.Errorf("no cgroup from %s upward can give the node the memory, cpu and pids controllers", caller)
		}
		enableControllers(dir)
		have, _ := os.ReadFile(filepath.Join(dir, "cgroup.subtree_control"))
		got := strings.Fields(string(have))
		if !slices.ContainsFunc([]string{"cpu", "memory", "pids"}, func(c string) bool { return !slices.Contains(got, c) }) {
			if dir != caller {
				say("note: the node's cgroup is in %s, outside this shell's own (%s cannot have children with controllers)", dir, caller)
			}
			return dir, nil
		}
	}
}

// enableControllers passes on to children whatever a group has; one that is
// refused does not keep the others away.
func enableControllers(dir string) {
	all, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	if err != nil {
		return
	}
	for c := range strings.FieldsSeq(string(all)) {
		_ = os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0)
	}
}

// joinCgroups makes the node's groups and moves this process into them.
func joinCgroups(hs []hierarchy) error {
	for _, h := range hs {
		if err := os.MkdirAll(h.Dir, 0o755); err != nil {
			return err
		}
		if slices.Contains(strings.Split(h.Controllers, ","), "cpuset") {
			// A new version 1 group has no CPUs and would take no process.
			for _, f := range []string{"cpuset.cpus", "cpuset.mems"} {
				b, err := os.ReadFile(filepath.Join(filepath.Dir(h.Dir), f))
				if err != nil {
					return err
				}
				if err := os.WriteFile(filepath.Join(h.Dir, f), b, 0); err != nil {
					return err
				}
			}
		}
		if err := os.WriteFile(filepath.Join(h.Dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
			return err
		}
	}
	return nil
}

// removeCgroups removes groups and everything below them. Right after the
// node's end the kernel still counts dying processes, so it tries for a while.
func removeCgroups(dirs []string) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		var left error
		for _, d := range dirs {
			left = errors.Join(left, removeTree(d))
		}
		if left == nil || time.Now().After(deadline) {
			return left
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// removeTree is rmdir from the leaves up: files of a cgroup cannot be removed,
// and go with their folder.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
