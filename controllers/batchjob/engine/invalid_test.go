package engine_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// TestWhatCELCannotSay is refused by name, as the reference promises, and the
// corrected manifest runs.
func TestWhatCELCannotSay(t *testing.T) {
	const rule = "spec.successPolicy.rules[0].succeeded"
	for _, c := range []struct {
		name, field string
		change      func(*v1alpha1.BatchJob)
	}{
		{"no such container", "spec.podFailurePolicy.rules[1].onExitCodes.containerName",
			policy(onExit(ignore, true, "main", 1), onExit(ignore, true, "nobody", 1))},
		{"not in order", rule + "Indexes", success(when("3,1", -1))},
		{"twice", rule + "Indexes", success(when("1,1", -1))},
		{"overlapping", rule + "Indexes", success(when("1-3,3", -1))},
		{"a range that goes down", rule + "Indexes", success(when("3-1", -1))},
		{"above completions", rule + "Indexes", success(when("3-5", -1))},
		{"more than those", rule + "Count", success(when("1,3", 3))},
		{"a key that is no label", "spec.selector", spec(func(s *v1alpha1.BatchJobSpec) {
			s.ManualSelector, s.Selector = new(true), &metav1.LabelSelector{MatchLabels: map[string]string{"a b": "c"}}
		})},
		{"a host name that is none, though the index replaces it", "spec.template.spec.hostname", spec(func(s *v1alpha1.BatchJobSpec) {
			s.Template.Spec.Hostname = "a.b"
		})},
		{"an index's label that is none, though the index replaces it", "spec.template.metadata.labels." + v1alpha1.LabelCompletionIndex,
			spec(func(s *v1alpha1.BatchJobSpec) {
				s.Template.Labels = map[string]string{v1alpha1.LabelCompletionIndex: "a b"}
			})},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := decide(indexed(5, 5, c.change))
			checkRefused(t, plan, v1alpha1.ReasonInvalidSpec, c.field)
			running := begun(indexed(5, 5, c.change))
			running.Status = begun(indexed(5, 5)).Status
			plan = decide(running, pod("r", index(0)))
			same(t, "removed", len(plan.Drop)+len(plan.Delete), 0)
		})
	}
	// A list that is corrected before anything has run is looked at again.
	late := begun(indexed(5, 5, success(when("0,1", -1))))
	success(when("4,1", -1))(late)
	checkRefused(t, decide(late, made(late, "p", pending)), v1alpha1.ReasonInvalidSpec, rule+"Indexes")

	for name, change := range map[string]func(*v1alpha1.BatchJob){
		"init container": func(j *v1alpha1.BatchJob) { hasContainer("init")(j); policy(onExit(ignore, true, "init", 1))(j) },
		"any container":  policy(onExit(ignore, true, "", 1), onCondition(ignore, pattern("Any", ""))),
		"in order":       success(when("0-2,4", 4), when("", 5)),
		"empty":          success(v1alpha1.SuccessPolicyRule{SucceededIndexes: new("")}),
	} {
		same(t, name, decide(indexed(5, 5, change)).Outcome.State, engine.StateRunning)
	}
}
