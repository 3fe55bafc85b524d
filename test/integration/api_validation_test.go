//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// specRule is one rule of the validation: what is merged into the spec of a
// minimal job, and the field that the rejection names, or none for a neighbour
// that is accepted.
type specRule struct {
	name  string
	spec  string
	field string
	words string
}

// indexed and perIndex begin specs of such jobs.
const (
	indexed  = "completionMode: Indexed\ncompletions: 3\n"
	perIndex = indexed + "backoffLimitPerIndex: 1\n"
)

// batchV1Rules are those of validateJobSpec (pkg/apis/batch/validation), in its
// order.
var batchV1Rules = []specRule{
	{"parallelism 0", `parallelism: 0`, "", ""},
	{"parallelism below 0", `parallelism: -1`, "spec.parallelism", "greater than or equal to 0"},
	{"parallelism above int32", `parallelism: 2147483648`, "spec.parallelism", ""},
	{"parallelism no integer", `parallelism: 1.5`, "spec.parallelism", "int32"},
	{"completions 0", `completions: 0`, "", ""},
	{"completions below 0", `completions: -1`, "spec.completions", "greater than or equal to 0"},
	{"activeDeadlineSeconds 0", `activeDeadlineSeconds: 0`, "", ""},
	{"activeDeadlineSeconds below 0", `activeDeadlineSeconds: -1`, "spec.activeDeadlineSeconds", "greater than or equal to 0"},
	{"activeDeadlineSeconds largest", `activeDeadlineSeconds: 9223372036854774784`, "", ""},
	{"backoffLimit 0", `backoffLimit: 0`, "", ""},
	{"backoffLimit below 0", `backoffLimit: -1`, "spec.backoffLimit", "greater than or equal to 0"},
	{"ttlSecondsAfterFinished 0", `ttlSecondsAfterFinished: 0`, "", ""},
	{"ttlSecondsAfterFinished below 0", `ttlSecondsAfterFinished: -1`, "spec.ttlSecondsAfterFinished", "greater than or equal to 0"},
	{"backoffLimitPerIndex 0", indexed + `backoffLimitPerIndex: 0`, "", ""},
	{"backoffLimitPerIndex below 0", indexed + `backoffLimitPerIndex: -1`, "spec.backoffLimitPerIndex", "greater than or equal to 0"},
	{"maxFailedIndexes 0", perIndex + `maxFailedIndexes: 0`, "", ""},
	{"maxFailedIndexes below 0", perIndex + `maxFailedIndexes: -1`, "spec.maxFailedIndexes", "greater than or equal to 0"},
	{"maxFailedIndexes alone", indexed + `maxFailedIndexes: 1`, "spec.backoffLimitPerIndex", "must be set when maxFailedIndexes is"},

	{"managedBy", `managedBy: acme.io/foo`, "", ""},
	{"managedBy with a long path", `managedBy: "acme.io/a/b_c~d%20!$&'()*+,;=:"`, "", ""},
	{"managedBy without domain", `managedBy: foo`, "spec.managedBy", "domain-prefixed path"},
	{"managedBy without path", `managedBy: acme.io/`, "spec.managedBy", "domain-prefixed path"},
	{"managedBy empty", `managedBy: ""`, "spec.managedBy", "domain-prefixed path"},
	{"managedBy upper case domain", `managedBy: Acme.io/foo`, "spec.managedBy", "domain-prefixed path"},
	{"managedBy of 63", `managedBy: acme.io/` + strings.Repeat("a", 55), "", ""},
	{"managedBy of 64", `managedBy: acme.io/` + strings.Repeat("a", 56), "spec.managedBy", "63"},

	{"completionMode", `completionMode: NonIndexed`, "", ""},
	{"completionMode unknown", `completionMode: Random`, "spec.completionMode", "Indexed"},
	{"Indexed", indexed, "", ""},
	{"Indexed and no more", `completionMode: Indexed`, "", ""},
	{"Indexed without completions", "completionMode: Indexed\nparallelism: 1", "spec.completions", "must be set when completionMode is Indexed"},
	{"maxFailedIndexes above the one index", "completionMode: Indexed\nbackoffLimitPerIndex: 1\nmaxFailedIndexes: 2", "spec.maxFailedIndexes", "no more than completions"},
	{"Indexed parallelism 100000", indexed + `parallelism: 100000`, "", ""},
	{"Indexed parallelism 100001", indexed + `parallelism: 100001`, "spec.parallelism", "no more than 100000"},
	{"NonIndexed parallelism 100001", `parallelism: 100001`, "", ""},
	{"maxFailedIndexes as completions", perIndex + `maxFailedIndexes: 3`, "", ""},
	{"maxFailedIndexes above completions", perIndex + `maxFailedIndexes: 4`, "spec.maxFailedIndexes", "no more than completions"},
	{"maxFailedIndexes above 100000", "completionMode: Indexed\ncompletions: 200000\nbackoffLimitPerIndex: 1\nmaxFailedIndexes: 100001", "spec.maxFailedIndexes", "less than or equal to 100000"},
	{"many completions", "completionMode: Indexed\ncompletions: 100001\nbackoffLimitPerIndex: 1\nmaxFailedIndexes: 10000\nparallelism: 10000", "", ""},
	{"many completions, no maxFailedIndexes", "completionMode: Indexed\ncompletions: 100001\nbackoffLimitPerIndex: 1", "spec.maxFailedIndexes", "must be set when completions is above 100000"},
	{"many completions, maxFailedIndexes", "completionMode: Indexed\ncompletions: 100001\nbackoffLimitPerIndex: 1\nmaxFailedIndexes: 10001", "spec.maxFailedIndexes", "no more than 10000"},
	{"many completions, parallelism", "completionMode: Indexed\ncompletions: 100001\nbackoffLimitPerIndex: 1\nmaxFailedIndexes: 1\nparallelism: 10001", "spec.parallelism", "no more than 10000"},
	{"many completions without backoffLimitPerIndex", "completionMode: Indexed\ncompletions: 100001\nparallelism: 100000", "", ""},
	{"completions at the soft limit", "completionMode: Indexed\ncompletions: 100000\nbackoffLimitPerIndex: 1\nparallelism: 10001", "", ""},
	{"NonIndexed backoffLimitPerIndex", `backoffLimitPerIndex: 1`, "spec.backoffLimitPerIndex", "needs completionMode: Indexed"},
	{"NonIndexed maxFailedIndexes", `maxFailedIndexes: 1`, "spec.maxFailedIndexes", "needs completionMode: Indexed"},
	{"NonIndexed successPolicy", `successPolicy: {rules: [{succeededCount: 1}]}`, "spec.successPolicy", "needs completionMode: Indexed"},

	{"restartPolicy OnFailure", `template: {spec: {restartPolicy: OnFailure}}`, "", ""},
	{"restartPolicy Always", `template: {spec: {restartPolicy: Always}}`, "spec.template.spec.restartPolicy", "Never or OnFailure"},
	{"restartPolicy missing", `template: {spec: {restartPolicy: null}}`, "spec.template.spec.restartPolicy", "Never or OnFailure"},
	{"restartPolicy empty", `template: {spec: {restartPolicy: ""}}`, "spec.template.spec.restartPolicy", "Never or OnFailure"},
	{"restartPolicy unknown", `template: {spec: {restartPolicy: Sometimes}}`, "spec.template.spec.restartPolicy", "Never or OnFailure"},
	{"template without spec", `template: {spec: null}`, "spec.template.spec.restartPolicy", "Never or OnFailure"},
	{"template without containers", `template: {spec: {containers: null}}`, "spec.template.spec.containers", ""},
	{"no template", `template: null`, "spec.template", ""},

	{"podReplacementPolicy Failed", `podReplacementPolicy: Failed`, "", ""},
	{"podReplacementPolicy TerminatingOrFailed", `podReplacementPolicy: TerminatingOrFailed`, "", ""},
	{"podReplacementPolicy unknown", `podReplacementPolicy: Never`, "spec.podReplacementPolicy", "TerminatingOrFailed"},

	{"selector alone", `selector: {matchLabels: {app: x}}`, "spec.selector", "manualSelector: true"},
	{"selector with manualSelector false", "manualSelector: false\nselector: {matchLabels: {app: x}}", "spec.selector", "manualSelector: true"},
	{"manualSelector alone", `manualSelector: true`, "spec.selector", "manualSelector: true"},
	{"manualSelector false", `manualSelector: false`, "", ""},
	{"both", manual("app: x", "{matchLabels: {app: x}}"), "", ""},
	{"selector misses the labels", manual("app: x", "{matchLabels: {app: z}}"), "spec.template.metadata.labels", "must contain the labels"},
	{"selector and no labels", "manualSelector: true\nselector: {matchLabels: {app: z}}", "spec.template.metadata.labels", "must contain the labels"},
	{"selector value", manual("app: x y", "{matchLabels: {app: x y}}"), "spec.selector.matchLabels", "label values"},
	{"selector by expression", manual("app: x", "{matchExpressions: [{key: app, operator: In, values: [x]}]}"), "", ""},
	{"selector misses by expression", manual("app: x", "{matchExpressions: [{key: app, operator: In, values: [z]}]}"), "spec.template.metadata.labels", "must match selector.matchExpressions"},
	{"selector wants a missing label", manual("app: x", "{matchExpressions: [{key: tier, operator: Exists}]}"), "spec.template.metadata.labels", "must match selector.matchExpressions"},
	{"selector excludes the label", manual("app: x", "{matchExpressions: [{key: app, operator: NotIn, values: [x]}]}"), "spec.template.metadata.labels", "must match selector.matchExpressions"},
	{"selector excludes others", manual("app: x", "{matchExpressions: [{key: app, operator: NotIn, values: [z]}, {key: tier, operator: DoesNotExist}, {key: c, operator: NotIn, values: [d]}]}"), "", ""},
	{"selector operator", manual("app: x", "{matchExpressions: [{key: app, operator: Like, values: [x]}]}"), "spec.selector.matchExpressions", "operator"},
	{"selector In without values", manual("app: x", "{matchExpressions: [{key: app, operator: In}]}"), "spec.selector.matchExpressions", "with values"},
	{"selector Exists", manual("app: x", "{matchExpressions: [{key: app, operator: Exists}]}"), "", ""},
	{"selector Exists with values", manual("app: x", "{matchExpressions: [{key: app, operator: Exists, values: [x]}]}"), "spec.selector.matchExpressions", "without"},
	{"selector key", manual("app: x", "{matchExpressions: [{key: a b, operator: Exists}]}"), "spec.selector.matchExpressions", "label names"},
}

