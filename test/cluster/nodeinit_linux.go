package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// File descriptors that the launcher hands over.
const (
	fdPidFile = 3
	fdGoOn    = 4
)

// tunables are settings of the whole machine that kubelet insists on. The node
// shows it files with these values in their place, and changes nothing.
var tunables = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// nodeMain is the node's pid 1, in namespaces of its own. Whatever it cannot do
// ends it, and with it the node; up then shows its log.
func nodeMain(_ context.Context, args []string) error {
	syscall.CloseOnExec(fdPidFile) // its lock is this process's life, not its children's
	if n, err := syscall.Read(fdGoOn, make([]byte, 1)); n != 1 {
		return fmt.Errorf("the launcher went away: %w", err)
	}
	syscall.Close(fdGoOn)
	n, err := readLaunch(args)
	if err != nil {
		return err
	}
	programs, err := openPrograms(n)
	if err != nil {
		return err
	}
	if err := setUpMounts(n); err != nil {
		return err
	}
	if err := syscall.Sethostname([]byte(nodeName)); err != nil {
		return err
	}
	if err := setUpNetwork(); err != nil {
		return err
	}
	return (&supervisor{programs: programs}).run()
}

// mountStep is one mount, or several tries of which the first error counts.
type mountStep struct {
	source, target, fstype string
	flags                  uintptr
	data                   string
}

func (m mountStep) do() error {
	if err := syscall.Mount(m.source, m.target, m.fstype, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", m.source, m.target, err)
	}
	return nil
}

// setUpMounts gives the node its own view of the machine: fresh kernel file
// systems, and its own folders where its programs keep state. The order
// matters: what is bound is opened first, since /run and /var/lib may hide it.
func setUpMounts(n nodeLaunch) error {
	home, err := os.Open(n.Home)
	if err != nil {
		return err
	}
	defer home.Close()
	bin, err := os.Open(n.Bin)
	if err != nil {
		return err
	}
	defer bin.Close()
	at := func(f *os.File, sub string) string { return fmt.Sprintf("/proc/self/fd/%d%s", f.Fd(), sub) }
	const nothing = syscall.MS_NOSUID | syscall.MS_NODEV
	err = mountAll([]mountStep{
		// Cut off from the host first; then shared among what runs in here, which
		// kubelet needs for mount propagation into Pods.
		{"none", "/", "", syscall.MS_REC | syscall.MS_PRIVATE, ""},
		{"none", "/", "", syscall.MS_REC | syscall.MS_SHARED, ""},
		{"proc", "/proc", "proc", nothing | syscall.MS_NOEXEC, ""},
		{"sysfs", "/sys", "sysfs", nothing | syscall.MS_NOEXEC, ""},
		{"tmpfs", "/run", "tmpfs", nothing, "mode=755"},
	})
	if err != nil {
		return err
	}
	for _, d := range []string{nodeHome, nodeBin, "/run/lock", "/run/tunables"} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return err
		}
	}
	err = mountAll([]mountStep{
		{at(home, ""), nodeHome, "", syscall.MS_BIND, ""},
		{at(bin, ""), nodeBin, "", syscall.MS_BIND, ""},
		{at(home, "/varlog"), "/var/log", "", syscall.MS_BIND, ""},
		{at(home, "/varlib"), "/var/lib", "", syscall.MS_BIND, ""},
		{nodeEtc + "/hosts", "/etc/hosts", "", syscall.MS_BIND, ""},
	})
	if err != nil {
		return err
	}
	if err := showTunables(); err != nil {
		return err
	}
	return mountCgroups(n.Cgroups)
}

func mountAll(steps []mountStep) error {
	for _, s := range steps {
		if err := s.do(); err != nil {
			return err
		}
	}
	return nil
}

func showTunables() error {
	for name, value := range tunables {
		target := "/proc/sys/" + name
		if _, err := os.Stat(target); err != nil {
			continue // not in this kernel: kubelet does not miss it either
		}
		file := "/run/tunables/" + strings.ReplaceAll(name, "/", ".")
		if err := os.WriteFile(file, []byte(value+"\n"), 0o644); err != nil {
			return err
		}
		if err := (mountStep{file, target, "", syscall.MS_BIND, ""}).do(); err != nil {
			return err
		}
	}
	return nil
}

