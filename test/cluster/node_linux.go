package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A real node takes root: namespaces, cgroups, mounts, a bridge.
func canRunNode() bool { return os.Geteuid() == 0 }

// nodeLaunch is handed from up to the launcher and on to the node's pid 1.
type nodeLaunch struct {
	Home       string      `json:"home"`    // l.nodeDir(): becomes nodeHome
	Bin        string      `json:"bin"`     // becomes nodeBin
	PidFile    string      `json:"pidFile"` // the lock on it is the node's life
	LogDir     string      `json:"logDir"`
	Containerd string      `json:"containerd"`
	Cgroups    []hierarchy `json:"cgroups"` // Dir: the node's own groups
	Generation string      `json:"generation"`
}

func (l *layout) nodePidFile() string { return l.path("run", "node.pid") }

// findRuntime looks up what ensureHostPrograms made sure of.
func findRuntime(ctx context.Context) (hostRuntime, error) {
	var rt hostRuntime
	var err error
	if rt.containerd, err = exec.LookPath("containerd"); err != nil {
		return rt, err
	}
	if rt.runc, err = exec.LookPath("runc"); err != nil {
		return rt, err
	}
	out, err := exec.CommandContext(ctx, rt.containerd, "--version").Output()
	if err != nil {
		return rt, err
	}
	if rt.major, err = parseContainerdMajor(string(out)); err != nil {
		return rt, err
	}
	rt.cniBin, err = findCNI()
	return rt, err
}

// startRealNode makes the node run with the present configuration and waits
// until it is Ready. The images are pushed first: the first thing a node pulls
// is the pause image.
func (s *session) startRealNode(ctx context.Context, api *apiClient) error {
	if err := errors.Join(bindKubeletClient(ctx, api), api.forgetNodes(ctx, simulatedNodes...)); err != nil {
		return err
	}
	if err := s.startRegistry(ctx); err != nil {
		return err
	}
	rt, err := findRuntime(ctx)
	if err != nil {
		return err
	}
	generation, err := s.l.writeNodeFiles(rt, s.find.own)
	if err != nil {
		return err
	}
	since := time.Now().Add(-20 * time.Second) // a running node reports every 5s
	if s.l.nodeIs(generation) {
		err = routeNode()
	} else {
		since = time.Now()
		err = step("starting "+nodeName, func() error { return s.launch(ctx, rt, generation) })
	}
	if err != nil {
		return err
	}
	err = step(nodeName+" Ready", func() error {
		return poll("Ready", 90*time.Second, func() (bool, error) {
			if livePid(s.l.nodePidFile()) == 0 {
				return false, fmt.Errorf("the node died\n%s", s.l.logTail("node"))
			}
			ok, err := api.nodeReady(ctx, nodeName, since)
			if err != nil {
				return false, s.l.alive("etcd", "kube-apiserver")
			}
			return ok, nil
		})
	})
	if err != nil {
		return err
	}
	return s.l.forgetImages(ctx, s.pushed)
}

// forgetImages makes the node pull images anew at their next use. A name that
// was pushed may mean something else than before, and a Pod that pulls only
// what is absent would run the old. Running containers are not concerned.
func (l *layout) forgetImages(ctx context.Context, names []imageName) error {
	pid := livePid(l.nodePidFile())
	if pid == 0 || len(names) == 0 {
		return nil
	}
	ctr := func(args ...string) ([]byte, error) {
		socket := fmt.Sprintf("/proc/%d/root%s", pid, criSocket)
		out, err := exec.CommandContext(ctx, "ctr", append([]string{"--address", socket, "--namespace", "k8s.io", "images"}, args...)...).Output()
		if err != nil {
			return nil, fmt.Errorf("ctr images %s: %w", args[0], err)
		}
		return out, nil
	}
	out, err := ctr("ls", "--quiet")
	if err != nil {
		return err
	}
	var stale []string
	for ref := range strings.FieldsSeq(string(out)) {
		if n, err := parseImageName(ref); err == nil && slices.Contains(names, n) {
			stale = append(stale, ref)
		}
	}
	if len(stale) == 0 {
		return nil
	}
	_, err = ctr(append([]string{"rm", "--sync"}, stale...)...)
	return err
}

// nodeIs says whether the node runs, whole, with this configuration.
func (l *layout) nodeIs(generation string) bool {
	b, err := os.ReadFile(l.nodeDir("launch.json"))
	var n nodeLaunch
	if err != nil || json.Unmarshal(b, &n) != nil || n.Generation != generation {
		return false
	}
	_, started := os.Stat(l.nodeDir("state", "started"))
	return started == nil && livePid(l.nodePidFile()) != 0 && linkExists(vethName)
}

