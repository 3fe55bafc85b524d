//go:build integration

package integration

import (
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob"
)

const onMigrate = "spec: {dependsOn: [{name: migrate}]}"

// TestADependencyIsAGate: the run begins when the dependency is Ready, and what
// that does afterwards neither stops it nor starts another.
func TestADependencyIsAGate(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.apply("deploy", onMigrate)
	job := w.says("deploy", v1alpha1.ConditionReady, "False/DependencyNotReady", "Run 1 waits for what it depends on", "migrate does not exist")
	same(t, "Stalled", meta.FindStatusCondition(job.Status.Conditions, v1alpha1.ConditionStalled) == nil, true)
	same(t, "startTime", job.Status.StartTime == nil, true)
	w.apply("migrate", "spec: {suspend: true}")
	w.says("deploy", v1alpha1.ConditionReady, "False/DependencyNotReady", "migrate is Suspended")
	w.apply("migrate", "spec: {suspend: false, backoffLimit: 0}")
	w.runs("migrate", 1, 1)
	w.says("deploy", v1alpha1.ConditionReady, "False/DependencyNotReady", "migrate is Pending")
	w.fail("migrate")
	w.says("deploy", v1alpha1.ConditionReady, "False/DependencyNotReady", "migrate is Failed")
	w.apply("migrate", withImage("fixed"))
	w.runs("migrate", 2, 1)
	same(t, "pods before it is Ready", len(w.pods("deploy", every)), 0)
	w.succeed("migrate")
	w.runs("deploy", 1, 1)

	w.start("deploy")
	w.apply("migrate", withImage("newer")) // no trigger, and no hold on what has begun
	w.runs("migrate", 3, 1)
	w.settled("deploy")
	w.runs("deploy", 1, 1)
	w.succeed("deploy")
	w.ends("deploy", 1, v1alpha1.PhaseComplete)
	w.succeed("migrate")
	w.ends("migrate", 3, v1alpha1.PhaseComplete)
	w.stays("deploy")

	w.apply("migrate", withImage("newest"))
	w.runs("migrate", 4, 1)
	w.apply("deploy", onMigrate, withImage("v2"))
	job = w.says("deploy", v1alpha1.ConditionReady, "False/DependencyNotReady", "Run 2 waits", "migrate is Pending")
	same(t, "run", job.GetRun(), 2)
	w.succeed("migrate")
	w.runs("deploy", 2, 1)
}

// TestADependencyWakes those that wait for it, by its events: nobody looks again
// by the clock.
func TestADependencyWakes(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	const n = 5
	for i := range n {
		w.apply(fmt.Sprintf("deploy-%d", i), onMigrate)
		w.says(fmt.Sprintf("deploy-%d", i), v1alpha1.ConditionReady, "False/DependencyNotReady")
	}
	writes := w.writes.Load()
	time.Sleep(500 * time.Millisecond)
	same(t, "writes while they wait", w.writes.Load(), writes)
	w.apply("migrate")
	w.runs("migrate", 1, 1)
	w.succeed("migrate")
	ready := w.ends("migrate", 1, v1alpha1.PhaseComplete)
	for i := range n {
		job := w.runs(fmt.Sprintf("deploy-%d", i), 1, 1)
		if late := job.Status.Run.Started.Sub(ready.Status.CompletionTime.Time); late > 10*time.Second {
			t.Errorf("it began %s after what it depends on", late)
		}
	}
}

