package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	lua "github.com/yuin/gopher-lua"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
	"github.com/stint-dev/stint/controllers/report"
)

// customizations is argocd-cm as the chart ships it: what Argo CD reads, not
// the files that it is made of.
func customizations(t *testing.T) map[string]string {
	t.Helper()
	var cm struct{ Data map[string]string }
	text, err := os.ReadFile(chart + "/argocd/argocd-cm.yaml")
	if err == nil {
		err = yaml.Unmarshal(text, &cm)
	}
	if err != nil || len(cm.Data) != 4 {
		t.Fatalf("%v, %v", cm.Data, err)
	}
	return cm.Data
}

// runLua runs a script with what Argo CD gives to one: the base and table
// libraries, date and time of os, and the object.
func runLua(t *testing.T, script string, object any) lua.LValue {
	t.Helper()
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		t.Fatal(err)
	}
	l := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer l.Close()
	for name, open := range map[string]lua.LGFunction{lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable} {
		l.Push(l.NewFunction(open))
		l.Push(lua.LString(name))
		l.Call(1, 0)
	}
	l.PreloadModule(lua.OsLibName, func(l *lua.LState) int {
		lua.OpenOs(l)
		all, safe := l.CheckTable(-1), l.NewTable()
		for _, name := range []string{"date", "time"} {
			safe.RawSetString(name, all.RawGetString(name))
		}
		l.Push(safe)
		return 1
	})
	l.SetGlobal("obj", toLua(l, fields))
	if err := l.DoString(script); err != nil {
		t.Fatalf("%v in\n%s", err, script)
	}
	return l.Get(-1)
}

func toLua(l *lua.LState, value any) lua.LValue {
	switch v := value.(type) {
	case bool:
		return lua.LBool(v)
	case string:
		return lua.LString(v)
	case int64:
		return lua.LNumber(v)
	case float64:
		return lua.LNumber(v)
	case []any:
		list := l.NewTable()
		for _, item := range v {
			list.Append(toLua(l, item))
		}
		return list
	case map[string]any:
		table := l.NewTable()
		for key, item := range v {
			table.RawSetString(key, toLua(l, item))
		}
		return table
	}
	return lua.LNil
}

// healthOf is what Argo CD shows for an object.
func healthOf(t *testing.T, kind string, object any) (status, message string) {
	t.Helper()
	script := customizations(t)["resource.customizations.health.batch.stint.dev_"+kind]
	answer, ok := runLua(t, script, object).(*lua.LTable)
	if !ok {
		t.Fatalf("the health script of %s returns no table", kind)
	}
	return lua.LVAsString(answer.RawGetString("status")), lua.LVAsString(answer.RawGetString("message"))
}

var reportedAt = time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)

// reported is a BatchJob of generation 2 in this state, as the voice tells of it.
func reported(state engine.State, change ...func(*v1alpha1.BatchJob)) *v1alpha1.BatchJob {
	job := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Name: "migrate", Namespace: "shop", Generation: 2},
		Status: v1alpha1.BatchJobStatus{ObservedGeneration: -1}}
	outcome := engine.Outcome{State: state, Reason: v1alpha1.ReasonBackoffLimitExceeded, Message: "says why"}
	job.Status = *report.Status(reportedAt, job, engine.Plan{Status: job.Status.DeepCopy(), Outcome: outcome}, report.Done{})
	for _, do := range change {
		do(job)
	}
	return job
}

