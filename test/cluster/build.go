package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

const kubernetesVersion = "v1.36.3"

// program is one binary this command builds.
type program struct {
	name    string
	module  string // the folder of sources that holds its go.mod
	pkg     string // the package, or a file in the module's folder
	ldflags string
}

func kubernetesFlags() string {
	const p = "k8s.io/component-base/version."
	minor := strings.Split(kubernetesVersion, ".")[1]
	return "-s -w -X " + p + "gitVersion=" + kubernetesVersion + " -X " + p + "gitMajor=1 -X " + p + "gitMinor=" + minor +
		" -X " + p + "gitTreeState=clean -X " + p + "gitCommit=module -X " + p + "buildDate=1970-01-01T00:00:00Z"
}

func kubernetesProgram(name string) program {
	return program{name: name, module: "kubernetes", pkg: "k8s.io/kubernetes/cmd/" + name, ldflags: kubernetesFlags()}
}

// Programs by what needs them. etcd comes from the module of Kubernetes too:
// one list of versions for everything lets all of them share one build cache.
var (
	assetPrograms = []program{
		{name: "etcd", module: "kubernetes", pkg: "go.etcd.io/etcd/server/v3", ldflags: "-s -w"},
		kubernetesProgram("kube-apiserver"),
		kubernetesProgram("kubectl"),
		kubernetesProgram("kube-controller-manager"),
	}
	controlPlanePrograms = append(slices.Clip(assetPrograms), kubernetesProgram("kube-scheduler"))
	nodePrograms         = []program{
		kubernetesProgram("kubelet"),
		kubernetesProgram("kube-proxy"),
		{name: "crane", module: "crane", pkg: "github.com/google/go-containerregistry/cmd/crane", ldflags: "-s -w"},
		{name: "pause", module: "pause", pkg: "pause.go", ldflags: "-s -w"},
	}
)

