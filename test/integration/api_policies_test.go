//go:build integration

package integration

import (
	"fmt"
	"strings"
	"testing"
)

// policyRules are batch/v1's for podFailurePolicy and successPolicy
// (validatePodFailurePolicy, validateSuccessPolicy).
var policyRules = []specRule{
	{"podFailurePolicy empty", `podFailurePolicy: {}`, "", ""},
	{"podFailurePolicy without rules", `podFailurePolicy: {rules: []}`, "", ""},
	{"podFailurePolicy", onExit("operator: In, values: [1]"), "", ""},
	{"podFailurePolicy, OnFailure", onExit("operator: In, values: [1]") + "\ntemplate: {spec: {restartPolicy: OnFailure}}", "spec.template.spec.restartPolicy", "Never when podFailurePolicy"},
	{"podFailurePolicy, replacement Failed", onExit("operator: In, values: [1]") + "\npodReplacementPolicy: Failed", "", ""},
	{"podFailurePolicy, replacement", onExit("operator: In, values: [1]") + "\npodReplacementPolicy: TerminatingOrFailed", "spec.podReplacementPolicy", "must be Failed"},
	{"20 failure rules", `podFailurePolicy: {rules: [` + times(20, "{action: Count, onPodConditions: [{type: X}]}") + `]}`, "", ""},
	{"21 failure rules", `podFailurePolicy: {rules: [` + times(21, "{action: Count, onPodConditions: [{type: X}]}") + `]}`, "spec.podFailurePolicy.rules", "20"},
	{"action missing", `podFailurePolicy: {rules: [{onPodConditions: [{type: X}]}]}`, "spec.podFailurePolicy.rules[0].action", ""},
	{"action unknown", `podFailurePolicy: {rules: [{action: Explode, onPodConditions: [{type: X}]}]}`, "spec.podFailurePolicy.rules[0].action", "FailJob"},
	{"action FailIndex", perIndex + `podFailurePolicy: {rules: [{action: FailIndex, onPodConditions: [{type: X}]}]}`, "", ""},
	{"action FailIndex without limit", indexed + `podFailurePolicy: {rules: [{action: FailIndex, onPodConditions: [{type: X}]}]}`, "spec.podFailurePolicy.rules", "backoffLimitPerIndex"},
	{"no requirement", `podFailurePolicy: {rules: [{action: Ignore}]}`, "spec.podFailurePolicy.rules[0]", "exactly one"},
	{"empty requirement", `podFailurePolicy: {rules: [{action: Ignore, onPodConditions: []}]}`, "spec.podFailurePolicy.rules[0]", "exactly one"},
	{"both requirements", `podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: X}], onExitCodes: {operator: In, values: [1]}}]}`, "spec.podFailurePolicy.rules[0]", "exactly one"},
	{"exit codes and an empty list", `podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [], onExitCodes: {operator: In, values: [1]}}]}`, "", ""},

	{"exit code operator missing", onExit("values: [1]"), exitField + ".operator", ""},
	{"exit code operator unknown", onExit("operator: Near, values: [1]"), exitField + ".operator", "NotIn"},
	{"exit code values missing", onExit("operator: In"), exitField + ".values", ""},
	{"exit code values empty", onExit("operator: In, values: []"), exitField + ".values", "at least 1"},
	{"exit code 0 In", onExit("operator: In, values: [0, 1]"), exitField + ".values", "must not contain 0"},
	{"exit code 0 NotIn", onExit("operator: NotIn, values: [0, 1]"), "", ""},
	{"exit codes negative", onExit("operator: In, values: [-2, -1, 1]"), "", ""},
	{"exit codes unordered", onExit("operator: In, values: [2, 1]"), exitField + ".values", "increasing order"},
	{"exit codes twice", onExit("operator: In, values: [1, 1]"), exitField + ".values[1]", "Duplicate"},
	{"exit codes above int32", onExit("operator: In, values: [2147483648]"), exitField + ".values[0]", ""},
	{"255 exit codes", onExit("operator: In, values: [" + upTo(255) + "]"), "", ""},
	{"256 exit codes", onExit("operator: In, values: [" + upTo(256) + "]"), exitField + ".values", "255"},
	{"exit codes of a container", onExit("operator: In, values: [1], containerName: main"), "", ""},

	{"pod condition", onCondition(`type: DisruptionTarget, status: "False"`), "", ""},
	{"pod condition, our own", onCondition("type: batch.stint.dev/StartTimeout"), "", ""},
	{"pod condition type missing", onCondition(`status: "True"`), conditionField + ".type", ""},
	{"pod condition type empty", onCondition(`type: ""`), conditionField + ".type", "qualified name"},
	{"pod condition type", onCondition("type: a b"), conditionField + ".type", "qualified name"},
	{"pod condition type, domain", onCondition("type: A_B/c"), conditionField + ".type", "qualified name"},
	{"pod condition status", onCondition(`type: X, status: Maybe`), conditionField + ".status", "Unknown"},
	{"20 pod conditions", `podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [` + times(20, "{type: X}") + `]}]}`, "", ""},
	{"21 pod conditions", `podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [` + times(21, "{type: X}") + `]}]}`, "spec.podFailurePolicy.rules[0].onPodConditions", "20"},

	{"successPolicy without rules", indexed + `successPolicy: {rules: []}`, "spec.successPolicy.rules", "at least 1"},
	{"successPolicy empty", indexed + `successPolicy: {}`, "spec.successPolicy.rules", ""},
	{"20 success rules", indexed + `successPolicy: {rules: [` + times(20, "{succeededCount: 1}") + `]}`, "", ""},
	{"21 success rules", indexed + `successPolicy: {rules: [` + times(21, "{succeededCount: 1}") + `]}`, "spec.successPolicy.rules", "20"},
	{"success rule empty", indexed + `successPolicy: {rules: [{}]}`, "spec.successPolicy.rules[0]", "succeededIndexes, succeededCount or both"},
	{"succeededCount 0", indexed + `successPolicy: {rules: [{succeededCount: 0}]}`, "", ""},
	{"succeededCount below 0", indexed + `successPolicy: {rules: [{succeededCount: -1}]}`, "spec.successPolicy.rules[0].succeededCount", "greater than or equal to 0"},
	{"succeededCount as completions", indexed + `successPolicy: {rules: [{succeededCount: 3}]}`, "", ""},
	{"succeededCount above completions", indexed + `successPolicy: {rules: [{succeededCount: 4}]}`, "spec.successPolicy.rules", "no more than completions"},
	{"succeededCount above the one index", `{completionMode: Indexed, successPolicy: {rules: [{succeededCount: 2}]}}`, "spec.successPolicy.rules", "no more than completions"},
	{"succeededIndexes", indexed + `successPolicy: {rules: [{succeededIndexes: "0,2"}]}`, "", ""},
	{"succeededIndexes range", indexed + `successPolicy: {rules: [{succeededIndexes: "0-2"}]}`, "", ""},
	{"succeededIndexes empty", indexed + `successPolicy: {rules: [{succeededIndexes: ""}]}`, "", ""},
	{"succeededIndexes words", indexed + `successPolicy: {rules: [{succeededIndexes: "one"}]}`, "spec.successPolicy.rules[0].succeededIndexes", ""},
	{"succeededIndexes three parts", indexed + `successPolicy: {rules: [{succeededIndexes: "0-1-2"}]}`, "spec.successPolicy.rules[0].succeededIndexes", ""},
	{"succeededIndexes space", indexed + `successPolicy: {rules: [{succeededIndexes: "0, 1"}]}`, "spec.successPolicy.rules[0].succeededIndexes", ""},
	{"succeededIndexes too long", indexed + `successPolicy: {rules: [{succeededIndexes: "` + strings.Repeat("1", 65537) + `"}]}`, "spec.successPolicy.rules[0].succeededIndexes", "65536"},
}

