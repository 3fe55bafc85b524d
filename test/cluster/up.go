package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func usesExisting() bool { return os.Getenv("USE_EXISTING_CLUSTER") == "true" }

// up makes the cluster be as asked, whatever it finds: nothing, everything, or
// what a killed run or a dead component left.
func up(ctx context.Context, s *session) error {
	if usesExisting() {
		return s.checkExisting(ctx)
	}
	begin := time.Now()
	if s.realNode {
		if err := ensureHostPrograms(ctx); err != nil {
			return err
		}
	}
	// Only the state holds secrets; other users may run the binaries beside it.
	if err := errors.Join(os.MkdirAll(s.l.cache, 0o755), os.MkdirAll(filepath.Dir(s.l.state), 0o755), os.MkdirAll(s.l.state, 0o700)); err != nil {
		return err
	}
	if err := s.find.build(ctx, s.programs()); err != nil {
		return err
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.start(ctx); err != nil {
		return fmt.Errorf("%w\n(what runs is left as it is: `go run . status%s`, or up again)", err, s.flag())
	}
	return s.report(ctx, begin)
}

func (s *session) flag() string {
	if s.o.controlPlane {
		return " --control-plane"
	}
	return ""
}

// lock keeps two runs from changing the same cluster at once. It lies beside
// the state, which --wipe removes while the lock is held.
func (s *session) lock() (func(), error) {
	return lockFile(s.l.state+".lock", "another run on this cluster")
}

func (s *session) start(ctx context.Context) error {
	for _, d := range []string{"run", "log"} {
		if err := os.MkdirAll(s.l.path(d), 0o700); err != nil {
			return err
		}
	}
	if s.realNode {
		if err := s.l.ensureBridge(); err != nil {
			return err
		}
	}
	if s.l.kind == kindFull {
		if err := s.changeOfKind(); err != nil {
			return err
		}
	}
	api, err := s.l.startControlPlane(ctx, s.find, s.o, s.realNode)
	if err != nil || s.o.controlPlane {
		return err
	}
	if s.realNode {
		return s.startRealNode(ctx, api)
	}
	return s.startSimulatedNodes(ctx, api)
}

// changeOfKind ends the nodes of the other sort: a real node must not stay
// behind a simulated one of the same cluster, nor the other way round.
func (s *session) changeOfKind() error {
	if s.realNode {
		return s.l.stop("node-simulator", stopGrace)
	}
	if err := s.l.stopNode(); err != nil {
		return err
	}
	if err := s.l.stop("registry", stopGrace); err != nil {
		return err
	}
	return s.l.removeBridge()
}

func (s *session) report(ctx context.Context, begin time.Time) error {
	fmt.Printf("\n%s is up (%s).\n", s.l.kind, elapsed(begin))
	kubectl := s.find.path("kubectl")
	if !s.o.controlPlane {
		cmd := exec.CommandContext(ctx, kubectl, "--kubeconfig="+s.l.kubeconfig(), "get", "nodes")
		cmd.Env = componentEnv()
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("kubectl get nodes: %w", err)
		}
		fmt.Print("\n" + string(out))
		if !s.realNode {
			fmt.Println("\nThe nodes are SIMULATED: Pods go to Running and Succeeded, but no container runs.")
		}
	}
	fmt.Printf("\nkubeconfig  %s\nlogs        %s\n\n", s.l.kubeconfig(), s.l.path("log"))
	fmt.Printf("    export KUBECONFIG=%s\n    export PATH=%s:$PATH\n\n", s.l.kubeconfig(), filepath.Dir(kubectl))
	if s.realNode {
		fmt.Println("Try: kubectl run pi --image=perl --restart=Never -- perl -Mbignum=bpi -wle 'print bpi(2000)'\n     kubectl logs -f pi")
	}
	fmt.Println("Stop it: " + s.l.downCommand())
	return nil
}

