//go:build e2e

package e2e

import (
	"maps"
	"os"
	"testing"
)

// TestGitOps has real Flux and Argo CD drive the cluster from git. What they
// are is built by `go -C test/cluster run . gitops`, which also starts them.
func TestGitOps(t *testing.T) {
	if os.Getenv("STINT_GITOPS") == "" {
		t.Skip("STINT_GITOPS does not say where Flux and Argo CD are: run `make test-e2e`, which builds and starts them")
	}
	if err := teachArgo(t.Context()); err != nil {
		t.Fatalf("giving Argo CD the chart's health and actions: %v", err)
	}
	t.Run("every state in Argo CD's Lua", lua)
	t.Run(together, func(t *testing.T) {
		tests := map[string]func(*space){
			"what can never run is told and a revert heals":      neverWorks,
			"two tools that write the same fields":               fight,
			"a schedule whose runs fail, under wait: true":       failingSchedule,
			"a long job under wait: true holds the next release": longJob,
			"a long job that healthChecks do not name":           namedHealthChecks,
			"a long job and a short timeout":                     waitTimesOut,
			"a long job and a suspended Kustomization":           waitSuspended,
			"a long job and CancelHealthCheckOnNewRevision":      waitCancelled,
			"Argo CD shows a job's health":                       argoHealth,
			"Argo CD's actions on a job":                         argoActions,
			"Argo CD finds no difference in a sparse manifest":   sparse,
			"Argo CD's waves: the migration first":               argoWaves,
			"Argo CD's hooks":                                    argoHook,
			"the guide's examples with Argo CD":                  argoExamples,
			"the guide's examples with Flux":                     fluxExamples,
			"a schedule in git":                                  gitSchedule,
			"a generated ConfigMap that changes":                 generatedConfig,
		}
		maps.Copy(tests, guidesOf(withGitOps))
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(newSpace(t))
			})
		}
		for _, p := range pains {
			for side, test := range map[string]func(*space){"batch/v1": p.upstream, "Stint": p.own} {
				t.Run(p.name+": "+side, func(t *testing.T) {
					t.Parallel()
					test(newSpace(t))
				})
			}
		}
	})
	t.Run("Argo CD that tracks by label", argoLabel)
	// It takes the operator away.
	t.Run("the chart from git by helm-controller", helmRelease)
}

// together are the scenarios that run at the same time, each in a namespace of
// its own.
const together = "together"
