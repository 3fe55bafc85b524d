package engine_test

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

func policy(rules ...v1alpha1.PodFailurePolicyRule) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { s.PodFailurePolicy = &v1alpha1.PodFailurePolicy{Rules: rules} })
}

func onExit(action v1alpha1.PodFailurePolicyAction, in bool, container string, codes ...int32) v1alpha1.PodFailurePolicyRule {
	exit := &v1alpha1.PodFailurePolicyOnExitCodesRequirement{Operator: v1alpha1.PodFailurePolicyOnExitCodesOpNotIn, Values: codes}
	if in {
		exit.Operator = v1alpha1.PodFailurePolicyOnExitCodesOpIn
	}
	if container != "" {
		exit.ContainerName = &container
	}
	return v1alpha1.PodFailurePolicyRule{Action: action, OnExitCodes: exit}
}

func onCondition(action v1alpha1.PodFailurePolicyAction, patterns ...v1alpha1.PodFailurePolicyOnPodConditionsPattern) v1alpha1.PodFailurePolicyRule {
	return v1alpha1.PodFailurePolicyRule{Action: action, OnPodConditions: patterns}
}

func pattern(t corev1.PodConditionType, status corev1.ConditionStatus) v1alpha1.PodFailurePolicyOnPodConditionsPattern {
	return v1alpha1.PodFailurePolicyOnPodConditionsPattern{Type: t, Status: status}
}

func exited(container string, code int32) func(*engine.Pod) {
	return func(p *engine.Pod) { p.Exits = append(p.Exits, engine.Exit{Container: container, Code: code}) }
}

func having(t corev1.PodConditionType, status corev1.ConditionStatus) func(*engine.Pod) {
	return func(p *engine.Pod) { p.Conditions = append(p.Conditions, engine.PodCondition{Type: t, Status: status}) }
}

const (
	failJob   = v1alpha1.PodFailurePolicyActionFailJob
	failIndex = v1alpha1.PodFailurePolicyActionFailIndex
	ignore    = v1alpha1.PodFailurePolicyActionIgnore
	count     = v1alpha1.PodFailurePolicyActionCount
)

// TestWhichRuleMatches: KEP-3329. A match shows as Ignore here: the failure is
// not counted.
func TestWhichRuleMatches(t *testing.T) {
	disrupted := having(corev1.DisruptionTarget, corev1.ConditionTrue)
	for _, c := range []struct {
		name    string
		rules   []v1alpha1.PodFailurePolicyRule
		pod     engine.Pod
		matches bool
	}{
		{"the code is in the list", rules(onExit(ignore, true, "", 3, 4)), pod("f", failed, exited("main", 4)), true},
		{"the code is not in the list", rules(onExit(ignore, true, "", 3, 4)), pod("f", failed, exited("main", 5)), false},
		{"NotIn: it is not in the list", rules(onExit(ignore, false, "", 3, 4)), pod("f", failed, exited("main", 5)), true},
		{"NotIn: it is in the list", rules(onExit(ignore, false, "", 3, 4)), pod("f", failed, exited("main", 3)), false},
		{"NotIn: no container failed", rules(onExit(ignore, false, "", 3, 4)), pod("f", failed), false},
		{"any container", rules(onExit(ignore, true, "", 4)), pod("f", failed, exited("main", 1), exited("init", 4)), true},
		{"the named container", rules(onExit(ignore, true, "init", 4)), pod("f", failed, exited("main", 1), exited("init", 4)), true},
		{"another container", rules(onExit(ignore, true, "main", 4)), pod("f", failed, exited("main", 1), exited("init", 4)), false},
		{"a condition", rules(onCondition(ignore, pattern(corev1.DisruptionTarget, ""))), pod("f", failed, disrupted), true},
		{"a condition that is False", rules(onCondition(ignore, pattern(corev1.DisruptionTarget, ""))), pod("f", failed, having(corev1.DisruptionTarget, corev1.ConditionFalse)), false},
		{"a status", rules(onCondition(ignore, pattern("Custom", corev1.ConditionUnknown))), pod("f", failed, having("Custom", corev1.ConditionUnknown)), true},
		{"one of several patterns", rules(onCondition(ignore, pattern("Other", ""), pattern(corev1.DisruptionTarget, ""))), pod("f", failed, disrupted), true},
		{"another condition", rules(onCondition(ignore, pattern("Other", ""))), pod("f", failed, disrupted), false},
		{"the first rule decides", rules(onExit(count, true, "", 4), onExit(ignore, true, "", 4)), pod("f", failed, exited("main", 4)), false},
		{"the first that matches", rules(onExit(count, true, "", 1), onExit(ignore, true, "", 4)), pod("f", failed, exited("main", 4)), true},
		{"no rule", nil, pod("f", failed, exited("main", 4)), false},
		{"a pod that is still ending is not looked at", rules(onCondition(ignore, pattern(corev1.DisruptionTarget, ""))), pod("f", deleting, disrupted), true},
	} {
		plan := decide(begun(job(policy(c.rules...), fixed(2, 9), hasContainer("init"))), c.pod)
		u := plan.Status.UncountedTerminatedPods
		same(t, c.name+": counted", len(u.Failed) == 0, c.matches)
		if c.pod.Phase == corev1.PodFailed {
			same(t, c.name+": ignored", len(u.Ignored) == 1, c.matches)
		}
	}
}

