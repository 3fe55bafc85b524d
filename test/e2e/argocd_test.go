//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// argo drives a namespace from a repository, by Argo CD with automated sync,
// pruning and self-heal.
type argo struct {
	*repo
}

const (
	argoNamespace = "argocd"
	argoAPI       = "argoproj.io/v1alpha1"
)

// newArgo makes the repository of a test, with its first files, and the
// Application that syncs the folder app.
func (s *space) newArgo(message string, first files) *argo {
	s.Helper()
	return s.argoBy(`apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: argocd}
spec:
  project: default
  source: {repoURL: https://git.example.com/shop.git, targetRevision: main, path: app}
  destination: {server: "https://kubernetes.default.svc", namespace: shop}
  syncPolicy: {automated: {prune: true, selfHeal: true}, retry: {limit: 5, refresh: true}}
`, message, first)
}

// argoBy does so with an Application that is called shop, as is its namespace.
func (s *space) argoBy(application, message string, first files) *argo {
	s.Helper()
	a := &argo{repo: s.newRepo()}
	a.repo.commit(message, first)
	s.set(strings.NewReplacer("https://git.example.com/shop.git", a.url, ": shop", ": "+s.name).Replace(application))
	s.Cleanup(func() {
		app := object(argoAPI, "Application")
		app.SetNamespace(argoNamespace)
		app.SetName(s.name)
		if err := api.Delete(context.Background(), app); client.IgnoreNotFound(err) != nil {
			s.Errorf("deleting the Application: %v", err)
		}
	})
	return a
}

// commit pushes, and has Argo CD look at once, as a webhook would.
func (a *argo) commit(message string, f files) {
	a.s.Helper()
	a.repo.commit(message, f)
	app := object(argoAPI, "Application")
	app.SetNamespace(argoNamespace)
	app.SetName(a.s.name)
	patch := `{"metadata":{"annotations":{"argocd.argoproj.io/refresh":"normal"}}}`
	if err := api.Patch(a.s.Context(), app, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		a.s.Fatal(err)
	}
}

// application is what Argo CD says.
type application struct {
	sync, revision, health, phase, message string
	// operation tells one sync from another.
	operation string
}

func (a *argo) application(ctx context.Context) (application, error) {
	o := object(argoAPI, "Application")
	if err := api.Get(ctx, client.ObjectKey{Namespace: argoNamespace, Name: a.s.name}, o); err != nil {
		return application{}, err
	}
	text := func(path ...string) string {
		v, _, _ := unstructured.NestedString(o.Object, append([]string{"status"}, path...)...)
		return v
	}
	return application{
		sync: text("sync", "status"), revision: text("sync", "revision"), health: text("health", "status"),
		phase: text("operationState", "phase"), message: text("operationState", "message"),
		operation: text("operationState", "startedAt"),
	}, nil
}

// says waits until the newest commit is synced and the Application has this
// health.
func (a *argo) says(health string) application {
	a.s.Helper()
	var app application
	a.s.eventually(sometime, "the Application is Synced and "+health, func(ctx context.Context) error {
		var err error
		if app, err = a.application(ctx); err != nil {
			return err
		}
		if app.sync != "Synced" || app.revision != a.head || app.health != health {
			return fmt.Errorf("%+v", app)
		}
		return nil
	})
	return app
}

// settled fails if Argo CD finds anything to do for a while. The health may
// change meanwhile, as it follows the job's.
func (a *argo) settled(forSo time.Duration) {
	a.s.Helper()
	before := a.says("Healthy")
	a.s.holds(forSo, "the Application stays Synced", func(ctx context.Context) error {
		app, err := a.application(ctx)
		app.health = before.health
		if err == nil && app != before {
			err = fmt.Errorf("it was %+v and is %+v", before, app)
		}
		return err
	})
	a.says("Healthy")
}

// teachArgo gives Argo CD our health and actions, with the snippet that comes
// with the chart.
func teachArgo(ctx context.Context) error {
	b, err := os.ReadFile(chartDir + "/argocd/argocd-cm.yaml")
	if err != nil {
		return err
	}
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(b, &o.Object); err != nil {
		return err
	}
	return api.Apply(ctx, client.ApplyConfigurationFromUnstructured(o), client.FieldOwner("e2e"), client.ForceOwnership)
}

