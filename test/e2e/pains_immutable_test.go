//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// R1 where it is Helm, or Argo CD, that brings the changed image.

// migrateChart is a chart with one migration, whose image is a value.
func migrateChart(kind string) files {
	w := quick(kind, "migrate", "{{ .Values.image }}")
	return files{
		"chart/Chart.yaml":              "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
		"chart/values.yaml":             "image: " + v1 + "\n",
		"chart/templates/migrate.yaml":  w.String(),
		"chart/templates/settings.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {image: {{ .Values.image | quote }}}\n",
	}
}

// helmed has helm-controller keep the chart of the repository released with
// this image.
func (f *flux) helmed(image string) {
	f.s.Helper()
	f.s.set(fmt.Sprintf(`apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: shop}
spec:
  interval: 10m
  timeout: 2m
  chart: {spec: {chart: ./chart, interval: 10m, reconcileStrategy: Revision, sourceRef: {kind: GitRepository, name: repo}}}
  values: {image: %q}
`, image))
}

func helmImmutable(s *space) {
	f := s.newFlux()
	f.commit("a chart", migrateChart("Job"))
	f.helmed(v1)
	f.saysOf(helmAPI, "HelmRelease", "shop", metav1.ConditionTrue, always)
	f.helmed(v2)
	v := f.saysOf(helmAPI, "HelmRelease", "shop", metav1.ConditionFalse, always)
	if !strings.Contains(v.message, "field is immutable") {
		s.Errorf("Helm does not complain of an immutable field: %s", v)
	}
	if job, err := s.upstreamJob(s.Context(), "migrate"); err != nil || job.Spec.Template.Spec.Containers[0].Image != v1 {
		s.Errorf("the job is no longer that of release 1: %v", err)
	}
	s.saw("helm upgrade fails after %s, %s: %s", v.after.Round(time.Second/10), v.reason, lastWords(v.message))
}

func helmChanged(s *space) {
	f, pods := s.newFlux(), s.watch()
	f.commit("a chart", migrateChart("BatchJob"))
	f.helmed(v1)
	f.saysOf(helmAPI, "HelmRelease", "shop", metav1.ConditionTrue, always)
	s.run("migrate", 1, v1alpha1.RunCreated, v1alpha1.PhaseComplete)
	f.helmed(v2)
	v := f.saysOf(helmAPI, "HelmRelease", "shop", metav1.ConditionTrue, always)
	// Helm has waited for the run, so that nothing is left to wait for.
	job, err := s.job(s.Context(), "migrate")
	if err != nil || job.Status.Run == nil || job.Status.Run.Number != 2 || job.Status.Phase != v1alpha1.PhaseComplete {
		s.Errorf("Helm says %s, %v:\n%s", v, err, s.describe())
	}
	s.ran(pods, "migrate", v1, v2)
	s.saw("helm upgrade is done %s after the new value, when run 2 had succeeded: %s", v.after.Round(time.Second/10), v.reason)
}

func argoImmutable(s *space) {
	a := s.newArgo("release 1", files{"app/job.yaml": quick("Job", "migrate", v1).String()})
	a.says("Healthy")
	a.commit("release 2", files{"app/job.yaml": quick("Job", "migrate", v2).String()})
	var app application
	s.eventually(sometime, "the sync of release 2 has failed", func(ctx context.Context) error {
		var err error
		if app, err = a.application(ctx); err != nil {
			return err
		}
		if app.revision != a.head || app.sync != "OutOfSync" || !strings.Contains(app.message, "field is immutable") {
			return fmt.Errorf("%+v", app)
		}
		return nil
	})
	if job, err := s.upstreamJob(s.Context(), "migrate"); err != nil || job.Spec.Template.Spec.Containers[0].Image != v1 {
		s.Errorf("the job is no longer that of release 1: %v", err)
	}
	s.saw("the sync is refused, and the Application %s and %s all the same: %s", app.sync, app.health, lastWords(app.message))
}

func argoChanged(s *space) {
	a, pods := s.newArgo("release 1", files{"app/job.yaml": quick("BatchJob", "migrate", v1).String()}), s.watch()
	a.says("Healthy")
	a.commit("release 2", files{"app/job.yaml": quick("BatchJob", "migrate", v2).String()})
	a.says("Healthy")
	s.run("migrate", 2, v1alpha1.RunChanged, v1alpha1.PhaseComplete)
	app := a.says("Healthy")
	if app.phase != "Succeeded" {
		s.Error(errors.New(app.message))
	}
	s.ran(pods, "migrate", v1, v2)
	s.saw("%s, Synced and Healthy, each release ran once", app.message)
}
