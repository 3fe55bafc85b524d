//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// badSchedules are what the schema lets pass and nothing can come of.
var badSchedules = []struct {
	name, spec, reason string
	words              []string
}{
	{"never", `schedule: "0 0 31 2 *"`, "InvalidSchedule", []string{"spec.schedule: ", "never fires", "change day of month"}},
	{"range", `schedule: "61 * * * *"`, "InvalidSchedule", []string{"spec.schedule: ", "minute: ", "use 0 to 59"}},
	{"reboot", `schedule: "@reboot"`, "InvalidSchedule", []string{"spec.schedule: ", "use @yearly"}},
	{"second", "schedule: null\nschedules: ['@daily', '0 0 31 4 *']", "InvalidSchedule", []string{"spec.schedules[1]: "}},
	{"zone", `timeZone: Europe/Atlantis`, "UnknownTimeZone", []string{"spec.timeZone: ", "Europe/Atlantis", "check the spelling"}},
	{"covered", `blackouts: [{schedule: "* * * * *", duration: 2m}]`, "InvalidBlackout", []string{"spec.blackouts: ", "shorten or remove"}},
	{"window", `blackouts: [{schedule: "61 * * * *", duration: 1m}]`, "InvalidBlackout", []string{"spec.blackouts[0].schedule: ", "use 0 to 59"}},
	{"image", `jobTemplate: {spec: {template: {spec: {containers: [{name: main}]}}}}`, "PodRejected",
		[]string{"spec.jobTemplate.spec.template: ", "spec.containers[0].image: Required value", "correct the manifest"}},
	{"label", `jobTemplate: {metadata: {labels: {"a b": c}}}`, "JobRejected",
		[]string{"spec.jobTemplate: ", "metadata.labels", "correct the manifest"}},
	{"container", `jobTemplate: {spec: {podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {containerName: nobody, operator: In, values: [1]}}]}}}`,
		"InvalidSpec", []string{"spec.jobTemplate.spec.podFailurePolicy.rules[0].onExitCodes.containerName: ", `"nobody"`}},
	{"indexes", `jobTemplate: {spec: {completionMode: Indexed, completions: 2, successPolicy: {rules: [{succeededIndexes: "1-2"}]}}}`,
		"InvalidSpec", []string{"spec.jobTemplate.spec.successPolicy.rules[0].succeededIndexes: ", "below completions"}},
	{"expression", `jobTemplate: {spec: {dependsOn: [{name: d, readyExpr: "1 + 1"}]}}`,
		"InvalidExpression", []string{"spec.jobTemplate.spec.dependsOn[0].readyExpr: ", "not a bool"}},
}

// TestCronBadInput: Stalled names field, fault and remedy; nothing is asked of
// the API server after that; a correct edit heals it at once.
func TestCronBadInput(t *testing.T) {
	t.Parallel()
	w := newTimetable(t)
	for _, c := range badSchedules {
		w.plan(c.name, c.spec)
	}
	for _, c := range badSchedules {
		w.says(c.name, v1alpha1.ConditionStalled, "True/"+c.reason, c.words...)
	}
	w.quiet(3 * time.Second)
	for _, c := range badSchedules {
		w.edit(c.name, `{"spec": {"schedule": "@yearly", "schedules": null, "timeZone": null, "blackouts": null, "jobTemplate": {"metadata": null, "spec": {
			"podFailurePolicy": null, "successPolicy": null, "dependsOn": null,
			"template": {"spec": {"containers": [{"name": "main", "image": "busybox"}]}}}}}}`)
		since := time.Now()
		cron := w.says(c.name, v1alpha1.ConditionReady, "True/Scheduled", "next run at ")
		if took := time.Since(since); took > 5*time.Second {
			t.Errorf("%s: healed after %s", c.name, took)
		}
		if len(cron.Status.Conditions) != 1 || cron.Status.NextScheduleTime == nil {
			t.Errorf("%s, healed: %+v", c.name, cron.Status)
		}
	}
	w.quiet(time.Second)
}

// quiet waits until the operator has nothing to say, and then counts what it
// asks of the API server for a while.
func (w *timetable) quiet(while time.Duration) {
	w.t.Helper()
	time.Sleep(time.Second)
	before := w.requests.Load()
	time.Sleep(while)
	if n := w.requests.Load() - before; n > 0 {
		w.t.Errorf("%d requests in %s with nothing to do", n, while)
	}
}

