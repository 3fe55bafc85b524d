//go:build integration

package integration

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func cronScenarios() []cronScenario {
	return slices.Concat(cronPlainScenarios(), cronPolicyScenarios(), cronHistoryScenarios(), cronEditScenarios(), cronHandScenarios())
}

type counts = [len(cronMoments)]int

const (
	succeeds = corev1.PodSucceeded
	fails    = corev1.PodFailed
)

// never is a schedule with no time in the next minutes.
const never = `schedule: "0 0 1 1 *"`

func cronPlainScenarios() []cronScenario {
	return []cronScenario{
		{name: "every minute, runs that succeed", ends: succeeds, runs: counts{1, 1, 2, 2}},
		{name: "every minute, runs that fail", ends: fails, runs: counts{1, 1, 1, 1}},
		{name: "not due", spec: never},
		{name: "suspended", spec: "suspend: true"},
		{name: "a step of one", spec: `schedule: "*/1 * * * *"`, ends: succeeds, runs: counts{1, 1, 2, 2}},
		{name: "ranges, lists and names", spec: `schedule: "0-29,30-59 * 1-31 JAN-DEC sun-Sat"`, ends: succeeds, runs: counts{1, 1, 2, 2}},
		{name: "a question mark", spec: `schedule: "* * ? * *"`, ends: succeeds, runs: counts{1, 1, 2, 2}},
		{name: "a month that is not now", spec: `schedule: "* * 30 2 *"` + "\nsuspend: true"},
		{name: "@yearly", spec: `schedule: "@yearly"`},
		{name: "a zone of half an hour", spec: "timeZone: Asia/Kolkata", ends: succeeds, runs: counts{1, 1, 2, 2}},
		{name: "a zone behind UTC", spec: "timeZone: America/New_York", ends: succeeds, runs: counts{1, 1, 2, 2}},
		{name: "UTC said aloud", spec: "timeZone: Etc/UTC", ends: succeeds, runs: counts{1, 1, 2, 2}},
		{name: "labels and annotations of the jobTemplate", ends: succeeds, runs: counts{1, 1, 2, 2},
			spec: `jobTemplate: {metadata: {labels: {team: a}, annotations: {note: b, "batch.kubernetes.io/cronjob-scheduled-timestamp": never}}}`},
		{name: "annotations of the pods", ends: succeeds, runs: counts{1, 1, 2, 2},
			spec: `jobTemplate: {spec: {template: {metadata: {annotations: {note: b}}}}}`},
		{name: "the spec of the jobTemplate", runs: counts{1, 1, 2, 2}, spec: `
jobTemplate:
  spec:
    parallelism: 2
    completions: 3
    completionMode: Indexed
    backoffLimit: null
    backoffLimitPerIndex: 1
    activeDeadlineSeconds: 3600
    ttlSecondsAfterFinished: 1000
    podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [42]}}]}
    template: {spec: {containers: [{name: work, image: perl, command: [perl], env: [{name: A, value: b}]}]}}`},
		{name: "suspended runs are active ones", spec: `jobTemplate: {spec: {suspend: true}}`, runs: counts{1, 1, 2, 2}},
		{name: "runs that take too long", spec: `jobTemplate: {spec: {activeDeadlineSeconds: 2}}`, runs: counts{1, 1, 1, 1}},
	}
}

func cronPolicyScenarios() []cronScenario {
	forbid, replace := "concurrencyPolicy: Forbid", "concurrencyPolicy: Replace"
	return []cronScenario{
		{name: "Allow, long runs", spec: "concurrencyPolicy: Allow", runs: counts{1, 1, 2, 2}},
		{name: "Allow, all end at last", runs: counts{1, 1, 2, 2}, finally: endRuns(succeeds)},
		{name: "Forbid, short runs", spec: forbid, ends: succeeds, runs: counts{1, 1, 2, 2}},
		{name: "Forbid, a long run", spec: forbid, runs: counts{1, 1, 1, 1}},
		{name: "Forbid, a long run that ends", spec: forbid, runs: counts{1, 1, 1, 2}, finally: endRuns(succeeds)},
		{name: "Forbid, a long run that fails", spec: forbid, runs: counts{1, 1, 1, 2}, finally: endRuns(fails)},
		{name: "Forbid, a long run that ends in between", spec: forbid, runs: counts{1, 1, 2, 2}, between: endRuns(succeeds)},
		{name: "Forbid, a long run that ends after the deadline", spec: forbid + "\nstartingDeadlineSeconds: 10", runs: counts{1, 1, 1, 1}, finally: endRuns(succeeds)},
		{name: "Forbid, a long run that ends within the deadline", spec: forbid + "\nstartingDeadlineSeconds: 50", runs: counts{1, 1, 1, 2}, finally: endRuns(succeeds)},
		{name: "Forbid, a long run that is deleted", spec: forbid, runs: counts{1, 1, 1, 1}, finally: deleteRuns},
		{name: "Forbid, suspended runs", spec: forbid + "\njobTemplate: {spec: {suspend: true}}", runs: counts{1, 1, 1, 1}},
		{name: "Replace, short runs", spec: replace, ends: succeeds, runs: counts{1, 1, 2, 2}},
		{name: "Replace, a long run", spec: replace, runs: counts{1, 1, 1, 1}},
		{name: "Replace, a long run that ends in between", spec: replace, runs: counts{1, 1, 2, 2}, between: endRuns(succeeds)},
		{name: "a deadline that nobody misses", spec: "startingDeadlineSeconds: 30", ends: succeeds, runs: counts{1, 1, 2, 2}},
	}
}