func printEnv(_ context.Context, s *session) error {
	fmt.Printf("export KUBECONFIG='%s'\n", s.l.kubeconfig())
	fmt.Printf("export PATH='%s':\"$PATH\"\n", filepath.Dir(s.find.path("kubectl")))
	for _, k := range []string{"HTTPS_PROXY", "https_proxy"} {
		if os.Getenv(k) != "" {
			fmt.Printf("export NO_PROXY=\"${NO_PROXY:+$NO_PROXY,}%s\"\n", s.l.address)
			break
		}
	}
	return nil
}

// checkExisting only asks whether the caller's own cluster answers.
func (s *session) checkExisting(ctx context.Context) error {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		if err := s.find.build(ctx, []program{kubernetesProgram("kubectl")}); err != nil {
			return err
		}
		kubectl = s.find.path("kubectl")
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	name, err := exec.CommandContext(ctx, kubectl, "config", "current-context").CombinedOutput()
	if err != nil {
		return fmt.Errorf("USE_EXISTING_CLUSTER=true, but no cluster is configured: %s", strings.TrimSpace(string(name)))
	}
	out, err := exec.CommandContext(ctx, kubectl, "version", "--request-timeout=20s").CombinedOutput()
	if err != nil {
		return fmt.Errorf("USE_EXISTING_CLUSTER=true, but %s does not answer: %s", strings.TrimSpace(string(name)), lastLines(out, 3))
	}
	fmt.Printf("using the existing cluster of context %s (KUBECONFIG=%s); nothing was started\n%s",
		strings.TrimSpace(string(name)), os.Getenv("KUBECONFIG"), out)
	return nil
}

// down takes the cluster away, newest part first. It needs no binaries and no
// living API server, and finds everything by what up recorded.
func down(_ context.Context, s *session) error {
	if usesExisting() {
		say("USE_EXISTING_CLUSTER=true: nothing of ours to stop")
		return nil
	}
	if _, err := os.Stat(s.l.state); errors.Is(err, os.ErrNotExist) {
		say("%s: nothing there", s.l.kind)
		return nil
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	begin := time.Now()
	var errs []error
	if s.l.kind == kindFull {
		errs = append(errs, s.l.stopNode())
	}
	names := s.l.known()
	slices.Reverse(names)
	for _, n := range names {
		errs = append(errs, s.l.stop(n, stopGrace))
	}
	if s.l.kind == kindFull {
		errs = append(errs, s.l.removeBridge())
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if s.o.wipe {
		if err := os.RemoveAll(s.l.state); err != nil {
			return err
		}
	}
	say("%s is down (%s)", s.l.kind, elapsed(begin))
	return nil
}

func status(ctx context.Context, s *session) error {
	names := s.l.known()
	if len(names) == 0 {
		fmt.Printf("%s: never started (state %s)\n", s.l.kind, s.l.state)
		return nil
	}
	fmt.Printf("%s, state %s\n", s.l.kind, s.l.state)
	for _, n := range names {
		state := "not running"
		if pid := livePid(s.l.pidFile(n)); pid != 0 {
			state = fmt.Sprintf("pid %d", pid)
		}
		fmt.Printf("  %-24s %-14s %s\n", n, state, s.l.log(n))
	}
	if s.l.kind == kindFull {
		s.l.nodeStatus()
	}
	if !s.l.running("kube-apiserver") {
		return nil
	}
	spec, err := s.l.readSpec("kube-apiserver")
	if err != nil || len(spec.Listens) == 0 {
		return err
	}
	token, err := s.l.token(userAdmin)
	if err != nil {
		return err
	}
	api, err := newAPIClient("https://"+spec.Listens[0], s.l.pki("ca.crt"), token)
	if err != nil {
		return err
	}
	answer := "does not answer"
	if api.ready(ctx) {
		answer = http.StatusText(http.StatusOK)
	}
	fmt.Printf("  API %s: %s\n  kubeconfig %s\n", api.server, answer, s.l.kubeconfig())
	return nil
}
