//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// top is the folder in which the commands of the guides are meant to be run.
const top = "../.."

// block is a part of a page that is set apart as code.
type block struct {
	page string
	line int
	// manifest is YAML; all else are commands.
	manifest bool
	text     string
}

func (b *block) String() string {
	first, _, _ := strings.Cut(b.text, "\n")
	return fmt.Sprintf("%s:%d: %s", b.page, b.line, first)
}

// blocks finds what is fenced, or indented after an empty line.
func blocks(page, text string) []*block {
	var found []*block
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		fence, fenced := strings.CutPrefix(strings.TrimSpace(lines[i]), "```")
		in := indent(lines[i])
		begin := i
		switch {
		case fenced:
			for i++; i < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[i]), "```"); i++ {
			}
			begin++
		case in >= 4 && i > 0 && lines[i-1] == "":
			for i++; i < len(lines) && (lines[i] == "" || indent(lines[i]) >= in); i++ {
			}
		default:
			continue
		}
		b := &block{page: page, line: begin + 1, manifest: fence == "yaml"}
		for _, line := range lines[begin:min(i, len(lines))] {
			b.text += line[min(in, len(line)):] + "\n"
		}
		b.text = strings.TrimSpace(b.text) + "\n"
		found = append(found, b)
	}
	return found
}

func indent(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// commands are all lines, or where there are prompts, what stands behind them.
func (b *block) commands() string {
	var prompted []string
	for line := range strings.SplitSeq(b.text, "\n") {
		if command, found := strings.CutPrefix(line, "$ "); found {
			prompted = append(prompted, command)
		}
	}
	if len(prompted) > 0 {
		return strings.Join(prompted, "\n")
	}
	return b.text
}

// exception is a block that the tests do not run as it stands: they run what
// stands instead of it, with the block in $BLOCK, or nothing.
type exception struct{ page, begins, why, instead string }

const (
	asPatch  = `kubectl patch batchjob migrate --type=merge --patch-file "$BLOCK" --dry-run=server`
	asValues = `helm template stint charts/stint --values "$BLOCK" >/dev/null`
)

var exceptions = []exception{
	{"README.md", "make demo", "runs before these tests, and makes the cluster they run on", ""},
	{"README.md", "make test", "is another step of CI", ""},
	{"README.md", `eval "$(go -C test/cluster`, "is how these tests found their cluster", ""},
	{"README.md", "make docker-build", "needs Docker and a registry; make install does the same with the image that was built here", ""},
	{"README.md", `The BatchJob "pi" is invalid`, "is no command but an answer, which the test of bad manifests gets", ""},
	{"charts/docs/argocd.md", "helm upgrade argocd", "needs the chart argo-cd from the internet; the unit tests compare these values with the patch of argocd-cm", ""},
	{"charts/docs/argocd.md", "metadata:\n  name: migrate", "is a part of a BatchJob", asPatch},
	{"charts/docs/argocd.md", "spec:\n  ttlPolicy", "is a part of a BatchJob", asPatch},
	{"charts/docs/argocd.md", "crds:\n", "are values of the chart", asValues},
	{"charts/docs/backup.md", "velero", "needs Velero and its storage", ""},
	{"charts/docs/flux.md", "kubectl apply -f charts/docs/examples/flux-install.yaml", "from a git server on this machine, with the image that was built here",
		`kubectl apply -f "$INSTALL" && kubectl -n stint-system wait helmrelease/stint --for=condition=Ready --timeout=5m`},
	{"charts/docs/flux.md", "eventsAddr:", "are values of the chart", asValues},
	{"charts/docs/flux.md", "patches:", "needs notification-controller's CRDs, which the local cluster has not", ""},
	{"charts/docs/kustomize.md", "kubectl apply --server-side -k config/default", "with the image that was built here", `kubectl apply --server-side -k "$OVERLAY"`},
	{"charts/docs/kustomize.md", "components:", "with the component of this checkout, as that of the example has it",
		`mkdir "$BLOCK.d" && cp -r config/kustomizeconfig "$BLOCK.d" && sed 's#https.*#kustomizeconfig#' "$BLOCK" >"$BLOCK.d/kustomization.yaml" && kubectl kustomize "$BLOCK.d"`},
	{"charts/docs/migrate-before-deploy.md", "spec:\n  dependsOn", "is a part of a BatchJob, of another than migrate",
		`sed 's/^  name: migrate/  name: seed/' charts/docs/examples/migrate.yaml | kubectl patch --local -f - --type=merge --patch-file "$BLOCK" -o yaml |
			kubectl apply -f - && kubectl wait batchjob/seed --for=condition=Ready --timeout=5m`},
	{"charts/docs/moving.md", "apiVersion: batch.stint.dev", "are the two lines in which job-after.yaml, which is run, differs from job-before.yaml", ""},
}

func (b *block) exception() *exception {
	for i := range exceptions {
		if e := &exceptions[i]; e.page == b.page && strings.HasPrefix(b.text, e.begins) {
			return e
		}
	}
	return nil
}

// pageBlocks reads a page of the repository.
func pageBlocks(t *testing.T, page string) []*block {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, page))
	if err != nil {
		t.Fatal(err)
	}
	return blocks(page, string(text))
}

