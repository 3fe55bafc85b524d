//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// R7: the manifest in git says nothing of suspend.

// nightShift is somebody with a tool of their own, whose field manager Flux
// does not know.
const nightShift = "night-shift"

func (s *space) suspendByHand(apiVersion, kind, name string) {
	s.Helper()
	o := object(apiVersion, kind)
	o.SetNamespace(s.name)
	o.SetName(name)
	err := api.Patch(s.Context(), o, client.RawPatch("application/merge-patch+json", []byte(`{"spec":{"suspend":true}}`)), client.FieldOwner(nightShift))
	if err != nil {
		s.Fatal(err)
	}
}

func suspendUnseen(s *space) {
	f := s.newFlux()
	f.commit("a nightly backup", files{"app/cron.yaml": quick("Job", "backup", v1).scheduled("0 3 * * *")})
	f.kustomization("app", "2s", "wait: true")
	f.says("app", metav1.ConditionTrue)
	s.suspendByHand("batch/v1", "CronJob", "backup")
	f.look()
	f.look()
	v := f.says("app", metav1.ConditionTrue)
	o, err := s.object(s.Context(), "batch/v1", "CronJob", "backup")
	if err != nil {
		s.Fatal(err)
	}
	suspended, _, _ := unstructured.NestedBool(o.Object, "spec", "suspend")
	status, _, _ := unstructured.NestedMap(o.Object, "status")
	if !suspended || len(status) != 0 {
		s.Errorf("suspend %t, status %v", suspended, status)
	}
	s.saw("no backup will be made; Flux says %s, the status says nothing", v.reason)
}

func suspendTold(s *space) {
	f, pods := s.newFlux(), s.watch()
	f.commit("a nightly backup and a migration", files{
		"app/cron.yaml": quick("BatchJob", "backup", v1).scheduled("0 3 * * *"),
		"app/job.yaml":  lasting("migrate", v1).String(),
	})
	f.kustomization("app", "2s")
	f.says("app", metav1.ConditionTrue)
	s.running("migrate", 1)
	for _, kind := range []string{"CronBatchJob", "BatchJob"} {
		s.suspendByHand(v1alpha1.GroupVersion.String(), kind, map[string]string{"CronBatchJob": "backup", "BatchJob": "migrate"}[kind])
	}
	f.look()
	f.look()
	job := s.says("migrate", v1alpha1.ReasonSuspended, nightShift)
	if job.Status.Phase != v1alpha1.PhaseSuspended {
		s.Errorf("phase %s", job.Status.Phase)
	}
	cron := s.ready("CronBatchJob", "backup", "True", v1alpha1.ReasonSuspended)
	if !strings.Contains(cron.message, nightShift) {
		s.Errorf("the CronBatchJob says: %s", cron.message)
	}
	if out := strings.Fields(s.kubectl("get", "cronbatchjob", "backup", "--no-headers", "-o", "custom-columns=S:.spec.suspend,R:.status.conditions[?(@.type=='Ready')].reason")); !slices.Equal(out, []string{"true", v1alpha1.ReasonSuspended}) {
		s.Errorf("columns %q", out)
	}
	s.noPods("migrate")
	s.ran(pods, "migrate", v1)
	s.saw("BatchJob: %q; CronBatchJob: %q", readyOf(job).message, cron.message)
}

func readyOf(job *v1alpha1.BatchJob) verdict {
	for _, c := range job.Status.Conditions {
		if c.Type == v1alpha1.ConditionReady {
			return verdict{status: string(c.Status), reason: c.Reason, message: c.Message}
		}
	}
	return verdict{}
}

// ready waits for the condition Ready of an object of ours.
func (s *space) ready(kind, name, status, reason string) verdict {
	s.Helper()
	var v verdict
	s.eventually(soon, fmt.Sprintf("%s %s is Ready=%s/%s", kind, name, status, reason), func(ctx context.Context) error {
		o, err := s.object(ctx, v1alpha1.GroupVersion.String(), kind, name)
		if err != nil {
			return err
		}
		if v = condition(o, v1alpha1.ConditionReady); v.status != status || v.reason != reason {
			return errors.New(v.String())
		}
		return nil
	})
	return v
}