// cacheKey names a build by everything that decides its content. Files are
// given by name so that moving text from one to the other changes the key.
func cacheKey(files map[string][]byte, names []string, extra ...string) string {
	h := sha256.New()
	for _, n := range names {
		fmt.Fprintf(h, "%s %d\n", n, len(files[n]))
		h.Write(files[n])
	}
	for _, e := range extra {
		fmt.Fprintf(h, "%d %s\n", len(e), e)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}

// bundle is what is built from one set of versions, into a folder of its own:
// a new version of one bundle does not build the other again.
type bundle struct {
	name     string   // begins the folder's name
	keyFiles []string // decide what is built; below sourceDir
	flags    string   // the linker's
}

// clusterBundle is all that the clusters themselves run.
func clusterBundle() bundle {
	return bundle{name: kubernetesVersion, flags: kubernetesFlags(),
		keyFiles: []string{"kubernetes/go.mod", "kubernetes/go.sum", "crane/go.mod", "crane/go.sum", "pause/pause.go"}}
}

// dir is where every program of the bundle lies. The key covers the modules,
// the flags, the compiler and the platform.
func (b bundle) dir(cache, source string) (string, error) {
	files := map[string][]byte{}
	for _, n := range b.keyFiles {
		content, err := os.ReadFile(filepath.Join(source, filepath.FromSlash(n)))
		if err != nil {
			return "", err
		}
		files[n] = content
	}
	key := cacheKey(files, b.keyFiles, b.flags, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return filepath.Join(cache, "assets", b.name+"-"+key), nil
}

// sourceDir finds the folder of this command's own sources, which holds the
// modules to build: they are modules of their own and so cannot be embedded.
func sourceDir() (string, error) {
	var tried []string
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		tried = append(tried, filepath.Dir(file))
	}
	if wd, err := os.Getwd(); err == nil {
		tried = append(tried, wd, filepath.Join(wd, "test", "cluster"))
	}
	for _, d := range tried {
		if _, err := os.Stat(filepath.Join(d, "kubernetes", "go.mod")); err == nil {
			return d, nil
		}
	}
	return "", fmt.Errorf("the sources of this command are in none of %s: run it from test/cluster", strings.Join(tried, ", "))
}

// finder says where each program is to be run from.
type finder struct {
	source   string // sourceDir
	own      string // the bundle's dir
	provided string // KUBEBUILDER_ASSETS, or empty
}

func newFinder(cache, kind string) (finder, error) {
	f, err := clusterBundle().finder(cache)
	if err != nil {
		return finder{}, err
	}
	// A node's kubelet must not be newer than its API server, so binaries of an
	// unknown version are taken for the control plane alone.
	if kind == kindControlPlane {
		f.provided = os.Getenv("KUBEBUILDER_ASSETS")
	}
	return f, nil
}

func (b bundle) finder(cache string) (finder, error) {
	source, err := sourceDir()
	if err != nil {
		return finder{}, err
	}
	own, err := b.dir(cache, source)
	return finder{source: source, own: own}, err
}

func (f finder) path(name string) string {
	if f.provided != "" {
		if p := filepath.Join(f.provided, name); executable(p) {
			return p
		}
	}
	return filepath.Join(f.own, name)
}

func executable(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.Mode().IsRegular() && st.Mode()&0o111 != 0
}

// build makes sure that every program can be run, and builds what cannot. A
// finished program appears under its name in one step, so that one which a
// killed build left half written is never taken for a finished one.
func (f finder) build(ctx context.Context, programs []program) error {
	missing := f.missing(programs)
	if len(missing) == 0 {
		return nil
	}
	if err := os.MkdirAll(f.own, 0o755); err != nil {
		return err
	}
	unlock, err := lockFile(f.own+".lock", "another build")
	if err != nil {
		return err
	}
	defer unlock()
	missing = f.missing(missing) // somebody else's build may have finished meanwhile
	for i, p := range missing {
		what := fmt.Sprintf("building %s (%d of %d)", p.name, i+1, len(missing))
		say("%s", what)
		if err := step(what, func() error { return f.buildOne(ctx, p) }); err != nil {
			return err
		}
	}
	return nil
}

func (f finder) missing(programs []program) []program {
	var out []program
	for _, p := range programs {
		if !executable(f.path(p.name)) {
			out = append(out, p)
		}
	}
	return out
}

func (f finder) buildOne(ctx context.Context, p program) error {
	out := filepath.Join(f.own, "."+p.name+".partial")
	if _, err := f.runGo(ctx, p.module, "build", "-trimpath", "-buildvcs=false", "-ldflags", p.ldflags, "-o", out, p.pkg); err != nil {
		return err
	}
	return os.Rename(out, filepath.Join(f.own, p.name))
}

// runGo runs the go command in one of the modules of sources and answers what
// it printed.
func (f finder) runGo(ctx context.Context, module string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(f.source, module)
	// GOFLAGS and GOWORK of the caller's project must not leak into this build.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-mod=readonly", "GOWORK=off")
	cmd.WaitDelay = 5 * time.Second
	dieWithParent(cmd)
	var out, tail bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &tail
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return nil, errors.New("the go command is needed and is not on PATH")
		}
		return nil, fmt.Errorf("%w\n%s", err, lastLines(tail.Bytes(), 15))
	}
	return out.Bytes(), nil
}

// gather answers one directory that holds all programs under their own names,
// for tools that take a directory (KUBEBUILDER_ASSETS). Where the caller
// provided only some, links bring the two places together.
func (f finder) gather(programs []program) (string, error) {
	provided := 0
	for _, p := range programs {
		if filepath.Dir(f.path(p.name)) != f.own {
			provided++
		}
	}
	switch provided {
	case 0:
		return f.own, nil
	case len(programs):
		return f.provided, nil
	}
	sum := sha256.Sum256([]byte(f.provided))
	dir := f.own + "-with-" + hex.EncodeToString(sum[:4])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for _, p := range programs {
		link := filepath.Join(dir, p.name)
		if target, err := os.Readlink(link); err == nil && target == f.path(p.name) {
			continue
		}
		_ = os.Remove(link)
		if err := os.Symlink(f.path(p.name), link); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// lastLines keeps the end of a program's output, where the reason stands.
func lastLines(b []byte, n int) string {
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}

// copyFile puts a copy of an executable at dst in one step.
func copyFile(src, dst string, mode os.FileMode) error {
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	b, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	return writeFile(dst, b, mode)
}
