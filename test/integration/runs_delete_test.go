//go:build integration

package integration

import (
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// TestADeletionInMidRun leaves nothing that only the operator could let go, at
// whatever moment and however it is asked for.
func TestADeletionInMidRun(t *testing.T) {
	t.Parallel()
	if os.Getenv("KUBECONFIG") == "" {
		t.Skip("needs the garbage collector: KUBECONFIG has to name a cluster with kube-controller-manager")
	}
	w := newWorkshop(t)
	for moment, arrange := range map[string]func(string){
		"running": func(name string) { w.start(name) },
		"draining": func(name string) {
			w.start(name)
			w.apply(name, withImage("v2"))
			w.says(name, v1alpha1.ConditionReady, "Unknown/Draining")
		},
		"replacing": func(name string) {
			w.start(name)
			w.apply(name, withImage("v2"), "spec: {updatePolicy: Replace}")
			w.until(name, "its pod is terminating", func(job *v1alpha1.BatchJob) error { return wantTerminating(job, 1) })
		},
		"second": func(name string) {
			w.succeed(name)
			w.ends(name, 1, v1alpha1.PhaseComplete)
			w.apply(name, withImage("v2"))
			w.runs(name, 2, 1)
			w.start(name)
		},
	} {
		for _, how := range []metav1.DeletionPropagation{metav1.DeletePropagationBackground, metav1.DeletePropagationForeground, metav1.DeletePropagationOrphan} {
			name := moment + "-" + strings.ToLower(string(how))
			w.apply(name, withImage("v1"))
			w.runs(name, 1, 1)
			arrange(name)
			pods := len(w.pods(name, every))
			w.remove(name, how)
			if how == metav1.DeletePropagationOrphan {
				w.gone(name)
				w.left(name, pods, func(p *corev1.Pod) bool { return len(p.OwnerReferences)+len(p.Finalizers) == 0 })
				continue
			}
			w.left(name, 0, alive)
			if len(w.pods(name, leaving)) > 0 {
				w.terminate(name)
			}
			w.gone(name)
			w.left(name, 0, every)
		}
	}
}