// R8

// stubborn does not end when it is asked to, and is killed after its grace.
func stubborn(kind, image string, seconds int, spec ...string) work {
	return work{kind: kind, name: "import", image: image, script: fmt.Sprintf("trap '' TERM; sleep %d", seconds), seconds: seconds, spec: spec}
}

func twoReleasesAtOnce(s *space) {
	f, pods := s.newFlux(), s.watch()
	job := func(image string) files {
		w := stubborn("Job", image, 300)
		w.annotations = []string{"kustomize.toolkit.fluxcd.io/force: enabled"}
		return files{"app/job.yaml": w.String()}
	}
	f.commit("release 1", job(v1))
	f.kustomization("app", "1m")
	s.importing(v1)
	f.commit("release 2", job(v2))
	s.eventually(soon, "pods of both releases are alive", func(context.Context) error {
		if len(pods.overlaps()) == 0 {
			return fmt.Errorf("pods of %q, never two at once", pods.of("import"))
		}
		return nil
	})
	s.saw("with force: enabled pods of both releases were alive at once: %s", pods.overlaps()[0])
}

// importing waits until a pod of this image runs.
func (s *space) importing(want string) {
	s.Helper()
	s.eventually(soon, "import runs "+want, func(ctx context.Context) error {
		pods, err := s.podsOf(ctx, "import")
		for i := range pods {
			if image(&pods[i]) == want && pods[i].Status.Phase == "Running" {
				return nil
			}
		}
		return errors.Join(err, fmt.Errorf("none of %d pods does", len(pods)))
	})
}

func oneReleaseAtATime(s *space) {
	f, pods := s.newFlux(), s.watch()
	job := func(image string, seconds int, policy string) files {
		return files{"app/job.yaml": stubborn("BatchJob", image, seconds, "updatePolicy: "+policy).String()}
	}
	f.commit("release 1", job(v1, 10, "Drain"))
	// Without wait: Flux would look for the next release after this one's end.
	f.kustomization("app", "1m")
	s.importing(v1)
	f.commit("release 2", job(v2, 300, "Drain"))
	s.importing(v2)
	drained := s.record("import", 1)
	f.commit("release 3", job(v3, 300, "Replace"))
	s.importing(v3)
	replaced := s.record("import", 2)
	if replaced.Outcome != v1alpha1.RunSuperseded || drained.Outcome != v1alpha1.RunComplete {
		s.Errorf("run 1, which was drained, is %s, run 2, which was replaced, %s", drained.Outcome, replaced.Outcome)
	}
	f.commit("no imports any more", files{"app/job.yaml": "", "app/none.yaml": configMap("none")})
	begin := time.Now()
	s.noPods("import")
	s.eventually(soon, "the job is gone", func(ctx context.Context) error { return s.goneOf(ctx, "import") })
	s.ran(pods, "import", v1, v2, v3)
	s.saw("drained (run 1 %s), replaced (run 2 %s), pruned in mid-run within %s; never two releases at once",
		drained.Outcome, replaced.Outcome, time.Since(begin).Round(time.Second))
}

func configMap(name string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " + name + "}\n"
}

func (s *space) goneOf(ctx context.Context, name string) error {
	if _, err := s.job(ctx, name); client.IgnoreNotFound(err) != nil || err == nil {
		return errors.Join(err, errors.New("it is there"))
	}
	return nil
}

// record is what the history says of a run.
func (s *space) record(name string, run int64) v1alpha1.RunRecord {
	s.Helper()
	job, err := s.job(s.Context(), name)
	if err != nil {
		s.Fatal(err)
	}
	for _, r := range job.Status.History {
		if r.Run == run {
			return r
		}
	}
	s.Errorf("no run %d in the history %+v", run, job.Status.History)
	return v1alpha1.RunRecord{}
}