// mountCgroups shows the node its own groups as if they were the machine's:
// the cgroup namespace makes them the root of every tree.
func mountCgroups(hs []hierarchy) error {
	const root = "/sys/fs/cgroup"
	if len(hs) == 1 && hs[0].Controllers == "" {
		if err := (mountStep{"cgroup2", root, "cgroup2", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, ""}).do(); err != nil {
			return err
		}
		// A group that holds processes can give its children no controllers.
		if err := os.Mkdir(root+"/init", 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		if err := os.WriteFile(root+"/init/cgroup.procs", []byte("0"), 0); err != nil {
			return err
		}
		enableControllers(root)
		return nil
	}
	if err := (mountStep{"tmpfs", root, "tmpfs", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, "mode=755"}).do(); err != nil {
		return err
	}
	for _, h := range hs {
		// kubelet looks for a folder of each tree that /proc/self/cgroup names.
		name, data := h.Controllers, h.Controllers
		if label, ok := strings.CutPrefix(name, "name="); ok {
			name, data = label, "none,"+h.Controllers
		}
		if err := os.Mkdir(filepath.Join(root, name), 0o755); err != nil {
			return err
		}
		if err := (mountStep{"cgroup", filepath.Join(root, name), "cgroup", syscall.MS_NOSUID | syscall.MS_NODEV | syscall.MS_NOEXEC, data}).do(); err != nil {
			return err
		}
		if strings.Contains(name, ",") {
			for c := range strings.SplitSeq(name, ",") {
				if err := os.Symlink(name, filepath.Join(root, c)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// setUpNetwork waits for the host to put eth0 in here and configures it.
func setUpNetwork() error {
	err := poll("eth0", 30*time.Second, func() (bool, error) { return linkExists("eth0"), nil })
	if err != nil {
		return err
	}
	err = errors.Join(
		ip("link", "set", "lo", "up"),
		ip("addr", "add", nodeCIDR, "dev", "eth0"),
		ip("link", "set", "eth0", "up"),
		ip("route", "add", "default", "via", hostAddress))
	if err != nil {
		return err
	}
	// These belong to the network namespace; the host's stay as they are.
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
		return err
	}
	for _, optional := range []string{"ipv4/conf/all/route_localnet", "bridge/bridge-nf-call-iptables"} {
		_ = os.WriteFile("/proc/sys/net/"+optional, []byte("1"), 0)
	}
	// Pods reach this machine and each other. Anything else, a name server and
	// Services without endpoints included, fails at once instead of timing out.
	out, err := exec.Command("iptables", "-A", "FORWARD", "-o", "eth0", "!", "-d", bridgeCIDR, "-j", "REJECT").CombinedOutput()
	if err != nil {
		return fmt.Errorf("iptables: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// nodeProgram is one of the node's long-running programs.
type nodeProgram struct {
	name string
	argv []string
	path string // searched before the usual folders
	log  *os.File
	pid  int
	// notBefore spaces restarts out.
	notBefore time.Time
}

// openPrograms lists them in order of start. Their logs are opened before the
// mounts, which may hide the log folder.
func openPrograms(n nodeLaunch) ([]*nodeProgram, error) {
	programs := []*nodeProgram{
		{name: "containerd", argv: []string{n.Containerd, "--config", nodeEtc + "/containerd.toml"}},
		{name: "kubelet", argv: []string{nodeBin + "/kubelet", "--config=" + nodeEtc + "/kubelet.yaml",
			"--kubeconfig=" + nodeEtc + "/kubelet.kubeconfig", "--hostname-override=" + nodeName, "--node-ip=" + nodeAddress}},
		{name: "kube-proxy", argv: []string{nodeBin + "/kube-proxy", "--config=" + nodeEtc + "/kube-proxy.yaml"}},
	}
	for _, p := range programs {
		f, err := os.OpenFile(filepath.Join(n.LogDir, p.name+".log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			return nil, err
		}
		// containerd's shim must be of its own version, and lies beside it.
		p.log, p.path = f, filepath.Dir(n.Containerd)
	}
	return programs, nil
}

// supervisor starts the programs, restarts what dies, and collects orphans, as
// the first process of a pid namespace must.
type supervisor struct {
	programs []*nodeProgram
	started  bool
}

func (s *supervisor) run() error {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGCHLD, syscall.SIGTERM)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		s.reap()
		s.converge()
		select {
		case sig := <-signals:
			if sig == syscall.SIGTERM {
				return nil
			}
		case <-tick.C:
		}
	}
}

func (s *supervisor) reap() {
	for {
		var ws syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &ws, syscall.WNOHANG, nil)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if pid <= 0 || err != nil {
			return
		}
		for _, p := range s.programs {
			if p.pid == pid {
				p.pid, p.notBefore = 0, time.Now().Add(time.Second)
				fmt.Fprintf(p.log, "--- ended, wait status %#x\n", uint32(ws))
				p.mark("ended")
			}
		}
	}
}

// converge compares every program with what is wanted: running, unless the
// host holds it. kubelet does not start before containerd answers.
func (s *supervisor) converge() {
	all := true
	for _, p := range s.programs {
		_, err := os.Stat(filepath.Join(nodeHome, "stop", p.name))
		held := err == nil
		switch {
		case held && p.pid != 0:
			_ = syscall.Kill(p.pid, syscall.SIGKILL) // reap sees its end
		case held:
			p.mark("stopped")
		case p.pid == 0 && time.Now().After(p.notBefore) && (p.name == "containerd" || answers(criSocket)):
			p.start()
		}
		all = all && p.pid != 0
	}
	if all && !s.started {
		s.started = os.WriteFile(filepath.Join(nodeHome, "state", "started"), nil, 0o644) == nil
	}
}

// start uses fork and exec bare: the os package would want to wait for the
// process itself, and reap already takes every end there is.
func (p *nodeProgram) start() {
	// Taken out first: of two settings of one name a program sees the first.
	env := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PATH=") })
	env = append(env, "PATH="+p.path+":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	fmt.Fprintf(p.log, startMark+"%s %s\n", time.Now().Format(time.RFC3339), p.name)
	pid, err := syscall.ForkExec(p.argv[0], p.argv, &syscall.ProcAttr{Dir: "/", Env: env,
		Files: []uintptr{0, p.log.Fd(), p.log.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true}})
	if err != nil {
		fmt.Fprintf(p.log, "cannot start %s: %v\n", p.argv[0], err)
		p.notBefore = time.Now().Add(time.Second)
		return
	}
	p.pid = pid
	p.mark("running")
}

// mark tells the host how a program is; it cannot see into this namespace.
func (p *nodeProgram) mark(state string) {
	file := filepath.Join(nodeHome, "state", p.name)
	if old, err := os.ReadFile(file); err == nil && string(old) == state+"\n" {
		return
	}
	_ = os.WriteFile(file, []byte(state+"\n"), 0o644)
}

func answers(socket string) bool {
	c, err := net.DialTimeout("unix", socket, time.Second)
	if err != nil {
		return false
	}
	c.Close()
	return true
}
