//go:build integration

package integration

import (
	"fmt"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// lateRule is one that CEL cannot say: batch/v1 refuses the spec for the field,
// here a condition tells, with these words, until the patch corrects it.
type lateRule struct {
	name, spec, field string
	reason            string
	words             []string
	correction        string
}

const (
	nameField    = "spec.podFailurePolicy.rules[0].onExitCodes.containerName"
	indexesField = "spec.successPolicy.rules[0].succeededIndexes"
	podField     = "spec.template.spec."
)

// lateRules are all of the engine's own, and of the many that the API server has
// for pods some of each kind.
var lateRules = []lateRule{
	{"a rule for a container that there is not", onExit("containerName: nobody, operator: In, values: [1]"), nameField,
		v1alpha1.ReasonInvalidSpec, []string{nameField, "nobody"}, onExit("containerName: main, operator: In, values: [1]")},
	{"an index beyond completions", successful(`{succeededIndexes: "0,3"}`), indexesField,
		v1alpha1.ReasonInvalidSpec, []string{indexesField, `"3"`, "below completions"}, successful(`{succeededIndexes: "0,2"}`)},
	{"a range beyond completions", successful(`{succeededIndexes: "1-3"}`), indexesField,
		v1alpha1.ReasonInvalidSpec, []string{indexesField, "below completions"}, successful(`{succeededIndexes: "1-2"}`)},
	{"indexes out of order", successful(`{succeededIndexes: "2,1"}`), indexesField,
		v1alpha1.ReasonInvalidSpec, []string{indexesField, "increasing order"}, successful(`{succeededIndexes: "1,2"}`)},
	{"an index twice", successful(`{succeededIndexes: "1,1"}`), indexesField,
		v1alpha1.ReasonInvalidSpec, []string{indexesField, "increasing order"}, successful(`{succeededIndexes: "1"}`)},
	{"a range that goes down", successful(`{succeededIndexes: "2-1"}`), indexesField,
		v1alpha1.ReasonInvalidSpec, []string{indexesField, "increasing"}, successful(`{succeededIndexes: "1-2"}`)},
	{"more successes than indexes", successful(`{succeededIndexes: "0,2", succeededCount: 3}`), "spec.successPolicy.rules[0].succeededCount",
		v1alpha1.ReasonInvalidSpec, []string{"spec.successPolicy.rules[0].succeededCount", "more than the 2 indexes"}, successful(`{succeededIndexes: "0,2", succeededCount: 2}`)},
	{"a selector's key", manual(`"a b": x`, `{matchLabels: {"a b": x}}`), "spec.selector.matchLabels",
		v1alpha1.ReasonInvalidSpec, []string{"spec.selector", "a b"}, ""},
	{"a label's value", `template: {metadata: {labels: {tier: a b}}}`, "spec.template.labels", // batch/v1 leaves out metadata
		v1alpha1.ReasonPodRejected, []string{"metadata.labels", "a b"}, `template: {metadata: {labels: {tier: a}}}`},
	{"an annotation's key", `template: {metadata: {annotations: {"a b": x}}}`, "spec.template.annotations",
		v1alpha1.ReasonPodRejected, []string{"metadata.annotations", "a b"}, `template: {metadata: {annotations: {"a b": null}}}`},
	{"no image", podOf(`{name: main}`), podField + "containers[0].image",
		v1alpha1.ReasonPodRejected, []string{"spec.containers[0].image"}, podOf(`{name: main, image: busybox}`)},
	{"a container's name", podOf(`{name: Main, image: busybox}`), podField + "containers[0].name",
		v1alpha1.ReasonPodRejected, []string{"spec.containers[0].name", "Main"}, podOf(`{name: main, image: busybox}`)},
	{"a volume that there is not", podOf(`{name: main, image: busybox, volumeMounts: [{name: data, mountPath: /data}]}`), podField + "containers[0].volumeMounts[0].name",
		v1alpha1.ReasonPodRejected, []string{"spec.containers[0].volumeMounts[0].name", "data"}, podOf(`{name: main, image: busybox}`)},
	{"a request above its limit", podOf(`{name: main, image: busybox, resources: {requests: {cpu: 2}, limits: {cpu: 1}}}`), podField + "containers[0].resources.requests",
		v1alpha1.ReasonPodRejected, []string{"spec.containers[0].resources.requests", "cpu"}, podOf(`{name: main, image: busybox, resources: {requests: {cpu: 1}}}`)},
	{"a pod's deadline", `template: {spec: {activeDeadlineSeconds: 0}}`, podField + "activeDeadlineSeconds",
		v1alpha1.ReasonPodRejected, []string{"spec.activeDeadlineSeconds"}, `template: {spec: {activeDeadlineSeconds: 1000}}`},
	{"a DNS policy", `template: {spec: {dnsPolicy: Guess}}`, podField + "dnsPolicy",
		v1alpha1.ReasonPodRejected, []string{"spec.dnsPolicy", "Guess"}, `template: {spec: {dnsPolicy: Default}}`},
}

func successful(rule string) string { return indexed + "successPolicy: {rules: [" + rule + "]}" }

func podOf(container string) string { return "template: {spec: {containers: [" + container + "]}}" }

// TestWhatOnlyAConditionTells: accepted, Stalled with the field named, and
// running as soon as the manifest is corrected.
func TestWhatOnlyAConditionTells(t *testing.T) {
	c, ns := syncedCaches(t), newNamespace(t)
	for n, rule := range lateRules {
		t.Run(rule.name, func(t *testing.T) {
			builtin := manifest(t, minimalJob, indent("spec", rule.spec))
			builtin.SetGroupVersionKind(builtinKind)
			if problem := sameRefusal(tryCreate(t, builtin, ns), rule.field); problem != nil {
				t.Error(problem)
			}
			s := aloneWith(t, c, ns, fmt.Sprintf("job-%d", n), rule.spec)
			s.says(t, v1alpha1.ConditionStalled, metav1.ConditionTrue, rule.reason, rule.words...)
			s.says(t, v1alpha1.ConditionReady, metav1.ConditionFalse, rule.reason, rule.words...)
			if rule.correction == "" {
				return // the selector cannot be changed
			}
			s.play(t, edit(indent("spec", rule.correction)))
			s.says(t, v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonProgressing)
			s.play(t, podsAre("active", isActive, int(s.wants(t))))
		})
	}
}

// wants is how many pods the job should have at once.
func (s *side) wants(t *testing.T) int32 {
	t.Helper()
	job := &v1alpha1.BatchJob{}
	if err := api.Get(t.Context(), s.key, job); err != nil {
		t.Fatal(err)
	}
	return job.Spec.GetParallelism()
}
