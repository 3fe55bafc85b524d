package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// load is CPU time of those that work for every contender: the control plane,
// and this program with its watches. On a machine that is busy they set the
// pace, and it tells whose work a slow contender waits for.
type load struct{ apiServer, etcd, driver time.Duration }

// load is what they have used so far.
func (p *plane) load() (l load, err error) {
	var err1, err2, err3 error
	l.apiServer, err1 = p.componentCPU("kube-apiserver")
	l.etcd, err2 = p.componentCPU("etcd")
	l.driver, err3 = cpuOf(os.Getpid())
	return l, errors.Join(err1, err2, err3)
}

func (l load) since(before load) load {
	return load{l.apiServer - before.apiServer, l.etcd - before.etcd, l.driver - before.driver}
}

// componentCPU finds a component by the pid file that test/cluster keeps.
func (p *plane) componentCPU(name string) (time.Duration, error) {
	text, err := os.ReadFile(filepath.Join(p.dir, "state", "control-plane", "run", name+".pid"))
	if err != nil {
		return 0, err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0, fmt.Errorf("the pid of %s: %w", name, err)
	}
	return cpuOf(pid)
}

// cpuOf is what a process has used so far, by the kernel's clock of 100 Hz.
func cpuOf(pid int) (time.Duration, error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(stat), ") ") // a name may hold spaces
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat is too short")
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * 10 * time.Millisecond, errors.Join(err1, err2)
}