const (
	exitField      = "spec.podFailurePolicy.rules[0].onExitCodes"
	conditionField = "spec.podFailurePolicy.rules[0].onPodConditions[0]"
)

func onExit(requirement string) string {
	return "podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {" + requirement + "}}]}"
}

func onCondition(pattern string) string {
	return "podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{" + pattern + "}]}]}"
}

func times(n int, item string) string {
	return strings.TrimSuffix(strings.Repeat(item+", ", n), ", ")
}

func upTo(n int) string {
	var b strings.Builder
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "%d, ", i)
	}
	return strings.TrimSuffix(b.String(), ", ")
}

// stintRules are those of the fields that batch/v1 does not have.
var stintRules = []specRule{
	{"rerunPolicy OncePerRevision", `rerunPolicy: OncePerRevision`, "", ""},
	{"rerunPolicy Never", `rerunPolicy: Never`, "", ""},
	{"rerunPolicy unknown", `rerunPolicy: Sometimes`, "spec.rerunPolicy", "OncePerRevision"},
	{"updatePolicy Replace", `updatePolicy: Replace`, "", ""},
	{"updatePolicy unknown", `updatePolicy: Kill`, "spec.updatePolicy", "Replace"},
	{"ttlPolicy DeletePods", `ttlPolicy: DeletePods`, "", ""},
	{"ttlPolicy unknown", `ttlPolicy: Keep`, "spec.ttlPolicy", "DeletePods"},
	{"podHistoryLimit 0", `podHistoryLimit: 0`, "", ""},
	{"podHistoryLimit below 0", `podHistoryLimit: -1`, "spec.podHistoryLimit", "greater than or equal to 0"},
	{"runAt", `runAt: "2026-11-20 again, please"`, "", ""},
	{"runAt of 254", `runAt: ` + strings.Repeat("a", 254), "spec.runAt", "253"},
	{"podStartTimeoutSeconds 1", `podStartTimeoutSeconds: 1`, "", ""},
	{"podStartTimeoutSeconds 0", `podStartTimeoutSeconds: 0`, "spec.podStartTimeoutSeconds", "greater than or equal to 1"},

	{"dependsOn", `dependsOn: [{name: a.b, namespace: other, readyExpr: "dep.status.succeeded > 0"}]`, "", ""},
	{"dependsOn without name", `dependsOn: [{namespace: other}]`, "spec.dependsOn[0].name", ""},
	{"dependsOn name", `dependsOn: [{name: A_b}]`, "spec.dependsOn[0].name", "lower case"},
	{"dependsOn name of 64", `dependsOn: [{name: ` + strings.Repeat("a", 64) + `}]`, "spec.dependsOn[0].name", "63"},
	{"dependsOn namespace", `dependsOn: [{name: a, namespace: a.b}]`, "spec.dependsOn[0].namespace", "lower case"},
	{"32 dependencies", `dependsOn: [` + times(32, "{name: a}") + `]`, "", ""},
	{"33 dependencies", `dependsOn: [` + times(33, "{name: a}") + `]`, "spec.dependsOn", "32"},
	{"readyExpr too long", `dependsOn: [{name: a, readyExpr: ` + strings.Repeat("a", 2049) + `}]`, "spec.dependsOn[0].readyExpr", "2048"},

	{"backoff", `backoff: {initialDelay: 500ms, maxDelay: 1h30m}`, "", ""},
	{"backoff empty", `backoff: {}`, "", ""},
	{"backoff equal", `backoff: {initialDelay: 60s, maxDelay: 1m}`, "", ""},
	{"backoff reversed", `backoff: {initialDelay: 61s, maxDelay: 1m}`, "spec.backoff.maxDelay", "not be shorter than initialDelay"},
	{"backoff initialDelay 0", `backoff: {initialDelay: 0s}`, "spec.backoff.initialDelay", "longer than 0s"},
	{"backoff initialDelay below 0", `backoff: {initialDelay: -1s}`, "spec.backoff.initialDelay", ""},
	{"backoff initialDelay no duration", `backoff: {initialDelay: soon}`, "spec.backoff.initialDelay", ""},
	{"backoff initialDelay without unit", `backoff: {initialDelay: "10"}`, "spec.backoff.initialDelay", ""},
	{"backoff initialDelay of a unit too small", `backoff: {initialDelay: 5us}`, "spec.backoff.initialDelay", ""},
	{"backoff maxDelay of five parts", `backoff: {maxDelay: 1s1s1s1s1s}`, "spec.backoff.maxDelay", ""},
	{"backoff maxDelay 0", `backoff: {maxDelay: 0.0h0s}`, "spec.backoff.maxDelay", "longer than 0s"},
	{"backoff maxDelay too long", `backoff: {maxDelay: 9999999h}`, "spec.backoff.maxDelay", ""},
}

// TestSelfDependency: the names of the job and of its dependency are compared
// where both live in the same namespace for certain.
func TestSelfDependency(t *testing.T) {
	ns := newNamespace(t)
	for dependsOn, field := range map[string]string{
		"[{name: job}]":                   "spec.dependsOn",
		"[{name: other}, {name: job}]":    "spec.dependsOn",
		"[{name: other}]":                 "",
		"[{name: job, namespace: other}]": "",
	} {
		err := tryCreate(t, manifest(t, minimalJob, "spec: {dependsOn: "+dependsOn+"}"), ns)
		wantCause(t, err, field, "cannot depend on itself")
	}
}
