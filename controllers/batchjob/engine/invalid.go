package engine

import (
	"fmt"
	"math"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// invalid refuses what batch/v1's validation refuses and CEL cannot say.
func invalid(w *work) *hold {
	for _, check := range []func(*work) string{selectorParses, containerNamesExist, succeededIndexesFit} {
		if message := check(w); message != "" {
			field, _, _ := strings.Cut(message, ": ")
			return &hold{state: StateRefused, reason: v1alpha1.ReasonInvalidSpec, field: field,
				message: message + "; correct the manifest to run the job"}
		}
	}
	return nil
}

func selectorParses(w *work) string {
	if _, err := metav1.LabelSelectorAsSelector(w.o.Job.Spec.Selector); err != nil {
		return "spec.selector: " + err.Error()
	}
	return ""
}

// containerNamesExist: a rule for a container that the template does not have
// would never match.
func containerNamesExist(w *work) string {
	spec := &w.o.Job.Spec
	if spec.PodFailurePolicy == nil {
		return ""
	}
	for i := range spec.PodFailurePolicy.Rules {
		exit := spec.PodFailurePolicy.Rules[i].OnExitCodes
		if exit != nil && exit.ContainerName != nil && !hasContainer(&spec.Template.Spec, *exit.ContainerName) {
			return fmt.Sprintf("spec.podFailurePolicy.rules[%d].onExitCodes.containerName: the template has no container or init container %q",
				i, *exit.ContainerName)
		}
	}
	return ""
}

func hasContainer(spec *corev1.PodSpec, name string) bool {
	for _, containers := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range containers {
			if containers[i].Name == name {
				return true
			}
		}
	}
	return false
}

// succeededIndexesFit: increasing, below completions, and as many as
// succeededCount asks for. The size counts only before the run has begun, as in
// batch/v1: an elastic job may shrink below the indexes that a rule names.
func succeededIndexesFit(w *work) string {
	spec := &w.o.Job.Spec
	if spec.SuccessPolicy == nil {
		return ""
	}
	completions := int32(math.MaxInt32)
	if w.was.Run == nil || w.next.Revision != "" {
		completions, _ = spec.GetCompletions()
	}
	for i := range spec.SuccessPolicy.Rules {
		rule := &spec.SuccessPolicy.Rules[i]
		if rule.SucceededIndexes == nil || *rule.SucceededIndexes == "" {
			continue // an empty list is a rule that never holds
		}
		path := fmt.Sprintf("spec.successPolicy.rules[%d]", i)
		if message := indexesFit(*rule.SucceededIndexes, int(completions)); message != "" {
			return path + ".succeededIndexes: " + message
		}
		if n := parseIndexes(*rule.SucceededIndexes, int(completions)).count(); rule.SucceededCount != nil && int(*rule.SucceededCount) > n {
			return fmt.Sprintf("%s.succeededCount: %d is more than the %d indexes of succeededIndexes", path, *rule.SucceededCount, n)
		}
	}
	return ""
}

func indexesFit(list string, limit int) string {
	last := -1
	for part := range strings.SplitSeq(list, ",") {
		first, end, ok := parseSpan(part)
		switch {
		case !ok:
			return fmt.Sprintf("%q is neither an index nor a range of increasing indexes", part)
		case first <= last:
			return fmt.Sprintf("%q: indexes must be in increasing order, each once", part)
		case end >= limit:
			return fmt.Sprintf("%q: indexes must be below completions, which is %d", part, limit)
		}
		last = end
	}
	return ""
}
