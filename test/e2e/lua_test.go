//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// luaTask and luaAnswer are what `argocd lua` reads and prints: see
// test/cluster/gitops/argocd.
type luaTask struct {
	Object  map[string]any `json:"object"`
	Health  string         `json:"health,omitempty"`
	Actions string         `json:"actions,omitempty"`
	Run     string         `json:"run,omitempty"`
}

type luaAnswer struct {
	Status  string `json:"status"`
	Message string `json:"message"`
	Actions []struct {
		Name     string `json:"name"`
		Disabled bool   `json:"disabled"`
	} `json:"actions"`
	Changed []map[string]any `json:"changed"`
	Error   string           `json:"error"`
}

// luaState is a state that an object can be in, and what Argo CD must make of
// it. No health is that of the run before where the generation is new.
type luaState struct {
	name   string
	status string // YAML of the object's status, of generation 2
	health string
	// cron is the health of a CronBatchJob in this state, where it can be in it.
	cron string
}

// conditions writes a status about generation 2, one "type status reason" each.
func conditions(of ...string) string {
	text := "observedGeneration: 2\nconditions:\n"
	for _, c := range of {
		f := strings.Fields(c)
		text += fmt.Sprintf("- {type: %s, status: %q, reason: %s, message: told, observedGeneration: 2}\n", f[0], f[1], f[2])
	}
	return text
}

var luaStates = []luaState{
	{"just applied, no status", "", "Progressing", "Progressing"},
	{"just applied, the CRD's default", "observedGeneration: -1\n", "Progressing", "Progressing"},
	{"succeeded, and changed since", strings.Replace(conditions("Ready True Succeeded"), "observedGeneration: 2\ncond", "observedGeneration: 1\ncond", 1), "Progressing", "Progressing"},
	{"failed, and changed since", strings.Replace(conditions("Ready False BackoffLimitExceeded", "Stalled True BackoffLimitExceeded"), "observedGeneration: 2\ncond", "observedGeneration: 1\ncond", 1), "Progressing", "Progressing"},
	{"running", conditions("Ready Unknown Progressing", "Reconciling True Progressing"), "Progressing", ""},
	{"draining the old revision", conditions("Ready Unknown Draining", "Reconciling True Draining"), "Progressing", ""},
	{"refused for now", conditions("Ready False ProgressingWithRetry", "Reconciling True ProgressingWithRetry"), "Progressing", "Progressing"},
	{"succeeded", conditions("Ready True Succeeded", "Complete True CompletionsReached"), "Healthy", ""},
	{"recorded and not run", conditions("Ready True NotRun"), "Healthy", ""},
	{"failed", conditions("Ready False BackoffLimitExceeded", "Stalled True BackoffLimitExceeded", "Failed True BackoffLimitExceeded"), "Degraded", ""},
	{"never works", conditions("Ready False PodRejected", "Stalled True PodRejected"), "Degraded", "Degraded"},
	{"suspended", conditions("Ready False Suspended", "Suspended True JobSuspended"), "Suspended", ""},
	{"waiting for a dependency", conditions("Ready False DependencyNotReady"), "Progressing", ""},
	{"scheduled", conditions("Ready True Scheduled"), "", "Healthy"},
	{"scheduled, the last run failed", conditions("Ready True Scheduled", "LastRunSucceeded False RunFailed"), "", "Healthy"},
	{"a suspended schedule", conditions("Ready True Suspended"), "", "Healthy"},
	{"past notAfter", conditions("Ready True Expired"), "", "Healthy"},
	{"a schedule that never fires", conditions("Ready False InvalidSchedule", "Stalled True InvalidSchedule"), "", "Degraded"},
}