// labelRules are those for labels that each job's pods get (validateGeneratedSelector);
// a jobTemplate has no name yet that they could be compared with.
var labelRules = []specRule{
	{"label job-name of another job", `template: {metadata: {labels: {job-name: other}}}`, "spec.template.metadata.labels", "the name of the job"},
	{"label batch.kubernetes.io/job-name of another job", `template: {metadata: {labels: {batch.kubernetes.io/job-name: other}}}`, "spec.template.metadata.labels", "the name of the job"},
	{"label job-name", `template: {metadata: {labels: {job-name: job, batch.kubernetes.io/job-name: job}}}`, "", ""},
	{"label controller-uid", `template: {metadata: {labels: {controller-uid: 1a2b}}}`, "spec.template.metadata.labels", "controller-uid"},
	{"label batch.kubernetes.io/controller-uid", `template: {metadata: {labels: {batch.kubernetes.io/controller-uid: 1a2b}}}`, "spec.template.metadata.labels", "controller-uid"},
	{"labels of another job, manualSelector", manual("controller-uid: 1a2b, job-name: other", "{matchLabels: {controller-uid: 1a2b}}"), "", ""},
}

func manual(labels, selector string) string {
	return fmt.Sprintf("manualSelector: true\nselector: %s\ntemplate: {metadata: {labels: {%s}}}", selector, labels)
}

