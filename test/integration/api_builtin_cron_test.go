//go:build integration

package integration

import (
	"fmt"
	"regexp"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
)

// onlyOursCron are fields and values that batch/v1's CronJob does not have.
var onlyOursCron = regexp.MustCompile(`schedules|queueLimit|missedRun|jitterSeconds|historyTTLSeconds|blackouts|notBefore|notAfter|runAt|Queue|H H`)

// cronAccepted are rows that batch/v1 takes otherwise, and why that is meant.
var cronAccepted = map[string]string{
	"schedule with seconds": "asked for for years",
	"timeZone part of 14":   "a name that could be a zone is looked up by the engine: TestToldLater",
}

// TestBatchV1CronRefusesTheSame sends the rules of a CronBatchJob that batch/v1 has
// too to batch/v1 itself.
func TestBatchV1CronRefusesTheSame(t *testing.T) {
	ns, same := newNamespace(t), 0
	for _, rule := range cronRules {
		if onlyOursCron.MatchString(rule.spec) {
			continue
		}
		t.Run(rule.name, func(t *testing.T) {
			object := manifest(t, minimalCron, indent("spec", rule.spec))
			object.SetGroupVersionKind(batchv1.SchemeGroupVersion.WithKind("CronJob"))
			problem := sameRefusal(tryCreate(t, object, ns), rule.field)
			if reason, meant := cronAccepted[rule.name]; meant == (problem == nil) {
				t.Errorf("%v (meant: %v %s)", problem, meant, reason)
			}
			same++
		})
	}
	fmt.Printf("validation of schedules: %d rules of ours put to batch/v1, %d of them differ as is meant\n", same, len(cronAccepted))
}

// toldLater is what batch/v1 refuses and a condition of ours tells. Without a field
// it is what batch/v1 takes as well: its controller then fails to create the Job.
var toldLater = []struct{ name, spec, field string }{
	{"out of range", `schedule: "61 * * * *"`, "spec.schedule"},
	{"a word", `schedule: "* * * * noday"`, "spec.schedule"},
	{"an unknown descriptor", `schedule: "@reboot"`, "spec.schedule"},
	{"a range backwards", `schedule: "30-10 * * * *"`, "spec.schedule"},
	{"an unknown zone", `timeZone: Mars/Olympus`, "spec.timeZone"},
	{"a label that is none", `jobTemplate: {metadata: {labels: {a: "b c"}}}`, ""},
	{"an image that is none", `jobTemplate: {spec: {template: {spec: {containers: [{name: main, image: ""}]}}}}`, "spec.jobTemplate.spec.template.spec.containers[0].image"},
}

// TestToldLater: what CEL cannot tell of a schedule is taken by the API server;
// engine and hands say it in a condition, as their tests show.
func TestToldLater(t *testing.T) {
	ns := newNamespace(t)
	for _, c := range toldLater {
		t.Run(c.name, func(t *testing.T) {
			object := manifest(t, minimalCron, indent("spec", c.spec))
			if err := tryCreate(t, object.DeepCopy(), ns); err != nil {
				t.Errorf("we refuse it: %v", err)
			}
			object.SetGroupVersionKind(batchv1.SchemeGroupVersion.WithKind("CronJob"))
			if err := sameRefusal(tryCreate(t, object, ns), c.field); err != nil {
				t.Error(err)
			}
		})
	}
}
