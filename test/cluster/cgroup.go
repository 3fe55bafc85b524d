package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// hierarchy is one mounted cgroup tree of the host and the caller's place in it.
type hierarchy struct {
	// Controllers as the kernel names them: "memory", "cpu,cpuacct",
	// "name=systemd"; empty for the unified tree of version 2.
	Controllers string
	// Dir is the caller's own group, as a path of the host.
	Dir string
}

// callerCgroups reads where a process stands from its /proc files: in every
// version 1 tree, or, where there is none with a controller, in the unified
// one. On a machine with both (hybrid) the unified tree has no controllers and
// is left alone.
func callerCgroups(cgroup, mountinfo string) ([]hierarchy, error) {
	var v1 []hierarchy
	unified := ""
	for line := range strings.Lines(cgroup) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 {
			continue
		}
		if f[1] == "" {
			unified = f[2]
			continue
		}
		if dir, ok := cgroupDir(mountinfo, "cgroup", f[1], f[2]); ok {
			v1 = append(v1, hierarchy{f[1], dir})
		}
	}
	if slices.ContainsFunc(v1, func(h hierarchy) bool { return h.Controllers == "memory" }) {
		return v1, nil
	}
	if dir, ok := cgroupDir(mountinfo, "cgroup2", "", unified); ok && unified != "" {
		return []hierarchy{{"", dir}}, nil
	}
	return nil, fmt.Errorf("no usable cgroup tree is mounted: version 1 with memory, or version 2")
}

// cgroupDir finds the path of a group by the mount of its tree. A mount may
// show only a part of the tree (its root field), as inside a container.
func cgroupDir(mountinfo, fstype, controllers, group string) (string, bool) {
	for line := range strings.Lines(mountinfo) {
		left, right, ok := strings.Cut(strings.TrimSpace(line), " - ")
		l, r := strings.Fields(left), strings.Fields(right)
		if !ok || len(l) < 5 || len(r) < 3 || r[0] != fstype || !hasAll(r[2], controllers) {
			continue
		}
		rel, err := filepath.Rel(l[3], group)
		if err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
			continue
		}
		return filepath.Join(l[4], rel), true
	}
	return "", false
}

// hasAll says whether a comma separated list of options names all of another.
func hasAll(options, wanted string) bool {
	have := strings.Split(options, ",")
	for w := range strings.SplitSeq(wanted, ",") {
		if w != "" && !slices.Contains(have, w) {
			return false
		}
	}
	return true
}
