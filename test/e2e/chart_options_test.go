//go:build e2e

package e2e

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// keepRelease puts the release back as it is now when the test ends, and returns
// the file of its values.
func (s *space) keepRelease() string {
	s.Helper()
	file := filepath.Join(s.TempDir(), "values.yaml")
	if err := os.WriteFile(file, []byte(s.helm("get", "values", release, "-o", "yaml")), 0o600); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if out, err := command(context.Background(), "", os.Getenv("HELM"), "--namespace="+system, "upgrade", "--install", release, chartDir,
			"--create-namespace", "--values="+file, "--wait", "--timeout=3m"); err != nil {
			s.Errorf("putting the release back: %v\n%s", err, out)
		}
	})
	return file
}

// chartOptions has the API server take every optional object of the chart that
// needs no CRD of others, and the operator work with them.
func chartOptions(t *testing.T) {
	s := newSpace(t)
	values := s.keepRelease()
	s.helm("upgrade", release, chartDir, "--values="+values, "--wait", "--timeout=2m",
		"--set=podDisruptionBudget.enabled=true,networkPolicy.enabled=true,flowSchema.enabled=true,metrics.dashboard.enabled=true,kubeStateMetrics.enabled=true",
		"--set=commonLabels.team=data,priorityClassName=system-cluster-critical",
		// Nobody listens there, and a job must not notice.
		"--set=eventsAddr=http://127.0.0.1:9/", "--set=extraArgs={--hide-termination-messages}")
	s.operatorReady()
	s.apply(script("job", "Never", "echo secret >/dev/termination-log; exit 3", "backoffLimit: 0"))
	if job := s.phase("job", v1alpha1.PhaseFailed, soon); strings.Contains(readyOf(job).message, "secret") {
		s.Errorf("a flag of extraArgs is not heeded: %s", readyOf(job))
	}
	const taken = `apiserver_flowcontrol_dispatched_requests_total{flow_schema="stint-controller"`
	if !strings.Contains(s.kubectl("get", "--raw", "/metrics"), taken) {
		s.Errorf("the API server has dispatched nothing by the operator's FlowSchema: no %s", taken)
	}
	kinds := strings.Fields(s.kubectl("get", "poddisruptionbudget,networkpolicy,flowschema,configmap", "--namespace="+system, "-l", "team=data", "-o", "name"))
	if len(kinds) != 5 {
		s.Errorf("of a budget, a policy, a FlowSchema and two ConfigMaps there are %q", kinds)
	}
	s.saw("%s; a job failed as it should, its events going nowhere", strings.Join(kinds, ", "))
}

// oneNamespace: the rights of a Role in its own namespace are enough for
// everything, and what is elsewhere is nobody's.
func oneNamespace(t *testing.T) {
	s := newSpace(t)
	values := s.keepRelease()
	home := &space{T: t, name: system}
	t.Cleanup(func() {
		if out, err := command(context.Background(), "", "kubectl", "--namespace="+system, "delete", "batchjobs,cronbatchjobs", "--all", "--timeout=60s"); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	s.helm("upgrade", release, chartDir, "--values="+values, "--wait", "--timeout=2m", "--set=watchAllNamespaces=false")
	s.operatorReady()
	s.apply(script("away", "Never", "true"))
	home.apply(script("first", "Never", "true", "ttlSecondsAfterFinished: 600"))
	home.apply(script("second", "Never", "true", "dependsOn: [{name: first}]"))
	home.apply(script("fails", "Never", "exit 3", "backoffLimit: 0"))
	home.apply(script("killed", "Never", waits, "updatePolicy: Replace"))
	home.apply(scheduled("tick", "*/5 * * * * *"))
	home.phase("second", v1alpha1.PhaseComplete, soon)
	home.phase("fails", v1alpha1.PhaseFailed, soon)
	home.running("killed", 1)
	home.kubectl("patch", "batchjob", "killed", "--type=merge", "-p", `{"spec":{"template":{"metadata":{"labels":{"release":"2"}}}}}`)
	home.run("killed", 2, v1alpha1.RunChanged, v1alpha1.PhaseRunning)
	home.eventually(soon, "a scheduled run has succeeded", func(ctx context.Context) error {
		times, _, err := home.times(ctx, "tick")
		if err == nil && len(times) == 0 {
			err = errors.New("none has")
		}
		return err
	})
	home.kubectl("delete", "batchjob", "killed", "--timeout=60s")
	s.holds(3*time.Second, "nobody looks at another namespace", func(ctx context.Context) error {
		job, err := s.job(ctx, "away")
		if err == nil && job.Status.ObservedGeneration != -1 {
			err = errors.New("somebody has")
		}
		return err
	})
	if log := s.kubectl("logs", "deployment/"+release+"-controller", "--namespace="+system); strings.Contains(log, "orbidden") {
		s.Errorf("its rights are not enough:\n%s", log)
	}
	s.helm("upgrade", release, chartDir, "--values="+values, "--wait", "--timeout=2m")
	s.phase("away", v1alpha1.PhaseComplete, soon)
	s.saw("with a Role alone runs, gates, schedules and deletions work, and nothing was forbidden; a job elsewhere ran when all namespaces were watched again")
}
