//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

func settings(name, value string) string { return configMap(name) + "data: {release: " + value + "}\n" }

// importing is a job that takes its time.
func importing(seconds int) work {
	job := quick("BatchJob", "import", v1)
	job.script, job.seconds = fmt.Sprintf("sleep %d", seconds), seconds
	return job
}

// longJob: under wait: true Flux applies no newer commit before the run's end,
// to that Kustomization; another one goes on.
func longJob(s *space) {
	f := s.newFlux()
	f.commit("release 1", files{"jobs/job.yaml": importing(30).String(), "jobs/held.yaml": settings("held", "one"), "app/free.yaml": settings("free", "one")})
	f.kustomization("jobs", "1m", "wait: true")
	f.kustomization("app", "1m", "wait: true")
	s.running("import", 1)
	f.commit("release 2", files{"jobs/held.yaml": settings("held", "two"), "app/free.yaml": settings("free", "two")})
	free := f.says("app", metav1.ConditionTrue)
	s.holds(5*time.Second, "the Kustomization of the job waits", s.heldWhileItRuns)
	f.says("jobs", metav1.ConditionTrue)
	s.run("import", 1, v1alpha1.RunCreated, v1alpha1.PhaseComplete)
	s.saw("release 2 came to the Kustomization of the job after its end, to the other one %s after the commit", free.after.Round(time.Second/10))
}

func (s *space) heldWhileItRuns(ctx context.Context) error {
	job, err := s.job(ctx, "import")
	if err != nil {
		return err
	}
	if release, err := s.release(ctx); err != nil || !job.IsFinished() && release != "one" {
		return errors.Join(err, fmt.Errorf("release %s came while the job runs", release))
	}
	return nil
}

// release is which one has come to the Kustomization of the job.
func (s *space) release(ctx context.Context) (string, error) {
	cm, err := core.CoreV1().ConfigMaps(s.name).Get(ctx, "held", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	return cm.Data["release"], nil
}

// longJobIn has a job that runs for so long in a Kustomization with these
// fields, and commits release 2 while it runs.
func (s *space) longJobIn(seconds int, spec ...string) *flux {
	s.Helper()
	f := s.newFlux()
	f.commit("release 1", files{"jobs/job.yaml": importing(seconds).String(), "jobs/app.yaml": deployment(v1), "jobs/held.yaml": settings("held", "one")})
	f.kustomization("jobs", "1m", spec...)
	s.running("import", 1)
	f.commit("release 2", files{"jobs/held.yaml": settings("held", "two")})
	return f
}

// comes waits for release 2, and fails if it waited for the job or took it away.
func (f *flux) comes() time.Duration {
	f.s.Helper()
	begin := time.Now()
	f.s.eventually(sometime, "release 2 comes", func(ctx context.Context) error {
		release, err := f.s.release(ctx)
		if err == nil && release != "two" {
			err = fmt.Errorf("it is release %s", release)
		}
		return err
	})
	took := time.Since(begin)
	job, err := f.s.job(f.s.Context(), "import")
	if err != nil || job.IsFinished() || job.GetRun() != 1 || job.Status.Active != 1 {
		f.s.Errorf("release 2 came, and the job does not run any more: %v\n%s", err, f.s.describe())
	}
	return took
}

// namedHealthChecks: what is not named among them is applied and not waited for.
func namedHealthChecks(s *space) {
	f := s.longJobIn(3600, "healthChecks: [{apiVersion: apps/v1, kind: Deployment, name: app, namespace: "+s.name+"}]")
	took := f.comes()
	f.says("jobs", metav1.ConditionTrue)
	s.saw("release 2 came after %s while the job ran", took.Round(time.Second/10))
}

// waitTimesOut: after timeout Flux says that the health check failed, and goes on
// with what is newest. The job knows nothing of it.
func waitTimesOut(s *space) {
	f := s.longJobIn(3600)
	f.kustomization("jobs", "1m", "wait: true", "timeout: 30s")
	took := f.comes()
	s.saw("release 2 came after %s while the job ran; until it ends the Kustomization is not ready at each timeout", took.Round(time.Second))
}

// waitSuspended: neither spec.suspend of the Kustomization nor a request to
// reconcile cuts a wait short.
func waitSuspended(s *space) {
	f := s.longJobIn(40, "wait: true")
	for _, suspended := range []bool{true, false} {
		o := object(kustomizeAPI, "Kustomization")
		o.SetNamespace(s.name)
		o.SetName("jobs")
		patch := fmt.Sprintf(`{"spec":{"suspend":%t},"metadata":{"annotations":{"reconcile.fluxcd.io/requestedAt":"%t"}}}`, suspended, suspended)
		if err := api.Patch(s.Context(), o, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
			s.Fatal(err)
		}
	}
	s.holds(8*time.Second, "the Kustomization waits on", s.heldWhileItRuns)
	f.says("jobs", metav1.ConditionTrue)
	s.saw("suspending and resuming the Kustomization, and requesting it, did not let release 2 in before the job's end")
}

// waitCancelled has a kustomize-controller of its own, with the feature gate by
// which a newer commit ends the wait. Flux's sharding gives it the Kustomization.
func waitCancelled(s *space) {
	ctx, stop := context.WithCancel(context.Background()) // it must outlive the Kustomization
	cmd := exec.CommandContext(ctx, filepath.Join(os.Getenv("STINT_GITOPS"), "kustomize-controller"),
		"--feature-gates=CancelHealthCheckOnNewRevision=true", "--watch-label-selector=sharding.fluxcd.io/key=cancels",
		"--watch-all-namespaces", "--metrics-addr=0", "--health-addr=127.0.0.1:0", "--events-addr=")
	cmd.Env = append(os.Environ(), "RUNTIME_NAMESPACE=flux-system")
	log := filepath.Join(s.TempDir(), "kustomize-controller.log")
	out, err := os.Create(log)
	if err == nil {
		cmd.Stdout, cmd.Stderr = out, out
		err = cmd.Start()
	}
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		stop()
		_ = cmd.Wait()
		if text, err := os.ReadFile(log); s.Failed() {
			s.Logf("%v\n%s", err, text)
		}
	})
	s.shard = "sharding.fluxcd.io/key: cancels"
	f := s.longJobIn(3600, "wait: true")
	took := f.comes()
	s.eventually(soon, "Flux waits again, for release 2", func(ctx context.Context) error {
		o, err := s.object(ctx, kustomizeAPI, "Kustomization", "jobs")
		if err != nil {
			return err
		}
		if v := condition(o, "Ready"); v.status != string(metav1.ConditionUnknown) {
			return errors.New(v.String())
		}
		return f.tried(o)
	})
	s.saw("release 2 came %s after its commit while the job ran", took.Round(time.Second/10))
}