// teachings are the settings of that snippet.
func teachings(t *testing.T) map[string]string {
	t.Helper()
	var cm corev1.ConfigMap
	b, err := os.ReadFile(chartDir + "/argocd/argocd-cm.yaml")
	if err == nil {
		err = yaml.UnmarshalStrict(b, &cm)
	}
	if err != nil {
		t.Fatal(err)
	}
	return cm.Data
}

func argoRunsAgain(s *space) {
	pods := s.watch()
	s.newArgo("with a TTL", files{"app/job.yaml": quick("Job", "report", v1, "ttlSecondsAfterFinished: 1").String()})
	begin := time.Now()
	s.eventually(sometime, "the job runs a third time", func(context.Context) error {
		if n := len(pods.of("report")); n < 3 {
			return fmt.Errorf("it has run %d times", n)
		}
		return nil
	})
	s.saw("self-heal has run one commit %d times within %s", len(pods.of("report")), time.Since(begin).Round(time.Second))
}

func argoKeepsRecord(s *space) {
	pods := s.watch()
	a := s.newArgo("with a TTL", files{"app/job.yaml": quick("BatchJob", "report", v1, "ttlSecondsAfterFinished: 1").String()})
	a.says("Healthy")
	s.noPods("report")
	const quiet = 20 * time.Second
	a.settled(quiet)
	s.ran(pods, "report", v1)
	job := s.phase("report", v1alpha1.PhaseComplete, soon)
	if _, marked := job.Annotations["argocd.argoproj.io/tracking-id"]; !marked {
		s.Errorf("Argo CD tracks it by something else than we look for: %v %v", job.Labels, job.Annotations)
	}
	s.saw("the pods went, the object stayed, Synced and Healthy for %s of self-heal", quiet)
}

// sparse leaves out what the API server would fill in within lists.
func sparse(s *space) {
	pods := s.watch()
	w := quick("BatchJob", "sparser", v1)
	text := strings.Replace(w.String(), "        image:", `        env: [{name: LEVEL, value: debug}, {name: EMPTY}]
        ports: [{containerPort: 8080}, {containerPort: 8080, protocol: UDP}]
        image:`, 1)
	a := s.newArgo("sparse", files{"app/example.yaml": s.example("argocd-sparse.yaml"), "app/job.yaml": text,
		"app/cron.yaml": strings.Replace(quick("BatchJob", "nightly", v1).scheduled("0 3 * * *"), "            image:", `            ports: [{containerPort: 8080}]
            image:`, 1)})
	const quiet = 20 * time.Second
	a.settled(quiet)
	for name, image := range map[string]string{"sparse": v2, "sparser": v1} {
		if job := s.phase(name, v1alpha1.PhaseComplete, soon); job.Generation != 1 {
			s.Errorf("generation %d of %s: somebody writes the spec again and again", job.Generation, name)
		}
		s.ran(pods, name, image)
	}
	s.saw("the guide's example and a sparser one Synced for %s, generation 1", quiet)
}

// argoHealth follows one job through its life as Argo CD shows it.
func argoHealth(s *space) {
	slow := quick("BatchJob", "migrate", v1)
	slow.script, slow.seconds = "sleep 12", 12
	a := s.newArgo("release 1", files{"app/job.yaml": slow.String()})
	a.says("Progressing")
	a.says("Healthy")
	a.commit("release 2 fails", files{"app/job.yaml": failing("BatchJob", "migrate", v2).String()})
	a.says("Degraded")
	a.commit("suspended", files{"app/job.yaml": quick("BatchJob", "migrate", v3, "suspend: true").String()})
	a.says("Suspended")
	a.commit("release 3", files{"app/job.yaml": quick("BatchJob", "migrate", v3).String()})
	a.says("Healthy")
	s.run("migrate", 3, v1alpha1.RunChanged, v1alpha1.PhaseComplete)
	s.saw("Progressing, Healthy; a failing release Degraded; suspended Suspended; resumed Healthy")
}