// launch clears away what is left of an earlier node and starts a new one.
func (s *session) launch(ctx context.Context, rt hostRuntime, generation string) error {
	l := s.l
	if err := l.stopNode(); err != nil {
		return err
	}
	groups, err := l.nodeCgroups()
	if err != nil {
		return err
	}
	for _, d := range []string{"state", "stop", "varlog", "varlib/kubelet", "varlib/containerd", "varlib/cni"} {
		if err := os.MkdirAll(l.nodeDir(d), 0o755); err != nil {
			return err
		}
	}
	n := nodeLaunch{Home: l.nodeDir(), Bin: s.find.own, PidFile: l.nodePidFile(), LogDir: l.path("log"),
		Containerd: rt.containerd, Cgroups: groups, Generation: generation}
	b, err := json.MarshalIndent(n, "", "  ")
	if err != nil {
		return err
	}
	// On disk before anything exists: a later run knows from it what to remove.
	if err := writeFile(l.nodeDir("launch.json"), b, 0o600); err != nil {
		return err
	}
	if err := l.runLauncher(ctx); err != nil {
		return err
	}
	if err := attachNode(livePid(l.nodePidFile())); err != nil {
		return err
	}
	return poll("the node to start its programs", time.Minute, func() (bool, error) {
		if livePid(l.nodePidFile()) == 0 {
			return false, fmt.Errorf("the node ended at once\n%s", l.logTail("node"))
		}
		_, err := os.Stat(l.nodeDir("state", "started"))
		return err == nil, nil
	})
}

func (l *layout) runLauncher(ctx context.Context) error {
	log, err := os.OpenFile(l.log("node"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	fmt.Fprintf(log, startMark+"%s node\n", time.Now().Format(time.RFC3339))
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, verbLaunch, l.nodeDir("launch.json"))
	cmd.Stdout, cmd.Stderr, cmd.Env = log, log, componentEnv()
	cmd.SysProcAttr = detached()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w\n%s", err, l.logTail("node"))
	}
	return nil
}

// launchNode is a process between up and the node: it joins the node's cgroups,
// so that the node's cgroup namespace begins there, makes the other namespaces
// and is gone. Up itself stays in its own cgroups.
func launchNode(_ context.Context, args []string) error {
	n, err := readLaunch(args)
	if err != nil {
		return err
	}
	if err := joinCgroups(n.Cgroups); err != nil {
		return err
	}
	pidFile, err := holdPidFile(n.PidFile, false)
	if err != nil {
		return err
	}
	ready, goOn, err := os.Pipe()
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, verbNode, args[0])
	cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdout, os.Stderr, os.Environ()
	cmd.ExtraFiles = []*os.File{pidFile, ready}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS |
		syscall.CLONE_NEWIPC | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWCGROUP}
	if err := cmd.Start(); err != nil {
		return err
	}
	// The child waits for this byte. If this process is killed before the pid
	// is on disk the child reads an end instead, and ends too.
	if err := writePid(pidFile, cmd.Process.Pid); err != nil {
		return err
	}
	_, err = goOn.Write([]byte{1})
	return err
}

func readLaunch(args []string) (nodeLaunch, error) {
	var n nodeLaunch
	if len(args) != 1 {
		return n, errUsage
	}
	b, err := os.ReadFile(args[0])
	if err != nil {
		return n, err
	}
	return n, json.Unmarshal(b, &n)
}

// stopNode ends the node by its pid 1, with which the kernel ends everything
// in it, its mounts and its network, and removes what remains on the host. It
// does the same for the remains of a node that died.
func (l *layout) stopNode() error {
	if err := endProcess(l.nodePidFile(), 0); err != nil {
		return fmt.Errorf("stop the node: %w", err)
	}
	errs := []error{l.detachNode()}
	if n, err := readLaunch([]string{l.nodeDir("launch.json")}); err == nil {
		var dirs []string
		for _, h := range n.Cgroups {
			if filepath.Base(h.Dir) == l.nodeGroupName() {
				dirs = append(dirs, h.Dir)
			}
		}
		errs = append(errs, removeCgroups(dirs))
	}
	for _, d := range []string{"state", "stop"} {
		errs = append(errs, os.RemoveAll(l.nodeDir(d)))
	}
	return errors.Join(errs...)
}

func (l *layout) nodeStatus() {
	pid := livePid(l.nodePidFile())
	if pid == 0 {
		return
	}
	fmt.Printf("  %-24s %-14s %s\n", nodeName, fmt.Sprintf("pid %d", pid), l.log("node"))
	for _, n := range nodeComponents {
		b, _ := os.ReadFile(l.nodeDir("state", n))
		fmt.Printf("    %-22s %-14s %s\n", n, strings.TrimSpace(string(b)), l.log(n))
	}
	fmt.Printf("    look inside: nsenter -t %d -m -n -p -C sh\n", pid)
}

// nodeComponent asks the node's pid 1 to hold or release one of its programs.
func (l *layout) nodeComponent(name string, stop, start bool) error {
	if livePid(l.nodePidFile()) == 0 {
		return errors.New("the node does not run")
	}
	wait := func(state string) error {
		return poll(name+" "+state, 10*time.Second, func() (bool, error) {
			b, _ := os.ReadFile(l.nodeDir("state", name))
			return strings.HasPrefix(string(b), state), nil
		})
	}
	hold := l.nodeDir("stop", name)
	if stop {
		if err := writeFile(hold, nil, 0o644); err != nil {
			return err
		}
		if err := wait("stopped"); err != nil {
			return err
		}
	}
	if !start {
		return nil
	}
	if err := os.Remove(hold); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return wait("running")
}

// bindKubeletClient lets the API server's own certificate do what logs and exec
// take, and no more: without system:masters it has no right of its own.
func bindKubeletClient(ctx context.Context, api *apiClient) error {
	return api.create(ctx, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", map[string]any{
		"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
		"metadata": map[string]any{"name": "stint:apiserver-to-kubelet"},
		"roleRef":  map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "system:kubelet-api-admin"},
		"subjects": []any{map[string]any{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": userKubeletClient}},
	})
}