func TestSpecRules(t *testing.T) {
	ns := newNamespace(t)
	for _, rules := range [][]specRule{batchV1Rules, labelRules, policyRules, stintRules} {
		for _, rule := range rules {
			t.Run(rule.name, func(t *testing.T) {
				err := tryCreate(t, manifest(t, minimalJob, indent("spec", rule.spec)), ns)
				wantCause(t, err, rule.field, rule.words)
			})
		}
	}
}

// TestJobTemplateRules applies the same rules to what a CronBatchJob creates.
func TestJobTemplateRules(t *testing.T) {
	ns := newNamespace(t)
	for _, rules := range [][]specRule{batchV1Rules, policyRules, stintRules} {
		for _, rule := range rules {
			if strings.Contains(rule.spec, "elector") {
				continue // forbidden altogether: cronRules
			}
			t.Run(rule.name, func(t *testing.T) {
				field := rule.field
				if field != "" {
					field = "spec.jobTemplate." + field
				}
				err := tryCreate(t, manifest(t, minimalCron, indent("spec.jobTemplate.spec", rule.spec)), ns)
				wantCause(t, err, field, rule.words)
			})
		}
	}
}

func TestUnknownField(t *testing.T) {
	ns := newNamespace(t)
	for _, text := range []string{"paralelism: 2", "template: {spec: {containerss: []}}", "podFailurePolicy: {rule: []}"} {
		err := tryCreate(t, manifest(t, minimalJob, indent("spec", text)), ns)
		name, _, _ := strings.Cut(text, ":")
		if err == nil || !strings.Contains(err.Error(), "unknown field") {
			t.Errorf("%s: want unknown field, got %v", name, err)
		}
	}
}

