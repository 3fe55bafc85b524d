package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The tools that drive a cluster from git, run beside it as processes of this
// machine: Flux's controllers, and as much of Argo CD as a sync needs.

const (
	gitOpsFlags = "-s -w"
	gitOpsCRDs  = "gitops-crds.yaml"
	// gitOpsReady is how long a tool may take to answer on a busy machine.
	gitOpsReady = 2 * time.Minute
)

// Offsets from layout.gitOps.
const (
	goArtifacts = iota
	goSourceHealth
	goKustomizeHealth
	goHelmHealth
	goRedis
	goRepoServer
	goRepoServerMetrics
	goControllerMetrics
	gitOpsPorts
)

var gitOpsPrograms = []program{
	{name: "source-controller", module: "gitops", pkg: "github.com/fluxcd/source-controller", ldflags: gitOpsFlags},
	{name: "kustomize-controller", module: "gitops", pkg: "github.com/fluxcd/kustomize-controller", ldflags: gitOpsFlags},
	{name: "helm-controller", module: "gitops", pkg: "github.com/fluxcd/helm-controller", ldflags: gitOpsFlags},
	{name: "argocd", module: "gitops", pkg: "./argocd", ldflags: gitOpsFlags},
}

func gitOpsBundle() bundle {
	return bundle{name: "gitops", flags: gitOpsFlags, keyFiles: []string{"gitops/go.mod", "gitops/go.sum", "gitops/argocd/main.go", "gitops/argocd/lua.go"}}
}

// What the tools need besides themselves, by its place in the modules' own
// sources. Argo CD's repo-server calls the script by name.
var (
	gitOpsCRDSources = []struct{ module, glob string }{
		{"github.com/fluxcd/source-controller", "config/crd/bases/*.yaml"},
		{"github.com/fluxcd/kustomize-controller", "config/crd/bases/*.yaml"},
		{"github.com/fluxcd/helm-controller", "config/crd/bases/*.yaml"},
		{argoModule, "manifests/crds/*-crd.yaml"},
	}
	argoScripts = []string{"git-verify-wrapper.sh"}
)

const argoModule = "github.com/argoproj/argo-cd/v3"

// gitOps builds the tools, starts them against a cluster that is up, and
// prints the folder of their programs. They go with the cluster.
func gitOps(ctx context.Context, s *session) error {
	if !s.l.running("kube-apiserver") {
		return fmt.Errorf("%s is not up: run up first", s.l.kind)
	}
	if err := ensureGitOpsPrograms(ctx); err != nil {
		return err
	}
	f, err := gitOpsBundle().finder(s.l.cache)
	if err != nil {
		return err
	}
	if err := errors.Join(f.build(ctx, gitOpsPrograms), f.stage(ctx)); err != nil {
		return err
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.prepareGitOps(ctx, f); err != nil {
		return err
	}
	redis, err := exec.LookPath("redis-server")
	if err != nil {
		return err
	}
	tools := s.l.gitOpsTools(f, redis)
	for _, t := range tools {
		if _, err := s.l.ensure(t.component); err != nil {
			return err
		}
	}
	for _, t := range tools {
		if err := s.l.answers(ctx, t); err != nil {
			return err
		}
	}
	fmt.Println(f.own)
	return nil
}

// buildGitOps is the first half of gitOps: it needs no cluster.
func buildGitOps(ctx context.Context, s *session) error {
	f, err := gitOpsBundle().finder(s.l.cache)
	if err != nil {
		return err
	}
	return errors.Join(f.build(ctx, gitOpsPrograms), f.stage(ctx))
}

// stage copies CRDs and script out of the modules, where they are not there
// yet.
func (f finder) stage(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(f.own, gitOpsCRDs)); err == nil {
		return nil
	}
	dirs := map[string]string{}
	for _, m := range append([]string{argoModule}, modulesOf()...) {
		out, err := f.runGo(ctx, "gitops", "list", "-m", "-f", "{{.Version}}", m)
		if err != nil {
			return err
		}
		out, err = f.runGo(ctx, "gitops", "mod", "download", "-json", m+"@"+strings.TrimSpace(string(out)))
		if err != nil {
			return err
		}
		var got struct{ Dir string }
		if err := json.Unmarshal(out, &got); err != nil {
			return fmt.Errorf("go mod download %s: %w", m, err)
		}
		dirs[m] = got.Dir
	}
	for _, name := range argoScripts {
		if err := copyFile(filepath.Join(dirs[argoModule], "hack", name), filepath.Join(f.own, name), 0o755); err != nil {
			return err
		}
	}
	var crds bytes.Buffer
	for _, c := range gitOpsCRDSources {
		files, err := filepath.Glob(filepath.Join(dirs[c.module], filepath.FromSlash(c.glob)))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("no %s in %s: %w", c.glob, c.module, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			fmt.Fprintf(&crds, "---\n%s\n", b)
		}
	}
	// The last one: its presence says that the others are there.
	return writeFile(filepath.Join(f.own, gitOpsCRDs), crds.Bytes(), 0o644)
}

func modulesOf() []string {
	var out []string
	for _, c := range gitOpsCRDSources {
		if !slices.Contains(out, c.module) {
			out = append(out, c.module)
		}
	}
	return out
}

// prepareGitOps applies CRDs and Argo CD's settings, and makes the folders.
func (s *session) prepareGitOps(ctx context.Context, f finder) error {
	for _, d := range []string{"artifacts", "tmp", "redis"} {
		if err := os.MkdirAll(s.l.path("gitops", d), 0o700); err != nil {
			return err
		}
	}
	crds, err := os.ReadFile(filepath.Join(f.own, gitOpsCRDs))
	if err != nil {
		return err
	}
	if err := s.apply(ctx, crds); err != nil {
		return err
	}
	var last error
	err = poll("the new kinds", time.Minute, func() (bool, error) {
		// Until the API server knows them, their objects are refused.
		last = s.apply(ctx, []byte(argoSettings))
		return last == nil, nil
	})
	return errors.Join(err, last)
}

