package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// defaultPorts is the first port of the control plane; ports from firstOwnPort
// on are the contenders'.
const (
	defaultPorts = 21540
	firstOwnPort = 10
)

// auditPolicy writes down each request for what the contenders write, without
// its content. It costs every contender the same.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: true
omitStages: [RequestReceived, ResponseStarted]
rules:
- level: None
  verbs: [watch]
- level: Metadata
  resources:
  - {group: "", resources: [pods, pods/*, events]}
  - {group: events.k8s.io, resources: [events]}
  - {group: batch, resources: [jobs, jobs/*, cronjobs, cronjobs/*]}
  - {group: batch.stint.dev, resources: [batchjobs, batchjobs/*, cronbatchjobs, cronbatchjobs/*]}
  - {group: coordination.k8s.io, resources: [leases]}
- level: None
`

// plane is etcd and an API server on loopback. The controllers come and go as
// contenders.
type plane struct {
	repo       string
	dir        string
	env        []string
	ports      int
	assets     string
	auditLog   string
	kubeconfig string
	config     *rest.Config
}

func startPlane(ctx context.Context, repo string) (*plane, error) {
	dir, err := os.MkdirTemp("", "stint-bench-")
	if err != nil {
		return nil, err
	}
	p := &plane{repo: repo, dir: dir, ports: defaultPorts, auditLog: filepath.Join(dir, "audit.log")}
	if v := os.Getenv("STINT_CONTROL_PLANE_PORTS"); v != "" {
		if p.ports, err = strconv.Atoi(v); err != nil {
			return nil, fmt.Errorf("STINT_CONTROL_PLANE_PORTS: %w", err)
		}
	}
	p.env = append(os.Environ(), "STINT_STATE="+filepath.Join(dir, "state"), "STINT_CONTROL_PLANE_PORTS="+strconv.Itoa(p.ports))
	if err := p.up(ctx); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *plane) up(ctx context.Context) error {
	policy := filepath.Join(p.dir, "audit-policy.yaml")
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return err
	}
	out, err := p.tool(ctx, "assets")
	if err != nil {
		return err
	}
	p.assets = lastLine(out)
	_, err = p.tool(ctx, "up", "--control-plane", "--without=kube-controller-manager,kube-scheduler",
		"--apiserver-arg=--audit-policy-file="+policy, "--apiserver-arg=--audit-log-path="+p.auditLog,
		"--apiserver-arg=--audit-log-maxsize=100000",
		"--apiserver-arg=--max-requests-inflight=4000", "--apiserver-arg=--max-mutating-requests-inflight=4000",
		"--apiserver-arg=--delete-collection-workers=20")
	if err != nil {
		return err
	}
	if out, err = p.tool(ctx, "kubeconfig", "--control-plane"); err != nil {
		return err
	}
	p.kubeconfig = lastLine(out)
	if p.config, err = clientcmd.BuildConfigFromFlags("", p.kubeconfig); err != nil {
		return err
	}
	p.config.QPS = -1 // what drives and watches the contenders must not be what limits them
	return nil
}

// stop leaves nothing behind, also when the run was interrupted.
func (p *plane) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := p.tool(ctx, "down", "--control-plane", "--wipe"); err != nil {
		say("%v; what is left is in %s", err, p.dir)
		return
	}
	if err := os.RemoveAll(p.dir); err != nil {
		say("%v", err)
	}
}

// tool runs test/cluster.
func (p *plane) tool(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"-C", filepath.Join(p.repo, "test/cluster"), "run", "."}, args...)...)
	cmd.Env = p.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt must not end what cleans up after it
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("test/cluster %s: %w\n%s%s", args[0], err, out, errs.String())
	}
	return string(out), nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