// TestCronStarts: a time starts when it is due, as batch/v1 names and marks it;
// its end is counted, and history keeps as many as it may.
func TestCronStarts(t *testing.T) {
	t.Parallel()
	w := newTimetable(t)
	w.plan("c", "schedule: '*/2 * * * * *'\nsuccessfulJobsHistoryLimit: 1\nfailedJobsHistoryLimit: 0\nconcurrencyPolicy: Forbid\n"+
		"jobTemplate: {metadata: {labels: {team: a}, annotations: {note: b}}}")
	for i, end := range []string{v1alpha1.ConditionComplete, v1alpha1.ConditionComplete, v1alpha1.ConditionFailed} {
		job := &w.awaitRuns("c", 1)[0]
		marked(t, job, i == 0)
		w.end(job, end)
		w.until("c", "the end of "+job.Name, func(c *v1alpha1.CronBatchJob) error {
			if c.Status.LastSuccessfulTime == nil || (end == v1alpha1.ConditionFailed) != (c.Status.ConsecutiveFailures == 1) {
				return fmt.Errorf("status %+v", c.Status)
			}
			return nil
		})
	}
	w.says("c", v1alpha1.ConditionLastRunSucceeded, "False/RunFailed", "as the test wants")
	cron := w.says("c", v1alpha1.ConditionReady, "True/Scheduled")
	if cron.Status.LastFailureTime == nil || cron.Status.LastResult != "Failed: Test" {
		t.Errorf("status %+v", cron.Status)
	}
	w.edit("c", `{"spec": {"suspend": true}}`)
	w.says("c", v1alpha1.ConditionReady, "True/Suspended", "spec.suspend")
	eventually(t, soon, "one ended run is left", func(ctx context.Context) error {
		runs, err := w.runs(ctx, "c")
		ended := slices.DeleteFunc(runs, func(j v1alpha1.BatchJob) bool { return len(j.Status.Conditions) == 0 })
		if len(ended) != 1 || len(ended[0].Finalizers) > 0 {
			return errors.Join(err, fmt.Errorf("there are %d", len(ended)))
		}
		return err
	})
}

// marked looks at what a run carries; a fresh one is on time.
func marked(t *testing.T, job *v1alpha1.BatchJob, fresh bool) {
	t.Helper()
	nominal, err := time.Parse(time.RFC3339, job.Annotations[v1alpha1.AnnotationCronJobScheduledTimestamp])
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("c-%d", nominal.Unix())
	if nominal.Second() == 0 {
		name = fmt.Sprintf("c-%d", nominal.Unix()/60)
	}
	if late := job.CreationTimestamp.Sub(nominal); job.Name != name || fresh && (late < 0 || late > 5*time.Second) {
		t.Errorf("%s for %s, %s late; want %s", job.Name, nominal, late, name)
	}
	if owner := metav1.GetControllerOf(job); job.Labels["team"] != "a" || job.Annotations["note"] != "b" || owner == nil || owner.Name != "c" {
		t.Errorf("metadata %+v", job.ObjectMeta)
	}
}

// TestCronConcurrency: what a due time does while a run is active.
func TestCronConcurrency(t *testing.T) {
	t.Parallel()
	w := newTimetable(t)
	for _, policy := range []string{"Allow", "Forbid", "Queue", "Replace"} {
		w.plan(strings.ToLower(policy), "schedule: '* * * * * *'\nqueueLimit: 2\nconcurrencyPolicy: "+policy)
	}
	first := map[string]*v1alpha1.BatchJob{}
	for _, name := range []string{"forbid", "queue"} {
		first[name] = &w.awaitRuns(name, 1)[0]
	}
	w.until("allow", "runs beside each other", func(c *v1alpha1.CronBatchJob) error {
		if c.Status.ActiveCount < 3 {
			return fmt.Errorf("%d are active", c.Status.ActiveCount)
		}
		return nil
	})
	waits := func(name string, n int) {
		t.Helper()
		cron := w.until(name, "a queue", func(c *v1alpha1.CronBatchJob) error {
			if len(c.Status.Queue) != n || c.Status.ActiveCount != 1 {
				return fmt.Errorf("%d wait, %d active", len(c.Status.Queue), c.Status.ActiveCount)
			}
			return nil
		})
		if cron.Status.Active[0].Name != first[name].Name {
			t.Errorf("%s: %s is active, not %s", name, cron.Status.Active[0].Name, first[name].Name)
		}
		w.end(first[name], v1alpha1.ConditionComplete)
		if next := w.awaitRuns(name, 1)[0]; next.Name == first[name].Name {
			t.Errorf("%s: the run has not ended", name)
		}
	}
	waits("forbid", 1)
	waits("queue", 2)
	seen := map[string]bool{}
	eventually(t, soon, "three runs replaced each other", func(ctx context.Context) error {
		runs, err := w.runs(ctx, "replace")
		if len(runs) > 1 {
			t.Fatalf("%d runs are there", len(runs))
		}
		for i := range runs {
			seen[runs[i].Name] = true
		}
		if len(seen) < 3 {
			return fmt.Errorf("so far %v: %w", seen, err)
		}
		return err
	})
}