// TestHealthOfABatchJob over every state that the engine knows.
func TestHealthOfABatchJob(t *testing.T) {
	newer := func(job *v1alpha1.BatchJob) { job.Generation++ }
	for name, c := range map[string]struct {
		job  *v1alpha1.BatchJob
		want string
	}{
		"running":                        {reported(engine.StateRunning), "Progressing"},
		"backing off":                    {reported(engine.StateBackingOff), "Progressing"},
		"ending":                         {reported(engine.StateEnding), "Progressing"},
		"draining":                       {reported(engine.StateDraining), "Progressing"},
		"refused for now":                {reported(engine.StateRetrying), "Progressing"},
		"suspended":                      {reported(engine.StateSuspended), "Suspended"},
		"never works":                    {reported(engine.StateRefused), "Degraded"},
		"complete":                       {reported(engine.StateComplete), "Healthy"},
		"failed":                         {reported(engine.StateFailed), "Degraded"},
		"complete, then edited":          {reported(engine.StateComplete, newer), "Progressing"},
		"failed, then edited":            {reported(engine.StateFailed, newer), "Progressing"},
		"suspended, then edited":         {reported(engine.StateSuspended, newer), "Progressing"},
		"never works, and was corrected": {reported(engine.StateRefused, newer), "Progressing"},
		"waits for a dependency":         {waiting(), "Progressing"},
		"a revision that is not run":     {reported(engine.StateNotRun), "Healthy"},
		"new": {&v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Generation: 1},
			Status: v1alpha1.BatchJobStatus{ObservedGeneration: -1}}, "Progressing"},
		"complete, being deleted": {reported(engine.StateComplete, func(job *v1alpha1.BatchJob) {
			job.DeletionTimestamp = &metav1.Time{Time: reportedAt}
		}), "Progressing"},
	} {
		status, message := healthOf(t, "BatchJob", c.job)
		if status != c.want || message == "" {
			t.Errorf("%s: %s (%q), want %s", name, status, message, c.want)
		}
	}
	if _, message := healthOf(t, "BatchJob", reported(engine.StateFailed)); !strings.Contains(message, "says why") {
		t.Errorf("a failure does not tell why: %q", message)
	}
}

// waiting is a BatchJob that a dependency holds.
func waiting() *v1alpha1.BatchJob {
	return &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Generation: 2}, Status: v1alpha1.BatchJobStatus{ObservedGeneration: 2,
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse,
			Reason: v1alpha1.ReasonDependencyNotReady, Message: "says why"}}}}
}

// TestHealthOfACronBatchJob: it tells of the schedule and never of a run.
func TestHealthOfACronBatchJob(t *testing.T) {
	const yes, no, unknown = metav1.ConditionTrue, metav1.ConditionFalse, metav1.ConditionUnknown
	cron := func(observed int64, conditions ...metav1.Condition) *v1alpha1.CronBatchJob {
		return &v1alpha1.CronBatchJob{ObjectMeta: metav1.ObjectMeta{Generation: 2},
			Status: v1alpha1.CronBatchJobStatus{ObservedGeneration: observed, Conditions: conditions}}
	}
	is := func(kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
		return metav1.Condition{Type: kind, Status: status, Reason: reason, Message: "says why"}
	}
	scheduled := is(v1alpha1.ConditionReady, yes, v1alpha1.ReasonScheduled)
	failed := is(v1alpha1.ConditionLastRunSucceeded, no, v1alpha1.ReasonRunFailed)
	stalled := is(v1alpha1.ConditionStalled, yes, v1alpha1.ReasonInvalidSchedule)
	refused := is(v1alpha1.ConditionReady, no, v1alpha1.ReasonInvalidSchedule)
	for name, c := range map[string]struct {
		cron *v1alpha1.CronBatchJob
		want string
	}{
		"new":                            {cron(-1), "Progressing"},
		"seen, and nothing said":         {cron(2), "Progressing"},
		"scheduled":                      {cron(2, scheduled), "Healthy"},
		"expired":                        {cron(2, is(v1alpha1.ConditionReady, yes, v1alpha1.ReasonExpired)), "Healthy"},
		"scheduled, the last run failed": {cron(2, failed, scheduled), "Healthy"},
		"scheduled, then edited":         {cron(1, scheduled), "Progressing"},
		"suspended":                      {cron(2, is(v1alpha1.ConditionReady, yes, v1alpha1.ReasonSuspended)), "Healthy"},
		"suspended, the last run failed": {cron(2, failed, is(v1alpha1.ConditionReady, yes, v1alpha1.ReasonSuspended)), "Healthy"},
		"a schedule that never fires":    {cron(2, refused, stalled), "Degraded"},
		"it was corrected":               {cron(1, refused, stalled), "Progressing"},
		"no longer stalled":              {cron(2, scheduled, is(v1alpha1.ConditionStalled, no, "Healed")), "Healthy"},
		"the API refuses for now":        {cron(2, is(v1alpha1.ConditionReady, no, v1alpha1.ReasonProgressingWithRetry)), "Progressing"},
		"not decided yet":                {cron(2, is(v1alpha1.ConditionReady, unknown, v1alpha1.ReasonProgressing)), "Progressing"},
	} {
		if status, message := healthOf(t, "CronBatchJob", c.cron); status != c.want || message == "" {
			t.Errorf("%s: %s (%q), want %s", name, status, message, c.want)
		}
	}
}

