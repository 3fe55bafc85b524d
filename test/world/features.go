package world

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// drawFeatures gives a job indexes and policies, and the world the troubles
// that go with them.
func (w *World) drawFeatures(rng *rand.Rand, j *v1alpha1.BatchJob) {
	s := &j.Spec
	w.User.Elastic = true
	if rng.IntN(5) > 0 {
		drawIndexes(rng, s)
	}
	if rng.IntN(2) == 0 {
		drawFailurePolicy(rng, s)
	}
	if s.IsIndexed() && rng.IntN(3) == 0 {
		drawSuccessPolicy(rng, s)
	}
	if rng.IntN(4) == 0 {
		limit := int32(1 + rng.IntN(60))
		s.PodStartTimeoutSeconds = &limit
		w.Nodes.Stuck, w.Nodes.stuck = []int{10, 40, 80}[rng.IntN(3)], map[types.UID]bool{}
	}
	if rng.IntN(6) == 0 {
		ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: theNamespace, Finalizers: []string{finalizerNamespace}}}
		if _, err := w.Store.create(user, ns); err != nil {
			panic(err)
		}
		w.User.MayClose = true
	}
}

func drawIndexes(rng *rand.Rand, s *v1alpha1.BatchJobSpec) {
	mode := v1alpha1.IndexedCompletion
	completions, parallelism := int32(rng.IntN(7)), int32(rng.IntN(5))
	if rng.IntN(2) == 0 {
		completions = 1 + int32(rng.IntN(5))
		parallelism = completions // elastic
	}
	s.CompletionMode, s.Completions, s.Parallelism = &mode, &completions, &parallelism
	if rng.IntN(2) == 0 {
		return
	}
	s.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	limit := int32(rng.IntN(3))
	s.BackoffLimitPerIndex = &limit
	if rng.IntN(4) > 0 {
		s.BackoffLimit = nil
	}
	if rng.IntN(2) == 0 {
		most := int32(rng.IntN(int(completions) + 1))
		s.MaxFailedIndexes = &most
	}
}

func drawFailurePolicy(rng *rand.Rand, s *v1alpha1.BatchJobSpec) {
	s.Template.Spec.RestartPolicy = corev1.RestartPolicyNever
	s.PodReplacementPolicy = nil
	if rng.IntN(2) == 0 {
		only := v1alpha1.Failed
		s.PodReplacementPolicy = &only
	}
	actions := []v1alpha1.PodFailurePolicyAction{
		v1alpha1.PodFailurePolicyActionIgnore, v1alpha1.PodFailurePolicyActionCount, v1alpha1.PodFailurePolicyActionFailJob,
	}
	if s.BackoffLimitPerIndex != nil {
		actions = append(actions, v1alpha1.PodFailurePolicyActionFailIndex, v1alpha1.PodFailurePolicyActionFailIndex)
	}
	policy := &v1alpha1.PodFailurePolicy{}
	for range 1 + rng.IntN(3) {
		rule := v1alpha1.PodFailurePolicyRule{Action: actions[rng.IntN(len(actions))]}
		switch rng.IntN(4) {
		case 0:
			rule.OnPodConditions = []v1alpha1.PodFailurePolicyOnPodConditionsPattern{
				{Type: []corev1.PodConditionType{corev1.DisruptionTarget, v1alpha1.PodConditionStartTimeout}[rng.IntN(2)]},
			}
		case 1:
			rule.OnExitCodes = &v1alpha1.PodFailurePolicyOnExitCodesRequirement{
				Operator: v1alpha1.PodFailurePolicyOnExitCodesOpNotIn, Values: []int32{1, 2, 143},
			}
		default:
			rule.OnExitCodes = &v1alpha1.PodFailurePolicyOnExitCodesRequirement{
				Operator: v1alpha1.PodFailurePolicyOnExitCodesOpIn, Values: [][]int32{{1}, {2}, {3}, {1, 3}, {137}, {143}}[rng.IntN(6)],
			}
		}
		policy.Rules = append(policy.Rules, rule)
	}
	s.PodFailurePolicy = policy
}

func drawSuccessPolicy(rng *rand.Rand, s *v1alpha1.BatchJobSpec) {
	completions := int(*s.Completions)
	if completions == 0 {
		return
	}
	policy := &v1alpha1.SuccessPolicy{}
	for range 1 + rng.IntN(2) {
		var rule v1alpha1.SuccessPolicyRule
		most := completions
		if rng.IntN(2) == 0 {
			var set []int
			for i := range completions {
				if rng.IntN(2) == 0 {
					set = append(set, i)
				}
			}
			if len(set) > 0 {
				list := writeIndexes(set)
				rule.SucceededIndexes, most = &list, len(set)
			}
		}
		if rule.SucceededIndexes == nil || rng.IntN(2) == 0 {
			n := int32(rng.IntN(most + 1))
			rule.SucceededCount = &n
		}
		policy.Rules = append(policy.Rules, rule)
	}
	s.SuccessPolicy = policy
}

// editFeatures changes the size of an elastic job, or how many indexes may
// fail; false if the job has neither.
func (u *User) editFeatures(j *v1alpha1.BatchJob) bool {
	switch {
	case j.Spec.IsIndexed() && *j.Spec.Completions == *j.Spec.Parallelism && u.rng.IntN(3) > 0 && (j.Spec.SuccessPolicy == nil || j.Status.Run != nil):
		n := 1 + int32(u.rng.IntN(6))
		u.Edit(j, func(s *v1alpha1.BatchJobSpec) {
			s.Completions, s.Parallelism = &n, &n
			if s.MaxFailedIndexes != nil && *s.MaxFailedIndexes > n {
				s.MaxFailedIndexes = &n
			}
		})
	case j.Spec.MaxFailedIndexes != nil:
		most := int32(u.rng.IntN(int(*j.Spec.Completions) + 1))
		u.Edit(j, func(s *v1alpha1.BatchJobSpec) { s.MaxFailedIndexes = &most })
	case j.Spec.PodFailurePolicy == nil:
		policy := []v1alpha1.PodReplacementPolicy{v1alpha1.Failed, v1alpha1.TerminatingOrFailed}[u.rng.IntN(2)]
		u.Edit(j, func(s *v1alpha1.BatchJobSpec) { s.PodReplacementPolicy = &policy })
	default:
		return false
	}
	return true
}

// describeFeatures is the rest of a spec in the story.
func describeFeatures(s *v1alpha1.BatchJobSpec) (parts []string) {
	if s.IsIndexed() {
		parts = append(parts, "Indexed")
	}
	for _, f := range []struct {
		name string
		n    *int32
	}{{"backoffLimitPerIndex", s.BackoffLimitPerIndex}, {"maxFailedIndexes", s.MaxFailedIndexes}, {"podStartTimeout", s.PodStartTimeoutSeconds}} {
		if f.n != nil {
			parts = append(parts, fmt.Sprintf("%s %d", f.name, *f.n))
		}
	}
	if s.PodFailurePolicy != nil {
		parts = append(parts, "failure "+asJSON(s.PodFailurePolicy.Rules))
	}
	if s.SuccessPolicy != nil {
		parts = append(parts, "success "+asJSON(s.SuccessPolicy.Rules))
	}
	return parts
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(text)
}
