//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// guideTest runs the blocks of a page: among the tests that run at the same time,
// where Flux and Argo CD are, or alone where it takes the operator away.
type guideTest struct {
	page string
	when int
	run  func(*guide)
}

const (
	withUsers = iota
	withGitOps
	alone
)

// guides in the order of those that are alone: each begins with what the one
// before has left.
var guides = []guideTest{
	{"README.md", withUsers, readme},
	{"charts/docs/migrate-before-deploy.md", withUsers, (*guide).rest},
	{"charts/docs/moving.md", withUsers, moving},
	{"charts/docs/argocd.md", withGitOps, argocd},
	{"charts/docs/backup.md", alone, backup},
	{"charts/docs/uninstall.md", alone, uninstall},
	{"charts/docs/kustomize.md", alone, kustomized},
	{"charts/docs/flux.md", alone, fluxed},
}

// guidesOf are the tests of the pages that are run then.
func guidesOf(when int) map[string]func(*space) {
	tests := map[string]func(*space){}
	for _, g := range guides {
		if g.when == when {
			tests["the commands of "+filepath.Base(g.page)] = func(s *space) { g.run(s.open(g.page)) }
		}
	}
	return tests
}

// TestGuides takes the operator away and brings it back in every way that the
// guides know.
func TestGuides(t *testing.T) {
	if os.Getenv("STINT_GITOPS") == "" {
		t.Skip("STINT_GITOPS does not say where Flux is: run `make test-e2e`, which builds and starts it")
	}
	newSpace(t).keepRelease()
	for _, g := range guides {
		if g.when == alone && !t.Failed() {
			t.Run(filepath.Base(g.page), func(t *testing.T) { g.run(newSpace(t).open(g.page)) })
		}
	}
}

func readme(g *guide) {
	g.shell("before it", "kubectl apply -f config/samples/failing-import.yaml")
	typo := strings.Replace(script("typo", "Never", "true"), "image: busybox", "image: nowhere/typo:1", 1)
	robot := strings.Replace(script("as-robot", "Never", "true"), "restartPolicy", "serviceAccountName: robot\n      restartPolicy", 1)
	g.apply(typo + "---\n" + robot + "---\n" + script("later", "Never", "true", "dependsOn: [{name: typo}]"))
	g.phase("failing-import", v1alpha1.PhaseFailed, soon)
	g.says("as-robot", v1alpha1.ReasonProgressingWithRetry)
	g.until("$ kubectl get batchjobs typo")
	said := g.do(g.blocks[g.next])
	for _, words := range []string{"ProgressingWithRetry: error looking up service account", "DependencyNotReady: typo"} {
		if !strings.Contains(said, words) {
			g.Errorf("no %q in\n%s", words, said)
		}
	}
	g.rest()
	g.eventually(soon, "the run that was asked for", func(context.Context) error {
		out, err := g.try("get", "batchjobs", "-l", "batch.stint.dev/cronbatchjob=hello", "-o", "name")
		if err == nil && !strings.Contains(out, "/hello-m") {
			err = fmt.Errorf("the runs of hello are %s", out)
		}
		return err
	})
}

func moving(g *guide) {
	g.kubectl("create", "cronjob", "nightly-report", "--image=busybox", "--schedule=30 2 * * *", "--", "true")
	g.rest()
	g.counted("import", 3)
}

func argocd(g *guide) {
	g.shell("before it", "kubectl apply -f charts/docs/examples/migrate.yaml")
	g.rest()
}

// backup loses everything twice: once it is restored with its status, once
// without.
func backup(g *guide) {
	g.apply(script("import", "Never", "true"))
	g.phase("import", v1alpha1.PhaseComplete, soon)
	g.apply(script("import", "Never", "echo 2"))
	before := g.run("import", 2, v1alpha1.RunChanged, v1alpha1.PhaseComplete)
	g.apply(script("long", "Never", waits))
	g.running("long", 1)
	g.apply(quick("BatchJob", "nightly", v1).scheduled("0 3 * * *"))
	lost := func() {
		g.Helper()
		g.kubectl("delete", "batchjobs,cronbatchjobs", "--all", "--timeout=60s")
	}

	const restore, again = "kubectl apply --server-side -f stint.yaml\nkubectl apply", "kubectl apply --server-side -f stint.yaml\nkubectl get"
	g.Cleanup(func() { _ = os.Remove(filepath.Join(top, "stint.yaml")) })
	g.until(restore)
	lost()
	g.until(again)
	g.operatorReady()
	after := g.run("import", 2, v1alpha1.RunChanged, v1alpha1.PhaseComplete)
	if after.UID == before.UID || len(after.Status.History) != 1 || !after.Status.CompletionTime.Equal(before.Status.CompletionTime) {
		g.Errorf("it is not the old run in a new object:\n%s", g.describe())
	}
	g.running("long", 1)
	if job, err := g.job(g.Context(), "long"); err != nil || job.GetRun() != 1 {
		g.Errorf("long is in run %d, %v", job.GetRun(), err)
	}
	g.kubectl("patch", "batchjob", "import", "--type=merge", "-p", `{"spec":{"template":{"metadata":{"labels":{"release":"3"}}}}}`)
	g.run("import", 3, v1alpha1.RunChanged, v1alpha1.PhaseComplete)

	g.do(g.blocks[0]) // stops the operator, as above
	lost()
	g.rest()
	g.run("import", 1, v1alpha1.RunCreated, v1alpha1.PhaseComplete)
	g.phase("long", v1alpha1.PhaseSuspended, soon)
	g.saw("with its status nothing ran again, an edit did, a run in progress went on; without it BatchJobs came back suspended")
}