func rules(r ...v1alpha1.PodFailurePolicyRule) []v1alpha1.PodFailurePolicyRule { return r }

func hasContainer(name string) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) {
		s.Template.Spec.InitContainers = append(s.Template.Spec.InitContainers, corev1.Container{Name: name, Image: "busybox"})
	})
}

// TestAnIgnoredFailure counts neither towards backoffLimit nor in status.failed;
// it slows down its replacement, and its finalizer comes off like any other.
func TestAnIgnoredFailure(t *testing.T) {
	j := begun(job(policy(onExit(ignore, true, "", 4)), limit(0)))
	f := pod("f", ended("Failed", -time.Second), exited("main", 4))
	plan := decide(j, f)
	same(t, "state", plan.Outcome.State, engine.StateBackingOff)
	same(t, "wake", plan.Wake, after(9*time.Second))
	same(t, "ignored", plan.Status.UncountedTerminatedPods.Ignored, uids([]engine.Pod{f}))
	same(t, "released before it is durable", plan.Release, []engine.PodRef(nil))

	j = wrote(j, plan)
	plan = decide(j, f)
	same(t, "released", names(plan.Release), []string{"f"})
	same(t, "failures in the back-off", plan.Status.Backoff.Failures, int32(1))
	plan = decideAt(after(9*time.Second), wrote(j, plan))
	checkCounts(t, plan, 0, 0)
	same(t, "ignored", len(plan.Status.UncountedTerminatedPods.Ignored), 0)
	same(t, "created", len(plan.Create), 1)
}

// TestFailJob ends the job at once, before every other verdict, and counts the
// pod that matched.
func TestFailJob(t *testing.T) {
	why := because(engine.Why{Container: "main", ExitCode: 42, Message: "bad\nconfig"})
	j := begun(job(policy(onExit(failJob, true, "main", 42)), limit(0), fixed(2, 9), lasting(1)))
	plan := decide(j, pod("f", failed, exited("main", 42), why), pod("r"), pod("s", succeeded))
	same(t, "FailureTarget", verdict(plan.Status, v1alpha1.ConditionFailureTarget), "True/PodFailurePolicy")
	same(t, "message", plan.Outcome.Message,
		"Container main for pod team/f failed with exit code 42 matching FailJob rule at index 0: bad config")
	same(t, "short", plan.Outcome.Short, "exit 42: config")
	checkUncounted(t, plan, 1, 1)

	byCondition := begun(job(policy(onExit(ignore, true, "", 1), onCondition(failJob, pattern("Bad", "")))))
	plan = decide(byCondition, pod("f", failed, having("Bad", corev1.ConditionTrue)))
	same(t, "message", plan.Outcome.Message, "Pod team/f has condition Bad matching FailJob rule at index 1")
	same(t, "Failed", isTrue(plan.Status, v1alpha1.ConditionFailed), true)
	checkCounts(t, plan, 0, 1)

	waits := decide(byCondition, pod("d", deleting, having("Bad", corev1.ConditionTrue)))
	kind, _ := reached(waits)
	same(t, "a pod that is still ending", kind, goesOn)
}

// TestFailIndex ends the index whatever its limit, and counts the failure.
func TestFailIndex(t *testing.T) {
	j := begun(indexed(3, 3, perIndex(5), policy(onExit(failIndex, true, "", 9))))
	plan := decide(j, pod("f", failed, index(1), exited("main", 9)), pod("a", index(0)))
	same(t, "failedIndexes", *plan.Status.FailedIndexes, "1")
	checkUncounted(t, plan, 0, 1)
	same(t, "created", indexesOf(plan), []int{2})
}

// TestAnIgnoredFailureOfAnIndex is carried on by its replacement, and does not
// use up the index's limit.
func TestAnIgnoredFailureOfAnIndex(t *testing.T) {
	j := begun(indexed(1, 2, perIndex(0), policy(onExit(ignore, true, "", 9)), delays(0, 0)))
	plan := decide(j, pod("f", failed, index(0), attempt(0, 2), exited("main", 9)))
	same(t, "failedIndexes", *plan.Status.FailedIndexes, "")
	same(t, "the replacement", []int32{plan.Create[0].Failures, plan.Create[0].Ignored}, []int32{0, 3})
	replaced := decide(j, pod("f", failed, index(0), attempt(0, 2), exited("main", 9)), pod("n", index(0), attempt(0, 3)))
	checkUncounted(t, replaced, 0, 0)
	same(t, "ignored", len(replaced.Status.UncountedTerminatedPods.Ignored), 1)
}
