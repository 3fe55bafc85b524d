package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"
)

// component is one process that this command starts on the host and keeps an
// eye on. What it was started with is kept beside its pid file, so that a
// later run knows whether it still is what is wanted.
type component struct {
	Name string   `json:"name"`
	Argv []string `json:"argv"`
	// Env is added to componentEnv.
	Env []string `json:"env,omitempty"`
	// Generation stands for what the command line does not show: the identity
	// of the certificates and files that it reads once, at its start.
	Generation string   `json:"generation"`
	Listens    []string `json:"listens"`
}

// stopGrace is how long a component may take to end by itself. None of them
// loses anything by a kill; the API server would wait long for its watchers.
const stopGrace = 2 * time.Second

var errEnded = errors.New("without an error of its own")

// startMark begins each run's part of a log.
const startMark = "--- started "

func (l *layout) pidFile(name string) string { return l.path("run", name+".pid") }

func (l *layout) specFile(name string) string { return l.path("run", name+".json") }

func (l *layout) running(name string) bool { return livePid(l.pidFile(name)) != 0 }

// known lists the components that were ever started here, in order of start.
func (l *layout) known() []string {
	files, _ := filepath.Glob(l.path("run", "*.json"))
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".json"))
	}
	sort.SliceStable(names, func(i, j int) bool { return startOrder(names[i]) < startOrder(names[j]) })
	return names
}

func startOrder(name string) int {
	order := []string{"etcd", "kube-apiserver", "registry", "kube-controller-manager", "kube-scheduler"}
	if i := slices.Index(order, name); i >= 0 {
		return i
	}
	return len(order)
}

func (l *layout) readSpec(name string) (*component, error) {
	b, err := os.ReadFile(l.specFile(name))
	if err != nil {
		return nil, err
	}
	var c component
	if err := json.Unmarshal(b, &c); err != nil {
		return nil, fmt.Errorf("%s: %w", l.specFile(name), err)
	}
	return &c, nil
}

// ensure brings a component to run exactly as described, and says whether it
// had to be started. One that runs with anything else is replaced.
func (l *layout) ensure(c component) (bool, error) {
	old, err := l.readSpec(c.Name)
	same := err == nil && slices.Equal(old.Argv, c.Argv) && slices.Equal(old.Env, c.Env) && old.Generation == c.Generation
	if l.running(c.Name) {
		if same {
			return false, nil
		}
		say("%s: runs with other settings, restarting it", c.Name)
		if err := l.stop(c.Name, stopGrace); err != nil {
			return false, err
		}
	}
	b, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return false, err
	}
	if err := writeFile(l.specFile(c.Name), b, 0o600); err != nil {
		return false, err
	}
	return true, l.start(c)
}

// start runs a component on its own, away from this command's terminal.
func (l *layout) start(c component) error {
	for _, address := range c.Listens {
		if err := freeAddress(address); err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	if err := os.MkdirAll(filepath.Dir(l.log(c.Name)), 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(l.log(c.Name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	fmt.Fprintf(log, startMark+"%s %s\n", time.Now().Format(time.RFC3339), c.Name)
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, append([]string{verbBecome, l.pidFile(c.Name)}, c.Argv...)...)
	cmd.Dir, cmd.Env = l.state, append(componentEnv(), c.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return err
	}
	gone := make(chan error, 1)
	go func() { gone <- cmd.Wait() }()
	return poll(c.Name+" to start", 10*time.Second, func() (bool, error) {
		select {
		case err := <-gone:
			return false, fmt.Errorf("%s ended at once: %w\n%s", c.Name, cmp.Or(err, errEnded), l.logTail(c.Name))
		default:
			return l.running(c.Name), nil
		}
	})
}

// componentEnv is deliberately small: a proxy setting or a KUBECONFIG of the
// caller must not change what the cluster does.
func componentEnv() []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	for _, k := range []string{"HOME", "TMPDIR"} {
		if v := os.Getenv(k); v != "" {
			env = append(env, k+"="+v)
		}
	}
	return env
}

// freeAddress says in plain words when another program has a port of ours.
func freeAddress(address string) error {
	n, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("cannot listen on %s: another program has this port, or the address is not this machine's; STINT_PORTS and STINT_CONTROL_PLANE_PORTS choose others (%w)", address, err)
	}
	return n.Close()
}

func (l *layout) stop(name string, grace time.Duration) error {
	if err := endProcess(l.pidFile(name), grace); err != nil {
		return fmt.Errorf("stop %s: %w", name, err)
	}
	return nil
}

// alive fails with the end of the log of the first component that has died.
func (l *layout) alive(names ...string) error {
	for _, n := range names {
		if !l.running(n) {
			return fmt.Errorf("%s died\n%s", n, l.logTail(n))
		}
	}
	return nil
}

// logTail quotes the last lines of the current run's log and names the file.
func (l *layout) logTail(name string) string {
	b, err := os.ReadFile(l.log(name))
	if err != nil {
		return "no log: " + err.Error()
	}
	if i := strings.LastIndex(string(b), startMark); i > 0 {
		b = b[i:]
	}
	return lastLines(b, 15) + "\n(the whole log: " + l.log(name) + ")"
}