// actionsOf are the actions of a kind as Argo CD reads them.
func actionsOf(t *testing.T, kind string) (discovery string, actions map[string]string) {
	t.Helper()
	var read struct {
		Discovery   string `json:"discovery.lua"`
		Definitions []struct {
			Name   string
			Action string `json:"action.lua"`
		}
	}
	if err := yaml.UnmarshalStrict([]byte(customizations(t)["resource.customizations.actions.batch.stint.dev_"+kind]), &read); err != nil {
		t.Fatal(err)
	}
	actions = map[string]string{}
	for _, d := range read.Definitions {
		actions[d.Name] = d.Action
	}
	return read.Discovery, actions
}

// TestActions: each does one thing, and is offered where it does something.
func TestActions(t *testing.T) {
	yes, no := true, false
	for _, kind := range []string{"BatchJob", "CronBatchJob"} {
		object := func(suspend *bool) any {
			if kind == "BatchJob" {
				return &v1alpha1.BatchJob{Spec: v1alpha1.BatchJobSpec{Suspend: suspend}}
			}
			return &v1alpha1.CronBatchJob{Spec: v1alpha1.CronBatchJobSpec{Suspend: suspend}}
		}
		discovery, actions := actionsOf(t, kind)
		if got := slices.Sorted(maps.Keys(actions)); !slices.Equal(got, []string{"resume", "run-now", "suspend"}) {
			t.Errorf("%s: actions %v", kind, got)
		}
		for suspend, disabled := range map[*bool]string{nil: "resume", &no: "resume", &yes: "suspend"} {
			runLua(t, discovery, object(suspend)).(*lua.LTable).ForEach(func(name, action lua.LValue) {
				if actions[name.String()] == "" {
					t.Errorf("%s: the action %s is offered and has no script", kind, name)
				}
				if off := lua.LVAsBool(action.(*lua.LTable).RawGetString("disabled")); off != (name.String() == disabled) {
					t.Errorf("%s, suspend %v: %s disabled %v", kind, suspend, name, off)
				}
			})
		}
		field := func(name string, from any, path ...string) lua.LValue {
			value := runLua(t, actions[name], from)
			for _, key := range path {
				value = value.(*lua.LTable).RawGetString(key)
			}
			return value
		}
		if got := field("suspend", object(nil), "spec", "suspend"); got != lua.LTrue {
			t.Errorf("%s: suspend gives %v", kind, got)
		}
		if got := field("resume", object(&yes), "spec", "suspend"); got != lua.LFalse {
			t.Errorf("%s: resume gives %v", kind, got)
		}
		token := field("run-now", object(nil), "metadata", "annotations", v1alpha1.AnnotationRunAt).String()
		if at, err := time.Parse(time.RFC3339, token); err != nil || time.Since(at).Abs() > time.Minute {
			t.Errorf("%s: run-now sets %q", kind, token)
		}
	}
	// What is there already stays.
	_, actions := actionsOf(t, "BatchJob")
	job := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{"a": "b"}}}
	kept := runLua(t, actions["run-now"], job).(*lua.LTable).RawGetString("metadata").(*lua.LTable).RawGetString("annotations").(*lua.LTable)
	if kept.RawGetString("a") != lua.LString("b") {
		t.Error("run-now drops other annotations")
	}
}

// TestArgoCDFilesAreWhatTheLuaSays, in both forms.
func TestArgoCDFilesAreWhatTheLuaSays(t *testing.T) {
	dir := t.TempDir()
	for _, kind := range []string{"BatchJob", "CronBatchJob"} {
		if err := os.CopyFS(filepath.Join(dir, kind), os.DirFS(filepath.Join(chart, "argocd", kind))); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeArgoCD(dir); err != nil {
		t.Fatal(err)
	}
	var values struct {
		Configs struct{ CM map[string]string }
	}
	for _, file := range []string{"argocd-cm.yaml", "values.yaml"} {
		made, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Fatal(err)
		}
		if shipped, err := os.ReadFile(filepath.Join(chart, "argocd", file)); err != nil || string(made) != string(shipped) {
			t.Errorf("%s is not what the Lua says (%v); run `make generate`", file, err)
		}
		if err := yaml.Unmarshal(made, &values); err != nil {
			t.Fatal(err)
		}
	}
	if !maps.Equal(values.Configs.CM, customizations(t)) {
		t.Error("the values of Argo CD's chart and argocd-cm differ")
	}
	if err := writeArgoCD(t.TempDir()); err == nil {
		t.Error("without its Lua there is nothing to generate: want an error")
	}
}
