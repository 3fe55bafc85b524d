package engine

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// failureRule finds the first rule of podFailurePolicy that matches a failed
// pod; -1 if none does, or there is no policy (KEP-3329).
func failureRule(policy *v1alpha1.PodFailurePolicy, p *Pod) (index int, action v1alpha1.PodFailurePolicyAction, what string) {
	if policy != nil {
		for i := range policy.Rules {
			rule := &policy.Rules[i]
			if what, ok := matches(rule, p); ok {
				return i, rule.Action, what
			}
		}
	}
	return -1, "", ""
}

// matches says in words which part of the pod a rule matches.
func matches(rule *v1alpha1.PodFailurePolicyRule, p *Pod) (what string, ok bool) {
	if rule.OnExitCodes != nil {
		for _, exit := range p.Exits {
			if matchesExit(rule.OnExitCodes, exit) {
				return fmt.Sprintf("failed with exit code %d", exit.Code), true
			}
		}
		return "", false
	}
	for i := range rule.OnPodConditions {
		pattern := &rule.OnPodConditions[i]
		for _, c := range p.Conditions {
			if c.Type == pattern.Type && c.Status == pattern.GetStatus() {
				return fmt.Sprintf("has condition %s", c.Type), true
			}
		}
	}
	return "", false
}

func matchesExit(r *v1alpha1.PodFailurePolicyOnExitCodesRequirement, exit Exit) bool {
	if r.ContainerName != nil && *r.ContainerName != exit.Container {
		return false
	}
	return slices.Contains(r.Values, exit.Code) == (r.Operator == v1alpha1.PodFailurePolicyOnExitCodesOpIn)
}

// counts tells whether a failed pod counts towards backoffLimit: all do that
// no rule tells to ignore.
func (w *work) counts(p *Pod) bool {
	_, action, _ := failureRule(w.job.Spec.PodFailurePolicy, p)
	return action != v1alpha1.PodFailurePolicyActionIgnore
}

// failJobRule: a failed pod matched a rule that fails the whole job.
func failJobRule(w *work) *verdict {
	policy := w.job.Spec.PodFailurePolicy
	if policy == nil {
		return nil
	}
	for _, p := range w.pods {
		if !w.hasFailed(p) {
			continue
		}
		rule, action, what := failureRule(policy, p)
		if action != v1alpha1.PodFailurePolicyActionFailJob {
			continue
		}
		return &verdict{reason: v1alpha1.ReasonPodFailurePolicy, culprit: p, message: fmt.Sprintf(
			"%s %s matching FailJob rule at index %d%s", subject(w.job, policy.Rules[rule].OnExitCodes, p), what, rule, because(p))}
	}
	return nil
}

// subject is batch/v1's way to name what matched.
func subject(job *v1alpha1.BatchJob, exit *v1alpha1.PodFailurePolicyOnExitCodesRequirement, p *Pod) string {
	pod := fmt.Sprintf("pod %s/%s", job.Namespace, p.Name)
	if exit == nil {
		return "P" + pod[1:]
	}
	for _, e := range p.Exits {
		if matchesExit(exit, e) {
			return fmt.Sprintf("Container %s for %s", e.Container, pod)
		}
	}
	return "Container for " + pod
}

// because adds what the pod said at its end.
func because(p *Pod) string {
	return withMessage("", p.Why.Message)
}

// Exit is a container that terminated with an exit code other than 0.
type Exit struct {
	Container string
	Code      int32
}

// PodCondition is what a rule can match of a pod's condition.
type PodCondition struct {
	Type   corev1.PodConditionType
	Status corev1.ConditionStatus
}
