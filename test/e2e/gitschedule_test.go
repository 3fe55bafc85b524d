//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// children are the BatchJobs of a CronBatchJob.
func (s *space) children(ctx context.Context, cron string) ([]v1alpha1.BatchJob, error) {
	var list v1alpha1.BatchJobList
	err := api.List(ctx, &list, client.InNamespace(s.name), client.MatchingLabels{v1alpha1.LabelCronBatchJob: cron})
	return list.Items, err
}

// gitSchedule is a schedule's life in git: its changes start nothing, a token
// does, once, and in the middle of that run a release and a prune come.
func gitSchedule(s *space) {
	f, pods := s.newFlux(), s.watch()
	cron := func(image, runAt string) files {
		text := lasting("backup", image).scheduled("0 3 * * *")
		return files{"app/cron.yaml": strings.Replace(text, "  schedule:", "  runAt: "+runAt+"\n  schedule:", 1)}
	}
	f.commit("a nightly backup", files{"app/cron.yaml": lasting("backup", v1).scheduled("0 3 * * *")})
	f.kustomization("app", "2s", "wait: true")
	f.says("app", metav1.ConditionTrue)
	f.commit("release 2", files{"app/cron.yaml": lasting("backup", v2).scheduled("0 3 * * *")})
	f.says("app", metav1.ConditionTrue)
	f.look()
	if jobs, err := s.children(s.Context(), "backup"); err != nil || len(jobs) != 0 {
		s.Errorf("a change of the template has started %d runs, %v", len(jobs), err)
	}

	f.commit("one now, please", cron(v2, "monday"))
	f.says("app", metav1.ConditionTrue)
	var child string
	s.eventually(soon, "the run that was asked for", func(ctx context.Context) error {
		jobs, err := s.children(ctx, "backup")
		if err == nil && len(jobs) != 1 {
			err = fmt.Errorf("%d runs", len(jobs))
		}
		if err == nil {
			child = jobs[0].Name
		}
		return err
	})
	s.running(child, 1)
	f.commit("release 3", cron(v3, "monday"))
	f.says("app", metav1.ConditionTrue)
	f.look()
	s.running(child, 1)
	s.ran(pods, child, v2)

	f.commit("no backups any more", files{"app/cron.yaml": "", "app/none.yaml": configMap("none")})
	begin := time.Now()
	s.eventually(soon, "schedule, run and pod are gone", func(ctx context.Context) error {
		_, err := s.object(ctx, v1alpha1.GroupVersion.String(), "CronBatchJob", "backup")
		if client.IgnoreNotFound(err) != nil || err == nil {
			return errors.Join(err, errors.New("the CronBatchJob is there"))
		}
		return s.goneOf(ctx, child)
	})
	s.noPods(child)
	s.ran(pods, child, v2)
	s.saw("two releases started nothing, a token in git one run; release 3 left it alone; pruned in mid-run within %s", time.Since(begin).Round(time.Second))
}

// generatedConfig: by the component of config/kustomizeconfig the hash of a
// generated ConfigMap reaches the template, and Flux's own kustomize heeds it.
func generatedConfig(s *space) {
	f, pods := s.newFlux(), s.watch()
	component := files{}
	for _, name := range []string{"kustomization.yaml", "kustomizeconfig.yaml"} {
		b, err := os.ReadFile(filepath.Join(top, "config", "kustomizeconfig", name))
		if err != nil {
			s.Fatal(err)
		}
		component["kustomizeconfig/"+name] = string(b)
	}
	f.repo.commit("the component", component)
	setting := func(batch string) files {
		return files{
			"app/kustomization.yaml": fmt.Sprintf(`apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
components: [../kustomizeconfig]
resources: [job.yaml]
configMapGenerator: [{name: settings, literals: [batch=%s]}]
`, batch),
			"app/job.yaml": strings.Replace(quick("BatchJob", "import", v1).String(), "        image:", "        envFrom: [{configMapRef: {name: settings}}]\n        image:", 1),
		}
	}
	f.commit("batches of 100", setting("100"))
	f.kustomization("app", "1m", "wait: true")
	f.says("app", metav1.ConditionTrue)
	s.run("import", 1, v1alpha1.RunCreated, v1alpha1.PhaseComplete)
	f.commit("batches of 200", setting("200"))
	f.says("app", metav1.ConditionTrue)
	job := s.run("import", 2, v1alpha1.RunChanged, v1alpha1.PhaseComplete)
	name := job.Spec.Template.Spec.Containers[0].EnvFrom[0].ConfigMapRef.Name
	var cm corev1.ConfigMap
	if err := api.Get(s.Context(), client.ObjectKey{Namespace: s.name, Name: name}, &cm); err != nil || cm.Data["batch"] != "200" {
		s.Errorf("run 2 has the ConfigMap %s: %v, %v", name, cm.Data, err)
	}
	s.ran(pods, "import", v1, v1)
	s.saw("a changed value is a new name, %s, and run 2", name)
}

// fluxExamples are the guide's migration and Kustomizations, but for the names
// of the repository and the namespace.
func fluxExamples(s *space) {
	f, pods := s.newFlux(), s.watch()
	here := "namespace: " + s.name + "\n"
	f.commit("the examples", files{
		"migrations/kustomization.yaml": here + "resources: [migrate.yaml]\n", "migrations/migrate.yaml": s.example("migrate.yaml"),
		"apps/kustomization.yaml": here + "resources: [app.yaml]\n", "apps/app.yaml": deployment(v1)})
	text := strings.NewReplacer("namespace: flux-system\n", here, "name: shop", "name: repo").Replace(s.example("flux-migrate-before-deploy.yaml"))
	for doc := range strings.SplitSeq(text, "\n---\n") {
		s.set(doc)
	}
	f.says("apps", metav1.ConditionTrue)
	job := s.phase("migrate", v1alpha1.PhaseComplete, soon)
	applied, _ := s.appliedBy("kustomize-controller")
	if job.Status.CompletionTime.Time.After(applied) {
		s.Errorf("the app was applied at %s, the migration ended at %s", applied, job.Status.CompletionTime)
	}
	s.ran(pods, "migrate", job.Spec.Template.Spec.Containers[0].Image)
	s.saw("the guide's Kustomizations: the migration, then the app")
}