// TestARing is told of on every job in it, and ends with the edit of one.
func TestARing(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	w.apply("a", "spec: {dependsOn: [{name: b}]}")
	w.apply("b", "spec: {dependsOn: [{name: c}]}")
	w.apply("outside", "spec: {dependsOn: [{name: a}]}")
	w.says("b", v1alpha1.ConditionReady, "False/DependencyNotReady", "c does not exist")
	w.apply("c", "spec: {dependsOn: [{name: a}]}")
	for name, ring := range map[string]string{"a": "a -> b -> c -> a", "b": "b -> c -> a -> b", "c": "c -> a -> b -> c"} {
		w.says(name, v1alpha1.ConditionStalled, "True/DependencyCycle", "spec.dependsOn[0]", ring, "remove one of these dependencies")
		same(t, "pods of "+name, len(w.pods(name, every)), 0)
	}
	w.says("outside", v1alpha1.ConditionReady, "False/DependencyNotReady", "a is Stalled")
	w.apply("c")
	w.runs("c", 1, 1)
	w.says("a", v1alpha1.ConditionReady, "False/DependencyNotReady", "b is Waiting")
	for _, name := range []string{"c", "b", "a", "outside"} {
		w.runs(name, 1, 1)
		w.succeed(name)
		w.ends(name, 1, v1alpha1.PhaseComplete)
	}
}

// TestReadyExpr replaces "is Ready", tells an error that may pass from one that
// may not, and is heard as soon as it holds.
func TestReadyExpr(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t)
	depends := func(expr string) string {
		return "spec: {dependsOn: [{name: load, readyExpr: '" + expr + "'}]}"
	}
	w.apply("load", "spec: {completions: 3, parallelism: 3}")
	w.runs("load", 1, 3)
	w.apply("half", depends("dep.status.succeeded >= 1"))
	w.says("half", v1alpha1.ConditionReady, "False/DependencyNotReady", "load does not fulfil its readyExpr")
	w.apply("later", depends(`dep.metadata.annotations["loaded"] == "yes"`))
	w.says("later", v1alpha1.ConditionReady, "False/DependencyNotReady", "cannot be judged by readyExpr yet", "annotations")
	for name, c := range map[string]struct{ expr, words string }{
		"syntax":   {"dep.status.", "Syntax error"},
		"no-bool":  {"1 + 1", "it gives int, not a bool"},
		"variable": {"job.status.succeeded > 0", "undeclared reference to"},
		"dynamic":  {"dep.status.succeeded", "not a bool"},
	} {
		w.apply(name, depends(c.expr))
		w.says(name, v1alpha1.ConditionStalled, "True/InvalidExpression", "spec.dependsOn[0].readyExpr", c.words, "correct the manifest")
	}
	first := w.pods("load", alive)[0].Name
	w.kubelet("load", named(first), "Succeeded", 0)
	w.runs("half", 1, 1)
	w.edit("load", "metadata: {annotations: {loaded: 'yes'}}")
	w.runs("later", 1, 1)
	w.apply("syntax", depends("dep.status.succeeded >= 1"))
	w.runs("syntax", 1, 1)
}

// TestAcrossNamespaces only where the administrator allows it.
func TestAcrossNamespaces(t *testing.T) {
	t.Parallel()
	for _, allowed := range []bool{false, true} {
		t.Run(fmt.Sprintf("allowed %t", allowed), func(t *testing.T) {
			t.Parallel()
			w := newWorkshop(t, func(o *batchjob.Options) { o.CrossNamespace = allowed })
			there := newNamespace(t)
			w.shut()
			w.namespaces = append(w.namespaces, there)
			w.open()
			w.apply("migrate", "metadata: {namespace: "+there+"}")
			w.apply("deploy", "spec: {dependsOn: [{name: migrate, namespace: "+there+"}]}")
			if !allowed {
				job := w.says("deploy", v1alpha1.ConditionStalled, "True/InvalidSpec", "spec.dependsOn[0].namespace", "--no-cross-namespace-refs")
				same(t, "pods", len(w.pods("deploy", every)), 0)
				same(t, "run", job.GetRun(), 0)
				return
			}
			w.says("deploy", v1alpha1.ConditionReady, "False/DependencyNotReady", there+"/migrate is Pending")
			w.namespace = there
			w.runs("migrate", 1, 1)
			w.succeed("migrate")
			w.ends("migrate", 1, v1alpha1.PhaseComplete)
			w.namespace = w.namespaces[0]
			w.runs("deploy", 1, 1)
		})
	}
}