// TestGuidesAreTried: each page with code has a test here, and each exception is
// one of a block that exists.
func TestGuidesAreTried(t *testing.T) {
	pages, err := filepath.Glob(filepath.Join(top, "charts/docs/*.md"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("%v, %d guides", err, len(pages))
	}
	used, tried, run := map[*exception]int{}, 0, 0
	for _, path := range append(pages, filepath.Join(top, "README.md")) {
		page, err := filepath.Rel(top, path)
		if err != nil {
			t.Fatal(err)
		}
		found := pageBlocks(t, page)
		if len(found) > 0 && !slices.ContainsFunc(guides, func(g guideTest) bool { return g.page == page }) {
			t.Errorf("%s has %d blocks of code, and no test runs them", page, len(found))
		}
		for _, b := range found {
			e := b.exception()
			if e != nil {
				used[e]++
			}
			if tried++; e == nil || e.instead != "" {
				run++
			}
		}
	}
	for i := range exceptions {
		if n := used[&exceptions[i]]; n != 1 {
			t.Errorf("%d blocks of %s begin with %q", n, exceptions[i].page, exceptions[i].begins)
		}
	}
	fmt.Printf("e2e: guides: %d blocks of code, of which %d are run\n", tried, run)
}

// guide is a page whose blocks are run one after the other, as its reader does,
// in a namespace of its own.
type guide struct {
	*space
	blocks []*block
	next   int
	env    []string
}

// open makes the test's namespace the one that commands without one work in.
func (s *space) open(page string) *guide {
	s.Helper()
	g := &guide{space: s, blocks: pageBlocks(s.T, page)}
	kubeconfig := filepath.Join(s.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, []byte(s.kubectl("config", "view", "--raw")), 0o600); err != nil {
		s.Fatal(err)
	}
	s.kubectl("--kubeconfig="+kubeconfig, "config", "set-context", "--current", "--namespace="+s.name)
	bin, err := filepath.Abs(filepath.Join(top, "bin")) // with helm and the operator's program
	if err != nil {
		s.Fatal(err)
	}
	g.env = []string{"KUBECONFIG=" + kubeconfig, "PATH=" + bin + ":" + os.Getenv("PATH")}
	return g
}

// shell runs commands that must all succeed, and returns what they say.
func (g *guide) shell(what, commands string, env ...string) string {
	g.Helper()
	cmd := exec.CommandContext(g.Context(), "bash", "-euo", "pipefail", "-c", commands)
	cmd.Dir, cmd.Env = top, append(append(os.Environ(), g.env...), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		g.Fatalf("%s: %v\n%s\n%s\n%s", what, err, commands, out, g.describe())
	}
	return string(out)
}

// do tries one block.
func (g *guide) do(b *block) string {
	g.Helper()
	commands := b.commands()
	e := b.exception()
	switch {
	case e != nil && e.instead == "":
		return ""
	case e != nil:
		commands = e.instead
	case b.manifest && !(strings.Contains(b.text, "apiVersion:") && strings.Contains(b.text, "kind:")):
		g.Fatalf("%s is no whole manifest: say in the exceptions what it is", b)
	case b.manifest:
		commands = `kubectl apply -f "$BLOCK"`
	}
	file := filepath.Join(g.TempDir(), "block.yaml")
	if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
		g.Fatal(err)
	}
	return g.shell(b.String(), commands, "BLOCK="+file)
}

// until runs the blocks before the one that begins so.
func (g *guide) until(begins string) {
	g.Helper()
	for ; !strings.HasPrefix(g.blocks[g.next].text, begins); g.next++ {
		if g.next == len(g.blocks)-1 {
			g.Fatalf("no block after %s begins with %q", g.blocks[g.next], begins)
		}
		g.do(g.blocks[g.next])
	}
}

// rest runs what is left.
func (g *guide) rest() {
	g.Helper()
	for ; g.next < len(g.blocks); g.next++ {
		g.do(g.blocks[g.next])
	}
}