// argoActions does what a click does: the chart's Lua makes the new object, and
// Argo CD writes what is different in it.
func argoActions(s *space) {
	a, pods := s.newArgo("release 1", files{"app/job.yaml": quick("BatchJob", "migrate", v1).String()}), s.watch()
	a.says("Healthy")
	cm := teachings(s.T)
	for _, action := range []string{"run-now", "suspend", "resume"} {
		o, err := s.object(s.Context(), v1alpha1.GroupVersion.String(), "BatchJob", "migrate")
		if err != nil {
			s.Fatal(err)
		}
		answer := runLua(s.T, []luaTask{{Object: o.Object, Actions: cm["resource.customizations.actions.batch.stint.dev_BatchJob"], Run: action}})[0]
		if answer.Error != "" || len(answer.Changed) != 1 {
			s.Fatalf("%s: %+v", action, answer)
		}
		if err := api.Patch(s.Context(), &unstructured.Unstructured{Object: answer.Changed[0]}, client.MergeFrom(o)); err != nil {
			s.Fatal(err)
		}
		if action == "run-now" {
			s.run("migrate", 2, v1alpha1.RunRequested, v1alpha1.PhaseComplete)
		}
	}
	// Git says nothing of suspend and annotations, so they are nobody's drift.
	a.settled(8 * time.Second)
	s.ran(pods, "migrate", v1, v1)
	s.saw("run-now ran once more, suspend and resume of a finished job ran nothing, and nothing of it is a difference")
}

// R5

func failedCronUntold(s *space) {
	a := s.newArgo("every minute", files{"app/cron.yaml": failing("Job", "poll", v1).scheduled("* * * * *")})
	s.eventually(sometime, "a run of the schedule has failed", func(ctx context.Context) error {
		jobs, err := core.BatchV1().Jobs(s.name).List(ctx, metav1.ListOptions{})
		for i := range jobs.Items {
			if jobs.Items[i].Status.Failed > 0 && len(jobs.Items[i].Status.Conditions) > 0 {
				return nil
			}
		}
		return errors.Join(err, errors.New("none has"))
	})
	o, err := s.object(s.Context(), "batch/v1", "CronJob", "poll")
	if err != nil {
		s.Fatal(err)
	}
	status, _, _ := unstructured.NestedMap(o.Object, "status")
	delete(status, "active")
	if fields := slices.Sorted(maps.Keys(status)); !slices.Equal(fields, []string{"lastScheduleTime"}) {
		s.Errorf("the status does tell: %v", status)
	}
	a.says("Healthy")
	s.saw("a run has failed: all that the status says is lastScheduleTime, and Argo CD says Healthy")
}

func failedCronTold(s *space) {
	a := s.newArgo("every five seconds", files{"app/cron.yaml": failing("BatchJob", "poll", v1).scheduled("*/5 * * * * *")})
	var last verdict
	s.eventually(soon, "the schedule tells of a failed run", func(ctx context.Context) error {
		o, err := s.object(ctx, v1alpha1.GroupVersion.String(), "CronBatchJob", "poll")
		if err != nil {
			return err
		}
		if last = condition(o, v1alpha1.ConditionLastRunSucceeded); last.status != string(metav1.ConditionFalse) {
			return errors.New(last.String())
		}
		return nil
	})
	a.settled(10 * time.Second)
	var cron v1alpha1.CronBatchJob
	if err := api.Get(s.Context(), client.ObjectKey{Namespace: s.name, Name: "poll"}, &cron); err != nil {
		s.Fatal(err)
	}
	if cron.Status.LastFailureTime == nil || cron.Status.ConsecutiveFailures < 1 {
		s.Errorf("status %+v", cron.Status)
	}
	s.ready("CronBatchJob", "poll", "True", v1alpha1.ReasonScheduled)
	s.saw("%d runs have failed: Healthy, Ready=True; LastRunSucceeded=False: %s", cron.Status.ConsecutiveFailures, last.message)
}
