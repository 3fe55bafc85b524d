//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// longJob: under wait: true Flux applies no newer commit before the run's end,
// to that Kustomization; another one goes on.
func longJob(s *space) {
	f := s.newFlux()
	job := quick("BatchJob", "import", v1)
	job.script, job.seconds = "sleep 30", 30
	settings := func(name, value string) string { return configMap(name) + "data: {release: " + value + "}\n" }
	f.commit("release 1", files{"jobs/job.yaml": job.String(), "jobs/held.yaml": settings("held", "one"), "app/free.yaml": settings("free", "one")})
	f.kustomization("jobs", "1m", "wait: true")
	f.kustomization("app", "1m", "wait: true")
	s.running("import", 1)
	f.commit("release 2", files{"jobs/held.yaml": settings("held", "two"), "app/free.yaml": settings("free", "two")})
	free := f.says("app", metav1.ConditionTrue)
	s.holds(5*time.Second, "the Kustomization of the job waits", func(ctx context.Context) error {
		job, err := s.job(ctx, "import")
		if err != nil {
			return err
		}
		cm, err := core.CoreV1().ConfigMaps(s.name).Get(ctx, "held", metav1.GetOptions{})
		if err == nil && !job.IsFinished() && cm.Data["release"] != "one" {
			err = fmt.Errorf("release %s came while the job runs", cm.Data["release"])
		}
		return err
	})
	f.says("jobs", metav1.ConditionTrue)
	s.run("import", 1, v1alpha1.RunCreated, v1alpha1.PhaseComplete)
	s.saw("release 2 came to the Kustomization of the job after its end, to the other one %s after the commit", free.after.Round(time.Second/10))
}