func (s *session) apply(ctx context.Context, manifest []byte) error {
	cmd := exec.CommandContext(ctx, s.find.path("kubectl"), "--kubeconfig="+s.l.kubeconfig(), "apply", "--server-side", "--force-conflicts", "-f", "-")
	cmd.Env, cmd.Stdin = componentEnv(), bytes.NewReader(manifest)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl apply: %w\n%s", err, lastLines(out, 10))
	}
	return nil
}

// argoSettings are the objects that Argo CD's processes read at their start.
// They may write to any namespace, and to no other cluster.
const argoSettings = `apiVersion: v1
kind: Namespace
metadata: {name: flux-system}
---
apiVersion: v1
kind: Namespace
metadata: {name: argocd}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-rbac-cm, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}
---
apiVersion: v1
kind: Secret
metadata: {name: argocd-secret, namespace: argocd, labels: {app.kubernetes.io/part-of: argocd}}
stringData: {server.secretkey: of-a-cluster-for-tests}
---
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata: {name: default, namespace: argocd}
spec:
  sourceRepos: ["*"]
  destinations: [{server: "*", namespace: "*"}]
  clusterResourceWhitelist: [{group: "*", kind: "*"}]
`

// gitOpsTool is a component and the address that tells when it is ready: a URL
// that answers 200, or a TCP port.
type gitOpsTool struct {
	component
	ready string
}

func (l *layout) gitOps(offset int) string {
	return loopback + ":" + strconv.Itoa(l.ports+offGitOps+offset)
}

func (l *layout) gitOpsTools(f finder, redis string) []gitOpsTool {
	env := []string{"KUBECONFIG=" + l.kubeconfig(), "HOME=" + l.path("gitops"), "TMPDIR=" + l.path("gitops", "tmp")}
	return append(l.fluxTools(f, env), l.argoTools(f, redis, env)...)
}

func (l *layout) fluxTools(f finder, env []string) []gitOpsTool {
	flux := func(name string, health int, args ...string) gitOpsTool {
		return gitOpsTool{ready: "http://" + l.gitOps(health) + "/readyz", component: component{
			Name: name, Listens: []string{l.gitOps(health)}, Env: append(slices.Clip(env), "RUNTIME_NAMESPACE=flux-system"),
			Argv: append([]string{f.path(name), "--watch-all-namespaces", "--events-addr=", "--metrics-addr=0",
				"--health-addr=" + l.gitOps(health), "--requeue-dependency=2s", "--concurrent=20", "--interval-jitter-percentage=0",
				// Tests of many namespaces at once must not wait for each other.
				"--kube-api-qps=200", "--kube-api-burst=400"}, args...)}}
	}
	return []gitOpsTool{
		flux("source-controller", goSourceHealth, "--storage-path="+l.path("gitops", "artifacts"),
			"--storage-addr="+l.gitOps(goArtifacts), "--storage-adv-addr="+l.gitOps(goArtifacts)),
		// As where Flux is sharded: what has the label is another one's.
		flux("kustomize-controller", goKustomizeHealth, "--watch-label-selector=!sharding.fluxcd.io/key"),
		flux("helm-controller", goHelmHealth),
	}
}

func (l *layout) argoTools(f finder, redis string, env []string) []gitOpsTool {
	env = append(slices.Clip(env), "ARGOCD_FAKE_IN_CLUSTER=true", "ARGOCD_GPG_ENABLED=false",
		"PATH="+f.own+":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	argo := func(name string, health int, args ...string) gitOpsTool {
		return gitOpsTool{ready: "http://" + l.gitOps(health) + "/healthz", component: component{
			Name: name, Listens: []string{l.gitOps(health)}, Env: env,
			Argv: append([]string{f.path("argocd"), name, "--logformat=text",
				"--redis=" + l.gitOps(goRedis), "--metrics-port=" + portOf(l.gitOps(health))}, args...)}}
	}
	return []gitOpsTool{
		{ready: l.gitOps(goRedis), component: component{Name: "redis-server", Listens: []string{l.gitOps(goRedis)},
			Argv: []string{redis, "--bind", loopback, "--port", portOf(l.gitOps(goRedis)), "--save", "", "--dir", l.path("gitops", "redis")}}},
		argo("argocd-repo-server", goRepoServerMetrics, "--address="+loopback, "--port="+portOf(l.gitOps(goRepoServer)),
			"--metrics-address="+loopback, "--disable-tls", "--client-ca-path=", "--revision-cache-expiration=1s"),
		argo("argocd-application-controller", goControllerMetrics, "--namespace=argocd", "--repo-server="+l.gitOps(goRepoServer), "--repo-server-plaintext",
			"--app-resync=5", "--app-resync-jitter=0", "--persist-resource-health"),
	}
}

func portOf(address string) string {
	_, port, _ := net.SplitHostPort(address)
	return port
}

// answers waits until a tool is ready.
func (l *layout) answers(ctx context.Context, t gitOpsTool) error {
	return step(t.Name+" ready", func() error {
		return poll(t.ready, gitOpsReady, func() (bool, error) {
			return reachable(ctx, t.ready), l.alive(t.Name)
		})
	})
}

func reachable(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if !strings.HasPrefix(address, "http") {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		return err == nil && conn.Close() == nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return false
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // and no proxy
	res, err := client.Do(req)
	return err == nil && res.Body.Close() == nil && res.StatusCode == http.StatusOK
}
