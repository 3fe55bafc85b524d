package engine

import (
	"fmt"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// successPolicyMet: a rule of successPolicy holds. None does before the first
// index has succeeded, whatever it asks for (KEP-3998).
func successPolicyMet(w *work) *verdict {
	policy := w.job.Spec.SuccessPolicy
	if policy == nil || w.completed.count() == 0 {
		return nil
	}
	for i := range policy.Rules {
		if ruleHolds(&policy.Rules[i], w.completed, w.limit) {
			return &verdict{success: true, reason: v1alpha1.ReasonSuccessPolicy, message: fmt.Sprintf("Matched rules at index %d", i)}
		}
	}
	return nil
}

// ruleHolds: succeededCount alone counts all indexes, succeededIndexes alone
// asks for every one of them, both together count among those. Indexes that an
// elastic job does not have any more are left out; with none left, or none
// named, the rule never holds.
func ruleHolds(rule *v1alpha1.SuccessPolicyRule, completed indexes, limit int) bool {
	among := completed.count()
	want := 0
	if rule.SucceededIndexes != nil {
		asked := parseIndexes(*rule.SucceededIndexes, limit)
		if asked.count() == 0 {
			return false
		}
		among, want = asked.common(completed), asked.count()
	}
	if rule.SucceededCount != nil {
		want = int(*rule.SucceededCount)
	}
	return among >= want
}