// lua runs the chart's scripts over every state by Argo CD's own runner.
func lua(t *testing.T) {
	settings := teachings(t)
	var tasks []luaTask
	var check []func(luaAnswer) error
	ask := func(task luaTask, what string, answer func(luaAnswer) error) {
		tasks = append(tasks, task)
		check = append(check, func(a luaAnswer) error {
			if a.Error != "" {
				return fmt.Errorf("%s: %s", what, a.Error)
			}
			if err := answer(a); err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			return nil
		})
	}
	for _, kind := range []string{"BatchJob", "CronBatchJob"} {
		health, actions := settings["resource.customizations.health.batch.stint.dev_"+kind], settings["resource.customizations.actions.batch.stint.dev_"+kind]
		for _, st := range luaStates {
			want := map[string]string{"BatchJob": st.health, "CronBatchJob": st.cron}[kind]
			if want == "" {
				continue
			}
			askAbout(t, kind, st, want, health, actions, ask)
		}
	}
	for i, a := range runLua(t, tasks) {
		if err := check[i](a); err != nil {
			t.Error(err)
		}
	}
	s := &space{T: t}
	s.saw("%d answers about %d states as expected", len(tasks), len(luaStates))
}

// askAbout asks for the health, the actions, and what each of them does.
func askAbout(t *testing.T, kind string, st luaState, want, health, actions string, ask func(luaTask, string, func(luaAnswer) error)) {
	t.Helper()
	what := kind + " " + st.name
	ask(luaTask{Object: luaObject(t, kind, st, false), Health: health}, what, func(a luaAnswer) error {
		if a.Status != want {
			return fmt.Errorf("it is %s (%s), want %s", a.Status, a.Message, want)
		}
		return nil
	})
	for _, suspended := range []bool{false, true} {
		o := luaObject(t, kind, st, suspended)
		ask(luaTask{Object: o, Actions: actions}, what, func(a luaAnswer) error {
			var on []string
			for _, action := range a.Actions {
				if !action.Disabled {
					on = append(on, action.Name)
				}
			}
			slices.Sort(on)
			if other := map[bool]string{false: "suspend", true: "resume"}[suspended]; len(a.Actions) != 3 || !slices.Contains(on, other) || len(on) != 2 || !slices.Contains(on, "run-now") {
				return fmt.Errorf("suspended %t, the actions are %v", suspended, a.Actions)
			}
			return nil
		})
	}
	for action, done := range map[string]func(spec, annotations map[string]any) bool{
		"run-now": func(_, annotations map[string]any) bool { return annotations[v1alpha1.AnnotationRunAt] != nil },
		"suspend": func(spec, _ map[string]any) bool { return spec["suspend"] == true },
		"resume":  func(spec, _ map[string]any) bool { return spec["suspend"] == false },
	} {
		ask(luaTask{Object: luaObject(t, kind, st, action == "resume"), Actions: actions, Run: action}, what+", "+action, func(a luaAnswer) error {
			if len(a.Changed) != 1 {
				return fmt.Errorf("it changes %d objects", len(a.Changed))
			}
			spec, _ := a.Changed[0]["spec"].(map[string]any)
			metadata, _ := a.Changed[0]["metadata"].(map[string]any)
			annotations, _ := metadata["annotations"].(map[string]any)
			if !done(spec, annotations) {
				return fmt.Errorf("it makes %v", a.Changed[0])
			}
			return nil
		})
	}
}

func luaObject(t *testing.T, kind string, st luaState, suspended bool) map[string]any {
	t.Helper()
	w := quick("BatchJob", "one", v1)
	text := w.String()
	if kind == "CronBatchJob" {
		text = w.scheduled("0 3 * * *")
	}
	o, status := map[string]any{}, map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &o); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(st.status), &status); err != nil {
		t.Fatal(err)
	}
	o["metadata"].(map[string]any)["generation"] = 2
	if suspended {
		o["spec"].(map[string]any)["suspend"] = true
	}
	if st.status != "" {
		o["status"] = status
	}
	return o
}

func runLua(t *testing.T, tasks []luaTask) []luaAnswer {
	t.Helper()
	in, err := json.Marshal(tasks)
	if err != nil {
		t.Fatal(err)
	}
	out, err := command(t.Context(), string(in), filepath.Join(os.Getenv("STINT_GITOPS"), "argocd"), "lua")
	if err != nil {
		t.Fatalf("argocd lua: %v\n%s", err, out)
	}
	var answers []luaAnswer
	if err := json.Unmarshal([]byte(out), &answers); err != nil || len(answers) != len(tasks) {
		t.Fatalf("%d answers to %d questions, %v:\n%s", len(answers), len(tasks), err, out)
	}
	return answers
}
