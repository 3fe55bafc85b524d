//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// R3: the app's Kustomization depends on that of its migration.

// deployment is the app of a release.
func deployment(image string) string {
	return fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: app}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: main, image: %q, command: [/bin/sh, -c, %q]}
`, image, waits)
}

func (f *flux) release(message string, migrate work) {
	f.s.Helper()
	f.commit(message, files{"migrate/job.yaml": migrate.String(), "app/app.yaml": deployment(migrate.image)})
}

// pipeline has Flux migrate, and deploy only then.
func (f *flux) pipeline() {
	f.s.Helper()
	f.kustomization("migrate", "1m", "wait: true")
	f.kustomization("app", "1m", "dependsOn: [{name: migrate}]")
}

func (s *space) deployed(ctx context.Context) (*appsv1.Deployment, string, error) {
	d, err := core.AppsV1().Deployments(s.name).Get(ctx, "app", metav1.GetOptions{})
	if err != nil {
		return nil, "", err
	}
	return d, d.Spec.Template.Spec.Containers[0].Image, nil
}

// stays fails unless the app stays at this release for a while.
func (s *space) stays(image string, forSo time.Duration) {
	s.Helper()
	s.holds(forSo, "the app stays at "+image, func(ctx context.Context) error {
		_, got, err := s.deployed(ctx)
		if err == nil && got != image {
			err = fmt.Errorf("it is at %s", got)
		}
		return err
	})
}

func secondReleaseStuck(s *space) {
	f := s.newFlux()
	f.release("release 1", quick("Job", "migrate", v1))
	f.pipeline()
	f.says("app", metav1.ConditionTrue)
	f.release("release 2", quick("Job", "migrate", v2))
	v := f.says("migrate", metav1.ConditionFalse)
	if !strings.Contains(v.message, "field is immutable") {
		s.Errorf("Flux says %s", v)
	}
	app := f.saysOf(kustomizeAPI, "Kustomization", "app", metav1.ConditionFalse, always)
	s.stays(v1, 8*time.Second)
	s.saw("release 1 went through; release 2: migration refused, app stays at release 1 (%s)", app.reason)
}

func secondRelease(s *space) {
	f, pods := s.newFlux(), s.watch()
	f.release("release 1", quick("BatchJob", "migrate", v1))
	f.pipeline()
	f.says("app", metav1.ConditionTrue)
	slow := quick("BatchJob", "migrate", v2)
	slow.script, slow.seconds = "sleep 4", 4
	f.release("release 2", slow)
	f.says("app", metav1.ConditionTrue)
	job := s.run("migrate", 2, v1alpha1.RunChanged, v1alpha1.PhaseComplete)
	applied, at := s.appliedBy("kustomize-controller")
	if at != v2 || job.Status.CompletionTime == nil || job.Status.CompletionTime.Time.After(applied) {
		s.Errorf("the app became %s at %s, the migration ended at %s", at, applied, job.Status.CompletionTime)
	}
	f.release("release 3, whose migration fails", failing("BatchJob", "migrate", v3))
	v := f.says("migrate", metav1.ConditionFalse)
	if !strings.Contains(v.message, "failed early due to stalled resources") {
		s.Errorf("Flux says %s", v)
	}
	s.run("migrate", 3, v1alpha1.RunChanged, v1alpha1.PhaseFailed)
	s.stays(v2, 5*time.Second)
	f.revert()
	f.says("app", metav1.ConditionTrue)
	s.run("migrate", 4, v1alpha1.RunChanged, v1alpha1.PhaseComplete)
	s.ran(pods, "migrate", v1, v2, v3, v2)
	s.saw("release 2 deployed after its migration had ended; release 3 failed %s after the commit (timeout 5m), app stayed; its revert healed", v.after.Round(time.Second/10))
}

// appliedBy answers when a manager last changed the app, and to which image.
func (s *space) appliedBy(manager string) (time.Time, string) {
	s.Helper()
	d, image, err := s.deployed(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	for _, m := range d.ManagedFields {
		if m.Manager == manager && m.Subresource == "" && m.Time != nil {
			return m.Time.Time, image
		}
	}
	s.Fatalf("%s has applied nothing of %s", manager, d.Name)
	return time.Time{}, ""
}

// R4

const token = "example.com/run"

func tokenRunsNothing(s *space) {
	f, pods := s.newFlux(), s.watch()
	job := func(value string) string {
		w := quick("Job", "reindex", v1)
		w.annotations = []string{token + ": " + value}
		return w.String()
	}
	f.commit("first", files{"app/job.yaml": job("monday")})
	f.kustomization("app", "1m", "wait: true")
	f.says("app", metav1.ConditionTrue)
	f.commit("once more, please", files{"app/job.yaml": job("tuesday")})
	f.says("app", metav1.ConditionTrue)
	upstream, err := s.upstreamJob(s.Context(), "reindex")
	if err != nil || upstream.Annotations[token] != "tuesday" {
		s.Errorf("the token has not come: %v", err)
	}
	time.Sleep(8 * time.Second)
	s.ran(pods, "reindex", v1)
	s.saw("the new token is in the cluster, Flux is content, and nothing has run")
}

func tokenRunsOnce(s *space) {
	f, pods := s.newFlux(), s.watch()
	job := func(value string) files {
		return files{"app/job.yaml": quick("BatchJob", "reindex", v1, "runAt: "+value).String()}
	}
	f.commit("first", job("monday"))
	f.kustomization("app", "1m", "wait: true")
	f.says("app", metav1.ConditionTrue)
	s.run("reindex", 1, v1alpha1.RunCreated, v1alpha1.PhaseComplete)
	f.commit("once more, please", job("tuesday"))
	f.says("app", metav1.ConditionTrue)
	s.run("reindex", 2, v1alpha1.RunRequested, v1alpha1.PhaseComplete)
	s.askByHand("reindex", "wednesday")
	s.run("reindex", 3, v1alpha1.RunRequested, v1alpha1.PhaseComplete)
	// Old tokens come back: by hand, and by a revert.
	s.askByHand("reindex", "tuesday")
	f.revert()
	f.says("app", metav1.ConditionTrue)
	f.look()
	time.Sleep(3 * time.Second)
	s.ran(pods, "reindex", v1, v1, v1)
	s.saw("a token in git and one by hand ran once each; old ones that came back ran nothing")
}

func (s *space) askByHand(name, value string) {
	s.Helper()
	s.annotate(v1alpha1.GroupVersion.String(), "BatchJob", name, v1alpha1.AnnotationRunAt, value)
}

// R6

func revertRunsAgain(s *space) {
	f, pods := s.newFlux(), s.watch()
	job := func(image string) files {
		w := quick("Job", "migrate", image)
		w.annotations = []string{"kustomize.toolkit.fluxcd.io/force: enabled"}
		return files{"app/job.yaml": w.String()}
	}
	f.commit("release 1", job(v1))
	f.kustomization("app", "1m", "wait: true")
	f.says("app", metav1.ConditionTrue)
	f.commit("release 2", job(v2))
	f.says("app", metav1.ConditionTrue)
	f.revert()
	f.says("app", metav1.ConditionTrue)
	s.eventually(soon, "release 1 runs again", func(context.Context) error {
		if got := pods.of("migrate"); !slices.Equal(got, []string{v1, v2, v1}) {
			return fmt.Errorf("pods of %q", got)
		}
		return nil
	})
	s.saw("with force: enabled release 1 has run twice, and nothing in the cluster tells that it had succeeded")
}

func revertRunsNothing(s *space) {
	f, pods := s.newFlux(), s.watch()
	job := func(image string) files {
		return files{"app/job.yaml": quick("BatchJob", "migrate", image, "rerunPolicy: OncePerRevision").String()}
	}
	f.commit("release 1", job(v1))
	f.kustomization("app", "1m", "wait: true")
	f.says("app", metav1.ConditionTrue)
	f.commit("release 2", job(v2))
	f.says("app", metav1.ConditionTrue)
	s.run("migrate", 2, v1alpha1.RunChanged, v1alpha1.PhaseComplete)
	f.revert()
	f.says("app", metav1.ConditionTrue)
	s.says("migrate", v1alpha1.ReasonNotRun)
	f.look()
	s.ran(pods, "migrate", v1, v2)
	job2, err := s.job(s.Context(), "migrate")
	if err != nil || len(job2.Status.SucceededRevisions) != 2 {
		s.Error(errors.Join(err, fmt.Errorf("status %+v", job2.Status)))
	}
	s.saw("the revert ran nothing, Ready=True/NotRun says why, and both revisions are recorded")
}