func cronHistoryScenarios() []cronScenario {
	return []cronScenario{
		{name: "no successful run is kept", spec: "successfulJobsHistoryLimit: 0", ends: succeeds},
		{name: "one successful run is kept", spec: "successfulJobsHistoryLimit: 1", ends: succeeds, runs: counts{1, 1, 1, 1}},
		{name: "two failed runs are kept", spec: "failedJobsHistoryLimit: 2", ends: fails, runs: counts{1, 1, 2, 2}},
		{name: "no failed run is kept", spec: "failedJobsHistoryLimit: 0", ends: fails},
		{name: "the limits are counted apart", spec: "successfulJobsHistoryLimit: 1\nfailedJobsHistoryLimit: 0", ends: succeeds, runs: counts{1, 1, 1, 1}},
		{name: "runs that go on are never too many", spec: "successfulJobsHistoryLimit: 0\nfailedJobsHistoryLimit: 0", runs: counts{1, 1, 2, 2}},
		{name: "a limit that is lowered", ends: succeeds, runs: counts{1, 0, 0, 0}, between: editCron("successfulJobsHistoryLimit: 0")},
		{name: "a limit that is lowered while suspended", ends: succeeds, runs: counts{1, 0, 0, 0}, between: editCron("suspend: true\nsuccessfulJobsHistoryLimit: 0")},
		{name: "ttlSecondsAfterFinished of zero", spec: `jobTemplate: {spec: {ttlSecondsAfterFinished: 0}}`, ends: succeeds},
		{name: "a finished run that is deleted", ends: succeeds, runs: counts{1, 0, 1, 1}, between: deleteRuns},
	}
}

func cronEditScenarios() []cronScenario {
	image := `jobTemplate: {spec: {template: {spec: {containers: [{name: main, image: perl}]}}}}`
	return []cronScenario{
		{name: "a new image", ends: succeeds, runs: counts{1, 1, 2, 2}, between: editCron(image)},
		{name: "another zone", ends: succeeds, runs: counts{1, 1, 2, 2}, between: editCron("timeZone: Asia/Tokyo")},
		{name: "suspended in between", ends: succeeds, runs: counts{1, 1, 1, 1}, between: editCron("suspend: true")},
		{name: "suspended while a run goes on, which ends", runs: counts{1, 1, 1, 1}, between: editCron("suspend: true"), finally: endRuns(succeeds)},
		{name: "a schedule that becomes seldom", ends: succeeds, runs: counts{1, 1, 1, 1}, between: editCron(never)},
		{name: "resumed, with a deadline", spec: "suspend: true\nstartingDeadlineSeconds: 5", ends: succeeds, runs: counts{0, 0, 1, 1}, between: editCron("suspend: false")},
		{name: "a schedule that becomes frequent, with a deadline", spec: never + "\nstartingDeadlineSeconds: 5", ends: succeeds, runs: counts{0, 0, 1, 1},
			between: editCron(`schedule: "* * * * *"`)},
		{name: "resumed", spec: "suspend: true", ends: succeeds, runs: counts{0, 1, 2, 2}, between: editCron("suspend: false"), apart: startsNoPast, ours: counts{0, 0, 1, 1}},
		{name: "a schedule that becomes frequent", spec: never, ends: succeeds, runs: counts{0, 0, 1, 1}, between: editCron(`schedule: "* * * * *"`)},
		{name: "Forbid that becomes Allow", spec: "concurrencyPolicy: Forbid", runs: counts{1, 1, 2, 2}, between: editCron("concurrencyPolicy: Allow")},
		{name: "Allow that becomes Forbid", runs: counts{1, 1, 1, 1}, between: editCron("concurrencyPolicy: Forbid")},
	}
}

func cronHandScenarios() []cronScenario {
	background, foreground := client.PropagationPolicy(metav1.DeletePropagationBackground), client.PropagationPolicy(metav1.DeletePropagationForeground)
	return []cronScenario{
		{name: "a run that is deleted while it goes on", runs: counts{1, 0, 1, 1}, between: deleteRuns},
		{name: "deleted", runs: counts{1, 0, 0, 0}, between: deleteSchedule()},
		{name: "deleted in the background", runs: counts{1, 0, 0, 0}, between: deleteSchedule(background)},
		{name: "deleted in the foreground", runs: counts{1, 0, 0, 0}, between: deleteSchedule(foreground),
			apart: silentDeletion, ours: counts{1, 0, 0, 0}},
		{name: "deleted, its runs left", runs: counts{1, 1, 1, 1}, between: deleteSchedule(client.PropagationPolicy(metav1.DeletePropagationOrphan))},
		{name: "deleted with finished runs", ends: succeeds, runs: counts{1, 0, 0, 0}, between: deleteSchedule()},
		{name: "somebody else has the name of the first run", before: takeName, ends: succeeds, runs: counts{1, 1, 1, 1},
			between: editCron("suspend: true")}, // batch/v1 tries the name again until long after the next minute
		{name: "a run made by hand", spec: never, runs: counts{0, 1, 1, 1}, between: runByHand},
		{name: "a run made by hand that ends", spec: never + "\nsuccessfulJobsHistoryLimit: 0", runs: counts{0, 1, 1, 0}, between: runByHand, finally: endRuns(succeeds),
			apart: byHand, ours: counts{0, 1, 1, 0}},
		{name: "a run made by hand is not in the way of others", spec: "concurrencyPolicy: Forbid", ends: succeeds, runs: counts{1, 2, 3, 3}, between: runByHand},
	}
}