// TestCronCatchesUp: what comes due while the operator is away starts, each time
// once, when it is back.
func TestCronCatchesUp(t *testing.T) {
	t.Parallel()
	w := newTimetable(t)
	w.plan("c", "schedule: '* * * * * *'\nstartingDeadlineSeconds: 600")
	w.awaitRuns("c", 1)
	w.shut()
	time.Sleep(4 * time.Second)
	w.open()
	w.until("c", "caught up", func(c *v1alpha1.CronBatchJob) error {
		if last := c.Status.LastScheduleTime; last == nil || time.Since(last.Time) > 2*time.Second || c.Status.ActiveCount < 6 {
			return fmt.Errorf("last %v, %d active", last, c.Status.ActiveCount)
		}
		return nil
	})
	w.edit("c", `{"spec": {"suspend": true}}`)
	w.says("c", v1alpha1.ConditionReady, "True/Suspended")
	runs, err := w.runs(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	var times []string
	for i := range runs {
		times = append(times, runs[i].Annotations[v1alpha1.AnnotationCronJobScheduledTimestamp])
	}
	slices.Sort(times)
	for i := 1; i < len(times); i++ {
		a, _ := time.Parse(time.RFC3339, times[i-1])
		b, _ := time.Parse(time.RFC3339, times[i])
		if b.Sub(a) != time.Second {
			t.Errorf("after %s comes %s", times[i-1], times[i])
		}
	}
}

// TestCronRunNow: a token starts one run, from git or by hand, and none after a
// restart.
func TestCronRunNow(t *testing.T) {
	t.Parallel()
	w := newTimetable(t)
	w.plan("c", "schedule: '@yearly'\nrunAt: first")
	w.awaitRuns("c", 1)
	w.edit("c", `{"metadata": {"annotations": {"batch.stint.dev/runAt": "second"}}}`)
	w.awaitRuns("c", 2)
	w.edit("c", `{"metadata": {"annotations": {"batch.stint.dev/runAt": "first"}}}`)
	w.shut()
	w.open()
	w.edit("c", `{"spec": {"runAt": "second"}}`)
	w.edit("c", `{"spec": {"runAt": "third"}}`)
	runs := w.awaitRuns("c", 3)
	w.until("c", "all are written down", func(c *v1alpha1.CronBatchJob) error {
		if len(c.Status.HandledRunTokens) != 3 || c.Status.ActiveCount != 3 {
			return fmt.Errorf("status %+v", c.Status)
		}
		return nil
	})
	for i := range runs {
		if !strings.HasPrefix(runs[i].Name, "c-m") || runs[i].Annotations[v1alpha1.AnnotationRunToken] == "" {
			t.Errorf("%s: %v", runs[i].Name, runs[i].Annotations)
		}
	}
	w.quiet(time.Second)
}

// TestCronNameTaken: somebody else's BatchJob has the name of a run. It is left
// alone, the time is given up aloud, and later ones start.
func TestCronNameTaken(t *testing.T) {
	t.Parallel()
	w := newTimetable(t)
	at := time.Now().Add(3 * time.Second).Truncate(time.Second)
	if at.Second() == 0 {
		at = at.Add(time.Second)
	}
	foreign := manifest(t, minimalJob)
	foreign.SetNamespace(w.namespace)
	foreign.SetName(fmt.Sprintf("c-%d", at.Unix()))
	if err := api.Create(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	w.plan("c", fmt.Sprintf("schedules: ['%d * * * * *']\nschedule: null", at.Second()))
	w.says("c", v1alpha1.ConditionReady, "True/NameTaken", foreign.GetName(), "set spec.runAt to something new")
	w.edit("c", `{"spec": {"runAt": "instead"}}`)
	w.awaitRuns("c", 1)
	if err := api.Get(t.Context(), client.ObjectKeyFromObject(foreign), foreign); err != nil || len(foreign.GetFinalizers()) > 0 {
		t.Errorf("the foreign BatchJob: %v %v", foreign.GetFinalizers(), err)
	}
}

// TestCronGeneratedName: runs are named after the name that the API server gave.
func TestCronGeneratedName(t *testing.T) {
	t.Parallel()
	w := newTimetable(t)
	object := manifest(t, minimalCron, "spec: {schedule: '* * * * * *'}")
	object.SetName("")
	object.SetGenerateName("gen-")
	object.SetNamespace(w.namespace)
	if err := api.Create(t.Context(), object); err != nil {
		t.Fatal(err)
	}
	w.until(object.GetName(), "a run", func(c *v1alpha1.CronBatchJob) error {
		if c.Status.ActiveCount == 0 || !strings.HasPrefix(c.Status.Active[0].Name, object.GetName()+"-") {
			return fmt.Errorf("active %v", c.Status.Active)
		}
		return nil
	})
}
