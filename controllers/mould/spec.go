package mould

import (
	"fmt"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Invalid says what batch/v1's validation refuses in a spec and CEL cannot: the
// field below spec, a colon and what is wrong with it; empty if nothing is.
// completions is the limit of the indexes that successPolicy may name.
func Invalid(spec *v1alpha1.BatchJobSpec, completions int) string {
	for _, message := range []string{selectorParses(spec), containerNamesExist(spec), succeededIndexesFit(spec, completions), replacedIsValid(spec)} {
		if message != "" {
			return message
		}
	}
	return ""
}

func selectorParses(spec *v1alpha1.BatchJobSpec) string {
	if _, err := metav1.LabelSelectorAsSelector(spec.Selector); err != nil {
		return "selector: " + err.Error()
	}
	return ""
}

// containerNamesExist: a rule for a container that the template does not have
// would never match.
func containerNamesExist(spec *v1alpha1.BatchJobSpec) string {
	if spec.PodFailurePolicy == nil {
		return ""
	}
	for i := range spec.PodFailurePolicy.Rules {
		exit := spec.PodFailurePolicy.Rules[i].OnExitCodes
		if exit != nil && exit.ContainerName != nil && !hasContainer(&spec.Template.Spec, *exit.ContainerName) {
			return fmt.Sprintf("podFailurePolicy.rules[%d].onExitCodes.containerName: the template has no container or init container %q",
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

// replacedIsValid looks at what an index replaces in the template. No pod ever
// has it, so the API server never tells.
func replacedIsValid(spec *v1alpha1.BatchJobSpec) string {
	if !spec.IsIndexed() {
		return ""
	}
	if name := spec.Template.Spec.Hostname; name != "" {
		if wrong := validation.IsDNS1123Label(name); len(wrong) > 0 {
			return "template.spec.hostname: " + wrong[0]
		}
	}
	if wrong := validation.IsValidLabelValue(spec.Template.Labels[v1alpha1.LabelCompletionIndex]); len(wrong) > 0 {
		return "template.metadata.labels." + v1alpha1.LabelCompletionIndex + ": " + wrong[0]
	}
	return ""
}

// succeededIndexesFit: increasing, below completions, and as many as
// succeededCount asks for.
func succeededIndexesFit(spec *v1alpha1.BatchJobSpec, completions int) string {
	if spec.SuccessPolicy == nil {
		return ""
	}
	for i := range spec.SuccessPolicy.Rules {
		rule := &spec.SuccessPolicy.Rules[i]
		if rule.SucceededIndexes == nil || *rule.SucceededIndexes == "" {
			continue // an empty list is a rule that never holds
		}
		path := fmt.Sprintf("successPolicy.rules[%d]", i)
		n, message := countIndexes(*rule.SucceededIndexes, completions)
		if message != "" {
			return path + ".succeededIndexes: " + message
		}
		if rule.SucceededCount != nil && int(*rule.SucceededCount) > n {
			return fmt.Sprintf("%s.succeededCount: %d is more than the %d indexes of succeededIndexes", path, *rule.SucceededCount, n)
		}
	}
	return ""
}

// countIndexes counts a list of indexes, or says what is wrong with it.
func countIndexes(list string, limit int) (n int, wrong string) {
	last := -1
	for part := range strings.SplitSeq(list, ",") {
		first, end, ok := ParseSpan(part)
		switch {
		case !ok:
			return 0, fmt.Sprintf("%q is neither an index nor a range of increasing indexes", part)
		case first <= last:
			return 0, fmt.Sprintf("%q: indexes must be in increasing order, each once", part)
		case end >= limit:
			return 0, fmt.Sprintf("%q: indexes must be below completions, which is %d", part, limit)
		}
		n, last = n+end-first+1, end
	}
	return n, ""
}

// ParseSpan reads one part of a list of indexes in batch/v1's form: "3", or
// "3-5", which holds both its ends.
func ParseSpan(s string) (first, last int, ok bool) {
	from, to, ranged := strings.Cut(s, "-")
	if !ranged {
		to = from
	}
	first, errFirst := strconv.Atoi(from)
	last, errLast := strconv.Atoi(to)
	return first, last, errFirst == nil && errLast == nil && first >= 0 && first <= last
}
