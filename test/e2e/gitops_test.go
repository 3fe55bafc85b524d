//go:build e2e

package e2e

import (
	"os"
	"testing"
)

// TestGitOps has real Flux and Argo CD drive the cluster from git. What they
// are is built by `go -C test/cluster run . gitops`, which also starts them.
func TestGitOps(t *testing.T) {
	if os.Getenv("STINT_GITOPS") == "" {
		t.Skip("STINT_GITOPS does not say where Flux and Argo CD are: run `make test-e2e`, which builds and starts them")
	}
	for _, p := range pains {
		for side, test := range map[string]func(*space){"batch/v1": p.upstream, "Stint": p.own} {
			if test == nil {
				continue
			}
			t.Run(p.name+": "+side, func(t *testing.T) {
				t.Parallel()
				test(newSpace(t))
			})
		}
	}
}
