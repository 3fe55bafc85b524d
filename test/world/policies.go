package world

import (
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// ways is what the failure of a pod may mean by podFailurePolicy, in each of
// the states that somebody can have seen it in: a pod may be counted while it
// still terminates, and its exit code comes later.
type ways uint8

const (
	counting ways = 1 << iota
	ignored
	failsIndex
	failsJob
)

// counted: at least one state of it counts as a failure.
func (w ways) counted() bool { return w&^ignored != 0 }

// surely: all its states mean the same.
func (w ways) surely(what ways) bool { return w != 0 && w&^what == 0 }

// wayOf is what one state of a failed pod means: the first rule that matches
// says it.
func wayOf(policy *v1alpha1.PodFailurePolicy, p *corev1.Pod) ways {
	if policy == nil {
		return counting
	}
	for i := range policy.Rules {
		if !policyMatches(&policy.Rules[i], p) {
			continue
		}
		return map[v1alpha1.PodFailurePolicyAction]ways{
			v1alpha1.PodFailurePolicyActionCount: counting, v1alpha1.PodFailurePolicyActionIgnore: ignored,
			v1alpha1.PodFailurePolicyActionFailIndex: failsIndex, v1alpha1.PodFailurePolicyActionFailJob: failsJob,
		}[policy.Rules[i].Action]
	}
	return counting
}

func policyMatches(rule *v1alpha1.PodFailurePolicyRule, p *corev1.Pod) bool {
	if exit := rule.OnExitCodes; exit != nil {
		return slices.ContainsFunc(slices.Concat(p.Status.ContainerStatuses, p.Status.InitContainerStatuses), func(c corev1.ContainerStatus) bool {
			if c.State.Terminated == nil || c.State.Terminated.ExitCode == 0 || exit.ContainerName != nil && *exit.ContainerName != c.Name {
				return false
			}
			in := slices.Contains(exit.Values, c.State.Terminated.ExitCode)
			return in == (exit.Operator == v1alpha1.PodFailurePolicyOnExitCodesOpIn)
		})
	}
	for _, want := range rule.OnPodConditions {
		for _, c := range p.Status.Conditions {
			if c.Type == want.Type && (c.Status == want.Status || want.Status == "" && c.Status == corev1.ConditionTrue) {
				return true
			}
		}
	}
	return false
}

// successRule tells whether a rule of successPolicy holds for completed
// indexes.
func successRule(policy *v1alpha1.SuccessPolicy, done []int, width int) bool {
	if policy == nil || len(done) == 0 {
		return false
	}
	return slices.ContainsFunc(policy.Rules, func(r v1alpha1.SuccessPolicyRule) bool {
		among, want := done, 0
		if r.SucceededIndexes != nil {
			asked, _ := readIndexes(*r.SucceededIndexes)
			// An elastic job may have shrunk below them; batch/v1 then asks for the rest.
			asked = slices.DeleteFunc(asked, func(i int) bool { return i >= width })
			if want = len(asked); want == 0 {
				return false
			}
			among = slices.DeleteFunc(slices.Clone(asked), func(i int) bool { return !slices.Contains(done, i) })
		}
		if r.SucceededCount != nil {
			want = int(*r.SucceededCount)
		}
		return len(among) >= want
	})
}
