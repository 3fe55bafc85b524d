package engine_test

import (
	"testing"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

func when(indexes string, n int32) v1alpha1.SuccessPolicyRule {
	rule := v1alpha1.SuccessPolicyRule{}
	if indexes != "" {
		rule.SucceededIndexes = &indexes
	}
	if n >= 0 {
		rule.SucceededCount = &n
	}
	return rule
}

func success(rules ...v1alpha1.SuccessPolicyRule) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { s.SuccessPolicy = &v1alpha1.SuccessPolicy{Rules: rules} })
}

// TestSuccessPolicy: KEP-3998.
func TestSuccessPolicy(t *testing.T) {
	const met, none = v1alpha1.ReasonSuccessPolicy, -1
	ten := func(done string, change ...func(*v1alpha1.BatchJob)) *v1alpha1.BatchJob {
		return begun(indexed(10, 10, change...), completedIndexes(done))
	}
	for _, c := range []verdictCase{
		{"all of them", ten("0,2-4", success(when("0,2-3", none))), nil, complete, met},
		{"one is missing", ten("0,2", success(when("0,2-3", none))), nil, goesOn, ""},
		{"the last one has just succeeded", ten("0,2", success(when("0,2-3", none))), pods("s", 1, succeeded, index(3)), complete, met},
		{"as many as asked for", ten("0,9", success(when("", 2))), nil, complete, met},
		{"too few", ten("0", success(when("", 2))), nil, goesOn, ""},
		{"as many among those", ten("0,5,9", success(when("0,7-9", 2))), nil, complete, met},
		{"too few among those", ten("0,5-6", success(when("0,7-9", 2))), nil, goesOn, ""},
		{"no success at all", ten("", success(when("", 0))), nil, goesOn, ""},
		{"0, and one succeeded", ten("3", success(when("", 0))), nil, complete, met},
		{"the second rule", ten("1", success(when("0", none), when("", 1))), nil, complete, met},
		{"pods that still run do not matter", ten("0", success(when("0", none))), pods("r", 3, index(4)), complete, met},
		{"failure beats it", ten("0", success(when("0", none)), limit(0)), pods("f", 1, failed, index(4)), fails, v1alpha1.ReasonBackoffLimitExceeded},
		{"it beats completions", begun(indexed(1, 1, success(when("", 1)))), pods("s", 1, succeeded, index(0)), complete, met},
	} {
		c.run(t)
	}
	empty := v1alpha1.SuccessPolicyRule{SucceededIndexes: new("")}
	kind, _ := reached(decide(ten("0-8", success(empty))))
	same(t, "an empty list never holds", kind, goesOn)
	plan := decide(ten("1", success(when("0", none), when("", 1))))
	same(t, "message", plan.Outcome.Message, "Matched rules at index 1")
}

// TestASuccessPolicyOfAShrunkJob leaves out the indexes that are gone, and those
// of a rule that has no other do not make it hold.
func TestASuccessPolicyOfAShrunkJob(t *testing.T) {
	for rule, want := range map[string]string{"0,4": complete, "4": goesOn, "1,4": goesOn} {
		j := begun(indexed(5, 5, success(when(rule, -1))), completedIndexes("0"))
		j.Spec.Parallelism, j.Spec.Completions = new(int32(3)), new(int32(3))
		kind, _ := reached(decide(j))
		same(t, rule, kind, want)
	}
}

// TestPodsLeftAtASuccessPolicy are removed without counting.
func TestPodsLeftAtASuccessPolicy(t *testing.T) {
	j := begun(indexed(3, 3, success(when("0", -1))))
	left := []engine.Pod{pod("s", succeeded, index(0)), pod("r", index(1)), pod("q", index(2))}
	plan := decide(j, left...)
	same(t, "dropped before it is durable", plan.Drop, []engine.PodRef(nil))
	plan = decide(wrote(j, plan), left...)
	same(t, "dropped", len(plan.Drop), 2)
	done := decide(wrote(j, plan))
	checkCounts(t, done, 1, 0)
	same(t, "completedIndexes", done.Status.CompletedIndexes, "0")
}
