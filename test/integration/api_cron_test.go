//go:build integration

package integration

import (
	"strings"
	"testing"
)

// cronRules are batch/v1's (validateCronJobSpec) and our own.
var cronRules = []specRule{
	{"no schedule", `schedule: null`, "spec.schedule", "exactly one of schedule and schedules"},
	{"schedules", "schedule: null\nschedules: ['0 1 * * *', '@daily']", "", ""},
	{"schedule and schedules", `schedules: ['0 1 * * *']`, "spec.schedule", "exactly one of schedule and schedules"},
	{"schedules empty", "schedule: null\nschedules: []", "spec.schedules", "at least 1"},
	{"33 schedules", "schedule: null\nschedules: [" + times(33, "'@daily'") + "]", "spec.schedules", "32"},
	{"schedule empty", `schedule: ""`, "spec.schedule", "at least 1"},
	{"schedule with seconds", `schedule: "*/10 * * * * *"`, "", ""},
	{"schedule with H", `schedule: "H H(0-5) * * 7"`, "", ""},
	{"schedule with spaces around", `schedule: " 0 0  * * SUN "`, "", ""},
	{"schedule @every", `schedule: "@every 1h30m"`, "", ""},
	{"schedule of four fields", `schedule: "* * * *"`, "spec.schedule", "five fields"},
	{"schedule of seven fields", `schedule: "* * * * * * *"`, "spec.schedule", "five fields"},
	{"schedule words", `schedule: "every day"`, "spec.schedule", "five fields"},
	{"schedule TZ", `schedule: "TZ=UTC 0 0 * * *"`, "spec.schedule", "spec.timeZone"},
	{"schedule CRON_TZ", `schedule: "CRON_TZ=UTC * * * * *"`, "spec.schedule", "spec.timeZone"},
	{"schedule TZ=0", `schedule: "TZ=0"`, "spec.schedule", "spec.timeZone"},
	{"schedule too long", `schedule: "` + strings.Repeat("1", 257) + `"`, "spec.schedule", "256"},
	{"schedules TZ", "schedule: null\nschedules: ['TZ=UTC 0 0 * * *']", "spec.schedules", "spec.timeZone"},
	{"schedules words", "schedule: null\nschedules: ['0 0 * * *', 'daily']", "spec.schedules", "five fields"},
	{"startingDeadlineSeconds 0", `startingDeadlineSeconds: 0`, "", ""},
	{"startingDeadlineSeconds below 0", `startingDeadlineSeconds: -1`, "spec.startingDeadlineSeconds", "greater than or equal to 0"},

	{"timeZone", `timeZone: America/Argentina/Buenos_Aires`, "", ""},
	{"timeZone with digits", `timeZone: Etc/GMT+12`, "", ""},
	{"timeZone empty", `timeZone: ""`, "spec.timeZone", "at least 1"},
	{"timeZone Local", `timeZone: Local`, "spec.timeZone", "IANA"},
	{"timeZone local", `timeZone: local`, "spec.timeZone", "IANA"},
	{"timeZone dots", `timeZone: Europe/../Berlin`, "spec.timeZone", "IANA"},
	{"timeZone slash", `timeZone: /UTC`, "spec.timeZone", "IANA"},
	{"timeZone minus", `timeZone: -UTC`, "spec.timeZone", "IANA"},
	{"timeZone part of 14", `timeZone: Abcdefghijklmn`, "", ""},
	{"timeZone part of 15", `timeZone: Abcdefghijklmno`, "spec.timeZone", "IANA"},
	{"timeZone space", `timeZone: Europe/Ber lin`, "spec.timeZone", "IANA"},

	{"concurrencyPolicy Queue", `concurrencyPolicy: Queue`, "", ""},
	{"concurrencyPolicy unknown", `concurrencyPolicy: Maybe`, "spec.concurrencyPolicy", "Forbid"},
	{"queueLimit 1", `queueLimit: 1`, "", ""},
	{"queueLimit 0", `queueLimit: 0`, "spec.queueLimit", "greater than or equal to 1"},
	{"queueLimit 1001", `queueLimit: 1001`, "spec.queueLimit", "1000"},
	{"missedRunPolicy All", `missedRunPolicy: All`, "", ""},
	{"missedRunPolicy unknown", `missedRunPolicy: Some`, "spec.missedRunPolicy", "Latest"},
	{"missedRunLimit 0", `missedRunLimit: 0`, "spec.missedRunLimit", "greater than or equal to 1"},
	{"missedRunLimit 1001", `missedRunLimit: 1001`, "spec.missedRunLimit", "1000"},
	{"jitterSeconds", `jitterSeconds: 300`, "", ""},
	{"jitterSeconds below 0", `jitterSeconds: -1`, "spec.jitterSeconds", "greater than or equal to 0"},
	{"jitterSeconds above a day", `jitterSeconds: 86401`, "spec.jitterSeconds", "86400"},
	{"history limits 0", "successfulJobsHistoryLimit: 0\nfailedJobsHistoryLimit: 0\nhistoryTTLSeconds: 0", "", ""},
	{"successfulJobsHistoryLimit below 0", `successfulJobsHistoryLimit: -1`, "spec.successfulJobsHistoryLimit", "greater than or equal to 0"},
	{"failedJobsHistoryLimit below 0", `failedJobsHistoryLimit: -1`, "spec.failedJobsHistoryLimit", "greater than or equal to 0"},
	{"historyTTLSeconds below 0", `historyTTLSeconds: -1`, "spec.historyTTLSeconds", "greater than or equal to 0"},

	{"blackout repeated", `blackouts: [{schedule: "0 0 * * *", duration: 2h30m}]`, "", ""},
	{"blackout once", `blackouts: [{from: "2026-12-24T00:00:00Z", to: "2026-12-27T00:00:00+01:00"}]`, "", ""},
	{"blackout empty", `blackouts: [{}]`, "spec.blackouts[0]", "either schedule and duration, or from and to"},
	{"blackout without duration", `blackouts: [{schedule: "0 0 * * *"}]`, "spec.blackouts[0]", "either schedule and duration"},
	{"blackout without end", `blackouts: [{from: "2026-12-24T00:00:00Z"}]`, "spec.blackouts[0]", "either schedule and duration"},
	{"blackout of both kinds", `blackouts: [{schedule: "0 0 * * *", duration: 1h, from: "2026-12-24T00:00:00Z", to: "2026-12-25T00:00:00Z"}]`, "spec.blackouts[0]", "either schedule and duration"},
	{"blackout backwards", `blackouts: [{from: "2026-12-25T00:00:00Z", to: "2026-12-24T00:00:00Z"}]`, "spec.blackouts[0].from", "before to"},
	{"blackout of no length", `blackouts: [{from: "2026-12-25T01:00:00+01:00", to: "2026-12-25T00:00:00Z"}]`, "spec.blackouts[0].from", "before to"},
	{"blackout duration 0", `blackouts: [{schedule: "0 0 * * *", duration: 0s}]`, "spec.blackouts[0].duration", "longer than 0s"},
	{"blackout duration", `blackouts: [{schedule: "0 0 * * *", duration: 1 day}]`, "spec.blackouts[0].duration", ""},
	{"blackout duration of a unit too small", `blackouts: [{schedule: "0 0 * * *", duration: 5us}]`, "spec.blackouts[0].duration", ""},
	{"blackout schedule empty", `blackouts: [{schedule: "", duration: 1h}]`, "spec.blackouts[0].schedule", "at least 1"},
	{"blackout schedule TZ", `blackouts: [{schedule: "TZ=UTC 0 0 * * *", duration: 1h}]`, "spec.blackouts[0].schedule", "spec.timeZone"},
	{"blackout from no time", `blackouts: [{from: tomorrow, to: "2026-12-24T00:00:00Z"}]`, "spec.blackouts[0].from", ""},
	{"33 blackouts", `blackouts: [` + times(33, `{schedule: "0 0 * * *", duration: 1h}`) + `]`, "spec.blackouts", "32"},

	{"validity", "notBefore: \"2026-01-01T00:00:00Z\"\nnotAfter: \"2027-01-01T00:00:00.5Z\"", "", ""},
	{"validity backwards", "notBefore: \"2027-01-01T00:00:00Z\"\nnotAfter: \"2026-01-01T00:00:00Z\"", "spec.notAfter", "not be before notBefore"},
	{"notBefore no time", `notBefore: 2026-01-01`, "spec.notBefore", ""},
	{"notBefore lower case", `notBefore: "2026-01-01t00:00:00z"`, "spec.notBefore", ""},
	{"notBefore with a tail", `notBefore: "2026-01-01T00:00:00Zulu"`, "spec.notBefore", ""},
	{"notAfter in an impossible zone", `notAfter: "2026-01-01T00:00:00+99:00"`, "spec.notAfter", ""},
	{"notAfter a list", `notAfter: [1]`, "spec.notAfter", ""},
	{"notBefore no such day", `notBefore: "2026-02-30T00:00:00Z"`, "spec.notBefore", ""},
	{"runAt of 254", `runAt: ` + strings.Repeat("a", 254), "spec.runAt", "253"},

	{"jobTemplate selector", `jobTemplate: {spec: {selector: {matchLabels: {a: b}}}}`, "spec.jobTemplate.spec.selector", "cannot be set in a jobTemplate"},
	{"jobTemplate manualSelector", `jobTemplate: {spec: {manualSelector: true}}`, "spec.jobTemplate.spec.manualSelector", "cannot be true in a jobTemplate"},
	{"jobTemplate manualSelector false", `jobTemplate: {spec: {manualSelector: false}}`, "", ""},
	{"jobTemplate restartPolicy", `jobTemplate: {spec: {template: {spec: {restartPolicy: Always}}}}`, "spec.jobTemplate.spec.template.spec.restartPolicy", "Never or OnFailure"},
	{"jobTemplate no restartPolicy", `jobTemplate: {spec: {template: {spec: {restartPolicy: null}}}}`, "spec.jobTemplate.spec.template.spec.restartPolicy", "Never or OnFailure"},
	{"jobTemplate parallelism below 0", `jobTemplate: {spec: {parallelism: -1}}`, "spec.jobTemplate.spec.parallelism", "greater than or equal to 0"},
	{"jobTemplate Indexed without completions", `jobTemplate: {spec: {completionMode: Indexed, parallelism: 1}}`, "spec.jobTemplate.spec.completions", "must be set"},
	{"no jobTemplate", `jobTemplate: null`, "spec.jobTemplate", ""},
	{"no jobTemplate spec", `jobTemplate: {spec: null}`, "spec.jobTemplate.spec", ""},
}

func TestCronRules(t *testing.T) {
	ns := newNamespace(t)
	for _, rule := range cronRules {
		t.Run(rule.name, func(t *testing.T) {
			err := tryCreate(t, manifest(t, minimalCron, indent("spec", rule.spec)), ns)
			wantCause(t, err, rule.field, rule.words)
		})
	}
}

func TestCronName(t *testing.T) {
	ns := newNamespace(t)
	for _, c := range []struct {
		length      int
		completions string
		words       string
	}{
		{52, "completions: 1", ""},
		{53, "completions: 1", "no more than 52 characters"},
		{52, "completionMode: Indexed\ncompletions: 10", ""},
		{52, "completionMode: Indexed\ncompletions: 11", "too long for an Indexed jobTemplate"},
		{51, "completionMode: Indexed\ncompletions: 11", ""},
	} {
		object := manifest(t, minimalCron, indent("spec.jobTemplate.spec", c.completions))
		object.SetName(strings.Repeat("a", c.length))
		field := "metadata"
		if c.words == "" {
			field = ""
		}
		wantCause(t, tryCreate(t, object, ns), field, c.words)
	}
}
