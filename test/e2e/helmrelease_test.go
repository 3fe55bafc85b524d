//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

const helmAPI = "helm.toolkit.fluxcd.io/v2"

// helmRelease has helm-controller install, upgrade and remove the chart from
// git, and puts the release back as it was found.
func helmRelease(t *testing.T) {
	s := newSpace(t)
	b, err := os.ReadFile(s.keepRelease())
	if err != nil {
		t.Fatal(err)
	}
	values := string(b)
	f := s.newFlux()
	if err := os.CopyFS(filepath.Join(f.clone, "charts", "stint"), os.DirFS(chartDir)); err != nil {
		t.Fatal(err)
	}
	s.apply(script("survivor", "Never", waits))
	s.running("survivor", 1)
	s.helm("uninstall", release, "--wait", "--timeout=2m")
	f.commit("the chart", nil)
	f.helmRelease(values)
	f.released("stint", s.chartVersion(f))
	before := s.operatorReady()
	s.apply(script("first", "Never", "true"))
	first := s.phase("first", v1alpha1.PhaseComplete, soon)

	s.edit(f, "Chart.yaml", "\nversion: "+s.chartVersion(f), "\nversion: 99.0.0")
	f.helmRelease(values + "\nlogLevel: debug\ncrds: {annotations: {example.com/release: second}}\n")
	f.commit("a newer chart", nil)
	f.released("stint", s.chartVersion(f))
	after := s.operatorReady()
	if after.UID == before.UID {
		t.Error("the upgrade did not replace the operator's pod")
	}
	if out := s.kubectl("get", "crd", "batchjobs.batch.stint.dev", "-o", "yaml"); !strings.Contains(out, "example.com/release: second") {
		t.Error("the upgrade did not reach the CRDs")
	}
	if job, err := s.job(t.Context(), "first"); err != nil || job.UID != first.UID || job.Status.Run.Number != 1 {
		t.Errorf("the upgrade has run a finished job again: %v", err)
	}
	s.removed()
	s.saw("installed, upgraded to %s with its CRDs, removed; the CRDs and a running job stayed, nothing ran again", s.chartVersion(f))
}

// helmRelease has Flux keep the chart of the repository installed.
func (f *flux) helmRelease(values string) {
	f.s.Helper()
	f.s.set(fmt.Sprintf(`apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: stint}
spec:
  interval: 10m
  timeout: 3m
  releaseName: %[1]s
  targetNamespace: %[2]s
  storageNamespace: %[2]s
  chart: {spec: {chart: ./charts/stint, interval: 10m, reconcileStrategy: Revision, sourceRef: {kind: GitRepository, name: repo}}}
  values:
    %[3]s
`, release, system, strings.ReplaceAll(strings.TrimPrefix(values, "USER-SUPPLIED VALUES:\n"), "\n", "\n    ")))
}

// released waits until helm-controller has released this version of the chart.
func (f *flux) released(name, version string) {
	f.s.Helper()
	f.saysOf(helmAPI, "HelmRelease", name, metav1.ConditionTrue, func(o *unstructured.Unstructured) error {
		history, _, _ := unstructured.NestedSlice(o.Object, "status", "history")
		if len(history) == 0 {
			return errors.New("nothing is released")
		}
		got, _ := history[0].(map[string]any)["chartVersion"].(string)
		// Flux adds the commit.
		if !strings.HasPrefix(got, version+"+"+f.head[:12]) {
			return fmt.Errorf("version %s is released, want %s of %s", got, version, f.head)
		}
		return nil
	})
}

func (s *space) chartVersion(f *flux) string {
	s.Helper()
	b, err := os.ReadFile(filepath.Join(f.clone, "charts", "stint", "Chart.yaml"))
	if err != nil {
		s.Fatal(err)
	}
	_, rest, _ := strings.Cut("\n"+string(b), "\nversion: ")
	version, _, _ := strings.Cut(rest, "\n")
	return strings.Trim(version, `"`)
}

// edit replaces text in a file of the chart.
func (s *space) edit(f *flux, name, from, to string) {
	s.Helper()
	path := filepath.Join(f.clone, "charts", "stint", name)
	b, err := os.ReadFile(path)
	if err != nil {
		s.Fatal(err)
	}
	if !strings.Contains(string(b), from) {
		s.Fatalf("no %q in %s", from, path)
	}
	f.write(path, strings.Replace(string(b), from, to, 1))
}

// removed deletes the HelmRelease, as a prune does, and looks what is left.
func (s *space) removed() {
	s.Helper()
	o := object(helmAPI, "HelmRelease")
	o.SetNamespace(s.name)
	o.SetName("stint")
	if err := api.Delete(s.Context(), o); err != nil {
		s.Fatal(err)
	}
	s.eventually(soon, "helm-controller has removed the release", func(ctx context.Context) error {
		_, err := s.object(ctx, helmAPI, "HelmRelease", "stint")
		if client.IgnoreNotFound(err) != nil || err == nil {
			return errors.Join(err, errors.New("the HelmRelease is there"))
		}
		if pod, err := operator(ctx); err == nil {
			return fmt.Errorf("pod %s is there", pod.Name)
		}
		return nil
	})
	s.running("survivor", 1)
	job, err := s.job(s.Context(), "survivor")
	if err != nil || job.Status.Active != 1 {
		s.Errorf("removing the chart has changed a job: %v\n%s", err, s.describe())
	}
}