// uninstall follows the chart's notes to the letter, then the guide, which finds
// everything done.
func uninstall(g *guide) {
	g.apply(script("survivor", "Never", waits))
	g.apply(script("done", "Never", "true", "completions: 3", "parallelism: 3"))
	g.apply(script("ends", "Never", "while [ ! -e /tmp/end ]; do sleep 1; done"))
	g.apply(quick("BatchJob", "often", v1).scheduled("*/5 * * * * *"))
	g.phase("done", v1alpha1.PhaseComplete, soon)
	g.running("survivor", 1)
	g.running("ends", 1)

	_, notes, _ := strings.Cut(g.helm("get", "notes", release), "Before you uninstall")
	_, notes, _ = strings.Cut(notes, "\n\n")
	stop, leave, found := strings.Cut(notes, "  kubectl -n "+system+" run ")
	if !found {
		g.Fatalf("the chart's notes have changed:\n%s", notes)
	}
	g.shell("stopping the operator as NOTES.txt says", stop)
	g.kubectl("exec", g.podOf("ends"), "--", "touch", "/tmp/end")
	g.eventually(soon, "a pod has ended and nobody has counted it", func(ctx context.Context) error {
		pods, err := g.podsOf(ctx, "ends")
		if err == nil && (len(pods) != 1 || pods[0].Status.Phase != corev1.PodSucceeded || finalizers(pods) == nil) {
			err = errors.New("not yet")
		}
		return err
	})
	said := g.shell("leaving as NOTES.txt says", "kubectl -n "+system+" run "+leave)
	// Of survivor and of ends; how many runs of the schedule are among them is chance.
	_, took, _ := strings.Cut(said, g.name+": took "+v1alpha1.FinalizerJobTracking+" off ")
	took, _, _ = strings.Cut(took, " ")
	if n, err := strconv.Atoi(took); err != nil || n < 2 {
		g.Errorf("release says %q", said)
	}
	for _, job := range []string{"survivor", "done", "ends"} {
		pods, err := g.podsOf(g.Context(), job)
		if err := errors.Join(err, finalizers(pods)); err != nil || len(pods) == 0 {
			g.Errorf("after release, %d pods of %s: %v", len(pods), job, err)
		}
	}

	g.until("helm uninstall")
	g.until("kubectl delete crd")
	g.running("survivor", 1)
	g.rest()
	for _, job := range []string{"survivor", "done", "ends"} {
		g.noPods(job)
	}
	g.saw("release let go of %s pods, one that ran and one that nobody had counted among them; the first ran on until the CRDs went; nothing is left", took)
}

func (s *space) podOf(job string) string {
	s.Helper()
	pods, err := s.podsOf(s.Context(), job)
	if err != nil || len(pods) != 1 {
		s.Fatalf("%d pods of %s, %v", len(pods), job, err)
	}
	return pods[0].Name
}

// builtHere is the tag of the operator's image that `make install` has made.
func (g *guide) builtHere() string {
	g.Helper()
	return strings.TrimSpace(g.shell("the image's tag", "echo dev-$(sha256sum bin/stint-controller | cut -c1-12)"))
}

// kustomized begins without the operator and its CRDs, and leaves none.
func kustomized(g *guide) {
	dir := g.TempDir()
	base, err := relative(dir, "config/default")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "kustomization.yaml"), fmt.Appendf(nil,
			"resources: [%s]\nimages: [{name: ghcr.io/stint-dev/stint-controller, newTag: %s}]\n", base, g.builtHere()), 0o600)
	}
	if err != nil {
		g.Fatal(err)
	}
	g.env = append(g.env, "OVERLAY="+dir)
	g.rest()
	g.operatorReady()
	g.apply(script("first", "Never", "true"))
	g.phase("first", v1alpha1.PhaseComplete, soon)
	g.shell("removing it", `kubectl delete -k "$OVERLAY" --timeout=2m`)
	g.saw("installed by kustomize alone, a job ran, removed")
}

// relative is the way from a folder to one of the repository: kustomize takes no
// other.
func relative(from, to string) (string, error) {
	abs, err := filepath.Abs(filepath.Join(top, to))
	if err != nil {
		return "", err
	}
	return filepath.Rel(from, abs)
}

// fluxed has Flux install the operator with the guide's own manifest.
func fluxed(g *guide) {
	r := g.newRepo()
	if err := os.CopyFS(filepath.Join(r.clone, "charts", "stint"), os.DirFS(chartDir)); err != nil {
		g.Fatal(err)
	}
	r.commit("the chart", nil)
	r.run("tag", "v0.1.0")
	r.run("push", "--quiet", "origin", "v0.1.0")
	b, err := os.ReadFile(filepath.Join(top, "charts/docs/examples/flux-install.yaml"))
	if err != nil {
		g.Fatal(err)
	}
	text := strings.NewReplacer("https://github.com/stint-dev/stint", r.url,
		"  values:\n", "  values:\n    image: {tag: "+g.builtHere()+"}\n").Replace(string(b))
	file := filepath.Join(g.TempDir(), "install.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		g.Fatal(err)
	}
	g.env = append(g.env, "INSTALL="+file)
	g.until("kubectl annotate")
	g.operatorReady()
	g.shell("before it", "kubectl apply -f charts/docs/examples/migrate.yaml && kubectl wait batchjob/migrate --for=condition=Ready --timeout=3m")
	g.rest()
	g.run("migrate", 2, v1alpha1.RunRequested, v1alpha1.PhaseComplete)
	g.kubectl("--namespace="+system, "delete", "helmrelease,gitrepository", "stint", "--timeout=2m")
	g.saw("installed by the guide's HelmRelease, a job ran, and once more when asked to")
}
