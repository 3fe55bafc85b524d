package engine

import (
	"fmt"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/mould"
)

// unrunnable: every run of the jobTemplate would be Stalled from its beginning,
// for a reason that the API server does not know.
func unrunnable(w *work) *hold {
	refused := func(reason, message string) *hold {
		return &hold{state: StateRefused, reason: reason, message: "spec.jobTemplate.spec." + message + "; correct the manifest to start runs again"}
	}
	t := &w.spec.JobTemplate.Spec
	completions, _ := t.GetCompletions()
	if message := mould.Invalid(t, int(completions)); message != "" {
		return refused(v1alpha1.ReasonInvalidSpec, message)
	}
	for i := range t.DependsOn {
		d := &t.DependsOn[i]
		if d.GetNamespace(w.cron.Namespace) != w.cron.Namespace && !w.o.CrossNamespace {
			return refused(v1alpha1.ReasonInvalidSpec, fmt.Sprintf("dependsOn[%d].namespace: this operator does not look across namespaces "+
				"(--no-cross-namespace-refs); depend on a BatchJob of the same namespace", i))
		}
		if d.ReadyExpr == "" {
			continue
		}
		if _, err := mould.CompileReadyExpr(d.ReadyExpr); err != nil {
			return refused(v1alpha1.ReasonInvalidExpression, fmt.Sprintf("dependsOn[%d].readyExpr: %v", i, err))
		}
	}
	return nil
}