func TestJobName(t *testing.T) {
	ns := newNamespace(t)
	for _, c := range []struct{ name, spec, words string }{
		{strings.Repeat("a", 63), "completions: 1", ""},
		{strings.Repeat("a", 64), "completions: 1", "no more than 63 characters"},
		{"a.b", "completions: 1", ""},
		{"a.b", indexed, "no dots"},
		{"a.b", "completionMode: Indexed\ncompletions: 0", ""},
		{strings.Repeat("a", 61), "completionMode: Indexed\ncompletions: 10", ""},
		{strings.Repeat("a", 61), "completionMode: Indexed\ncompletions: 11", "shorten the name"},
		{strings.Repeat("a", 63), "completionMode: Indexed\ncompletions: 0", ""},
		{strings.Repeat("a", 61), "completionMode: Indexed", ""},
		{strings.Repeat("a", 62), "completionMode: Indexed", "shorten the name"},
	} {
		t.Run(c.name+" "+c.words, func(t *testing.T) {
			object := manifest(t, minimalJob, indent("spec", c.spec))
			object.SetName(c.name)
			field := "metadata"
			if c.words == "" {
				field = ""
			}
			wantCause(t, tryCreate(t, object, ns), field, c.words)
		})
	}
}

// TestGeneratedName: the rules see the name that the server made.
func TestGeneratedName(t *testing.T) {
	ns := newNamespace(t)
	object := manifest(t, minimalJob, indent("spec", indexed), `metadata: {name: null, generateName: job-}`)
	if err := tryCreate(t, object, ns); err != nil {
		t.Error(err)
	}
}

// TestImmutableFields changes each field of a stored job. What batch/v1 does
// not allow to change, and this API does, is here too.
func TestImmutableFields(t *testing.T) {
	ns := newNamespace(t)
	base := manual("app: x", "{matchLabels: {app: x}}") + "\nmanagedBy: acme.io/foo"
	for i, c := range []struct{ name, change, field, words string }{
		{"selector", `selector: {matchLabels: {app: x, tier: z}}` + "\ntemplate: {metadata: {labels: {app: x, tier: z}}}", "spec.selector", "cannot be changed"},
		{"selector removed", "selector: null\nmanualSelector: null", "spec.selector", "cannot be changed"},
		{"manualSelector removed", "selector: null\nmanualSelector: null", "spec.manualSelector", "cannot be changed"},
		{"managedBy", `managedBy: acme.io/bar`, "spec.managedBy", "cannot be changed"},
		{"managedBy removed", `managedBy: null`, "spec.managedBy", "cannot be changed"},
		{"template", `template: {spec: {containers: [{name: main, image: other}]}}`, "", ""},
		{"completions", `completions: 7`, "", ""},
		{"completionMode", indexed, "", ""},
		{"policies", perIndex + "podFailurePolicy: {rules: [{action: FailIndex, onExitCodes: {operator: In, values: [1]}}]}\nsuccessPolicy: {rules: [{succeededCount: 1}]}", "", ""},
		{"suspend", `suspend: true`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			object := manifest(t, minimalJob, indent("spec", base))
			object.SetName(fmt.Sprintf("job-%d", i))
			object.SetNamespace(ns)
			if err := api.Create(t.Context(), object); err != nil {
				t.Fatal(err)
			}
			changed := &unstructured.Unstructured{Object: object.Object}
			merge(changed.Object, parse(t, indent("spec", c.change)))
			wantCause(t, api.Update(t.Context(), changed, client.DryRunAll), c.field, c.words)
		})
	}
}
