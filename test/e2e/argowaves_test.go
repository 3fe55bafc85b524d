//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// shop is a release of a migration and the app that needs it.
func shop(migrate work) files {
	return files{"app/job.yaml": migrate.String(), "app/app.yaml": deployment(migrate.image)}
}

// slowly takes long enough for an app that does not wait to be seen.
func slowly(image string, annotations ...string) work {
	w := quick("BatchJob", "migrate", image)
	w.script, w.seconds, w.annotations = "sleep 5", 5, annotations
	return w
}

// argoWaves: the wave of the app waits for that of the migration, each release
// anew. A migration that fails stops the sync, and is not run again by Argo CD's
// further attempts at it.
func argoWaves(s *space) {
	const wave = `argocd.argoproj.io/sync-wave: "-1"`
	a, pods := s.newArgo("release 1", shop(slowly(v1, wave))), s.watch()
	a.says("Healthy")
	s.migratedFirst(v1)
	a.commit("release 2", shop(slowly(v2, wave)))
	a.says("Healthy")
	s.migratedFirst(v2)
	broken := failing("BatchJob", "migrate", v3)
	broken.annotations = []string{wave}
	a.commit("release 3, whose migration fails", shop(broken))
	failed := a.failsTwice()
	s.stays(v2, 5*time.Second)
	a.commit("release 4", shop(slowly(v1, wave)))
	a.says("Healthy")
	s.migratedFirst(v1)
	s.ran(pods, "migrate", v1, v2, v3, v1)
	s.saw("the app followed its migration in three releases; the one whose migration failed stayed out (%s)", lastWords(failed.message))
}

// migratedFirst fails unless the app came to this release after its migration
// had ended.
func (s *space) migratedFirst(want string) {
	s.Helper()
	job, err := s.job(s.Context(), "migrate")
	if err != nil {
		s.Fatal(err)
	}
	applied, got := s.appliedBy("argocd-controller")
	if got != want || job.Status.CompletionTime == nil || job.Status.CompletionTime.Time.After(applied) {
		s.Errorf("the app became %s at %s, want %s; the migration ended at %s", got, applied, want, job.Status.CompletionTime)
	}
}

// failsTwice waits until the sync of the newest commit has failed, and Argo CD's
// second attempt at it too.
func (a *argo) failsTwice() application {
	a.s.Helper()
	var app application
	a.s.eventually(sometime, "the sync has failed twice", func(ctx context.Context) error {
		var err error
		if app, err = a.application(ctx); err == nil && (app.revision != a.head || !strings.Contains(app.message, "Retrying attempt #2")) {
			err = fmt.Errorf("%+v", app)
		}
		return err
	})
	return app
}

// example is a manifest of the guides.
func (s *space) example(name string) string {
	s.Helper()
	b, err := os.ReadFile(filepath.Join(top, "charts/docs/examples", name))
	if err != nil {
		s.Fatal(err)
	}
	return string(b)
}

// argoExamples are the guide's manifests, but for the names of the repository
// and the namespace.
func argoExamples(s *space) {
	pods := s.watch()
	a := s.argoBy(s.example("argocd-app.yaml"), "the examples", files{
		"deploy/migrate.yaml": s.example("argocd-migrate-wave.yaml"), "deploy/app.yaml": deployment(v2)})
	a.settled(8 * time.Second)
	s.migratedFirst(v2)
	s.ran(pods, "migrate", v2)
	s.saw("the guide's Application synced its migration, then the app")
}

// argoHook: as a hook it runs at every sync, before the app, and also at every
// attempt at one.
func argoHook(s *space) {
	const hook = "argocd.argoproj.io/hook: PreSync"
	a, pods := s.newArgo("release 1", shop(slowly(v1, hook))), s.watch()
	a.says("Healthy")
	s.migratedFirst(v1)
	a.commit("release 2", shop(slowly(v2, hook)))
	a.says("Healthy")
	s.migratedFirst(v2)
	broken := failing("BatchJob", "migrate", v3)
	broken.annotations = []string{hook}
	a.commit("release 3, whose hook fails", shop(broken))
	a.failsTwice()
	s.stays(v2, 5*time.Second)
	a.commit("release 4", shop(slowly(v1, hook)))
	a.says("Healthy")
	s.migratedFirst(v1)
	images := pods.of("migrate")
	again := len(images) - 3
	s.ran(pods, "migrate", slices.Concat([]string{v1, v2}, slices.Repeat([]string{v3}, again), []string{v1})...)
	if again < 2 {
		s.Errorf("the attempts at a sync have not run the hook again: %q", images)
	}
	s.saw("a PreSync hook ended before the app came, in three releases; the one that failed kept the app out, and ran at each of %d attempts", again)
}

// argoLabel is Argo CD that tracks by a label which does not say that somebody
// would create the object again: so the manifest must. It changes a setting of
// all Applications.
func argoLabel(t *testing.T) {
	s := newSpace(t)
	setting := func(value string) {
		t.Helper()
		cm := object("v1", "ConfigMap")
		cm.SetNamespace(argoNamespace)
		cm.SetName("argocd-cm")
		patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"data":{"application.resourceTrackingMethod":%s}}`, value))
		if err := api.Patch(context.Background(), cm, patch); err != nil {
			t.Fatal(err)
		}
	}
	setting(`"label"`)
	t.Cleanup(func() { setting("null") })
	pods := s.watch()
	ttl := func(name string, spec ...string) string {
		return quick("BatchJob", name, v1, append(spec, "ttlSecondsAfterFinished: 1")...).String()
	}
	a := s.newArgo("with TTLs", files{"app/told.yaml": ttl("told", "ttlPolicy: DeletePods"), "app/untold.yaml": ttl("untold")})
	s.eventually(sometime, "the job that does not say so runs again", func(context.Context) error {
		if n := len(pods.of("untold")); n < 2 {
			return fmt.Errorf("it has run %d times", n)
		}
		return nil
	})
	a.commit("it says so", files{"app/untold.yaml": ttl("untold", "ttlPolicy: DeletePods")})
	a.says("Healthy")
	told := s.phase("told", v1alpha1.PhaseComplete, soon)
	s.noPods("told")
	s.noPods("untold")
	if tracked := told.Labels["app.kubernetes.io/instance"]; tracked != s.name || strings.Contains(fmt.Sprint(told.Annotations), "argocd.argoproj.io/tracking-id") {
		s.Errorf("Argo CD does not track it by label: %v %v", told.Labels, told.Annotations)
	}
	before := len(pods.of("untold"))
	a.settled(10 * time.Second)
	s.ran(pods, "told", v1)
	if again := len(pods.of("untold")) - before; again != 0 {
		s.Errorf("with ttlPolicy it has run %d times more", again)
	}
	s.ready("BatchJob", "untold", string(metav1.ConditionTrue), v1alpha1.ReasonSucceeded)
	s.saw("without ttlPolicy it ran %d times, with it once, and no more", before)
}
