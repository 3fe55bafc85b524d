package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The contenders. Each is a process of its own, started afresh for each
// measurement, alone with the API server, and identified there as admin.
const (
	builtIn = "built-in"
	ours    = "stint"
	bare    = "bare"
)

var allContenders = []string{builtIn, ours, bare}

// Limits that all of them get.
const (
	qps     = "5000"
	workers = "50"
)

// process is a running contender.
type process struct {
	contender string
	cmd       *exec.Cmd
	done      chan struct{}
	ended     error  // once done is closed
	base      string // of its metrics and profiles; empty if it has none
	health    string
	http      *http.Client
	token     string
}

// userAgent is a part of how the contender calls itself to the API server.
func userAgent(contender string) string {
	return map[string]string{builtIn: "job-controller", ours: "stint-controller/", bare: bareAgent}[contender]
}

func (s *session) start(ctx context.Context, contender string) (*process, error) {
	p := &process{contender: contender, done: make(chan struct{}), token: s.plane.config.BearerToken,
		http: &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}} // a certificate of its own making, on loopback
	argv, err := s.command(p)
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(s.plane.dir, contender+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	p.cmd = exec.CommandContext(ctx, argv[0], argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = log, log
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 20 * time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.ended = p.cmd.Wait()
		close(p.done)
	}()
	return p, p.ready(ctx)
}

func (s *session) command(p *process) ([]string, error) {
	address := func(i int) string { return "127.0.0.1:" + strconv.Itoa(s.plane.ports+firstOwnPort+i) }
	kubeconfig := s.plane.kubeconfig
	switch p.contender {
	case builtIn:
		p.base = "https://" + address(0)
		p.health = p.base + "/healthz"
		_, port, _ := strings.Cut(address(0), ":")
		return []string{filepath.Join(s.plane.assets, "kube-controller-manager"), "--kubeconfig=" + kubeconfig,
			"--authentication-kubeconfig=" + kubeconfig, "--authorization-kubeconfig=" + kubeconfig,
			"--authorization-always-allow-paths=/metrics,/healthz,/debug/pprof/*",
			"--bind-address=127.0.0.1", "--secure-port=" + port, "--cert-dir=" + filepath.Join(s.plane.dir, "kcm"),
			"--leader-elect=false", "--controllers=job-controller,cronjob-controller",
			"--kube-api-qps=" + qps, "--kube-api-burst=" + qps, "--concurrent-job-syncs=" + workers, "--concurrent-cron-job-syncs=" + workers}, nil
	case ours:
		p.base = "https://" + address(1)
		p.health = "http://" + address(2) + "/readyz"
		return []string{s.operator, "--kubeconfig=" + kubeconfig,
			"--metrics-addr=" + address(1), "--health-addr=" + address(2), "--enable-leader-election=false",
			"--kube-api-qps=" + qps, "--kube-api-burst=" + qps, "--concurrent=" + workers}, nil
	default:
		self, err := os.Executable()
		return []string{self, verbBare, kubeconfig}, err
	}
}

func (p *process) ready(ctx context.Context) error {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); {
		if p.health == "" {
			return nil
		}
		if _, err := p.get(ctx, p.health); err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended before it was ready: %w", p.contender, p.ended)
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s did not get ready", p.contender)
}

// stop asks it to end, and waits; again is no harm.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

func (p *process) get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	resp, err := p.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, resp.Status)
	}
	return body, err
}

// cpu is what the process has used so far.
func (p *process) cpu() (time.Duration, error) { return cpuOf(p.cmd.Process.Pid) }

func (p *process) proc(file string) string {
	return filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), file)
}

// memory is the live heap after a collection and the resident set, in bytes.
func (p *process) memory(ctx context.Context) (heap, rss float64, err error) {
	status, err := os.ReadFile(p.proc("status"))
	if err != nil {
		return 0, 0, err
	}
	rss = 1024 * valueOf(status, "VmRSS:")
	if p.base == "" {
		return 0, rss, nil
	}
	for range 2 { // what has finalizers goes with the second
		if _, err := p.get(ctx, p.base+"/debug/pprof/heap?gc=1"); err != nil {
			return 0, 0, err
		}
	}
	heap, err = p.metric(ctx, "go_memstats_heap_alloc_bytes")
	return heap, rss, err
}

// metric is the sum of a metric's series.
func (p *process) metric(ctx context.Context, name string) (float64, error) {
	body, err := p.get(ctx, p.base+"/metrics")
	if err != nil {
		return 0, err
	}
	return valueOf(body, name), nil
}

// valueOf sums the values of the lines of that name.
func valueOf(text []byte, name string) float64 {
	var sum float64
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || rest == "" || !strings.ContainsAny(rest[:1], " \t{") {
			continue
		}
		fields := strings.Fields(rest[strings.LastIndexByte(rest, '}')+1:])
		if v, err := strconv.ParseFloat(fields[0], 64); err == nil {
			sum += v
		}
	}
	return sum
}
