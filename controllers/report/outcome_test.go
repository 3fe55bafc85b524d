package report_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// reading is how a state reads, by design.md's rule on conditions.
type reading struct {
	out                         engine.Outcome
	phase                       v1alpha1.Phase
	ready, reconciling, stalled string
	column, message             string
}

var readings = []reading{
	{engine.Outcome{State: engine.StateRunning}, v1alpha1.PhaseRunning, "Unknown/Progressing", "True/Progressing", "", "",
		"Run 3: 2 active, 1/5 succeeded, 0 failed"},
	{engine.Outcome{State: engine.StateRunning, Idle: true, Short: "ImagePullBackOff", Message: "pod a cannot start"}, v1alpha1.PhasePending,
		"Unknown/Progressing", "True/Progressing", "", "ImagePullBackOff", "Run 3: 2 active, 1/5 succeeded, 0 failed; pod a cannot start"},
	{engine.Outcome{State: engine.StateBackingOff, Short: "exit 3", Message: "Waiting"}, v1alpha1.PhaseRunning, "Unknown/Progressing", "True/Progressing", "",
		"BackingOff: exit 3", "Waiting"},
	{engine.Outcome{State: engine.StateEnding, Reason: "BackoffLimitExceeded", Short: "exit 3", Message: "Too many"}, v1alpha1.PhaseRunning,
		"Unknown/Progressing", "True/Progressing", "", "BackoffLimitExceeded: exit 3", "Too many; waiting for the last pods to end"},
	{engine.Outcome{State: engine.StateRetrying, Reason: "ProgressingWithRetry",
		Message: `pods "a-x1y2z" is forbidden: exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0; it is tried again`}, v1alpha1.PhaseRunning,
		"False/ProgressingWithRetry", "True/ProgressingWithRetry", "", "ProgressingWithRetry: exceeded quota: none, requested: pods=1, used: pods=0, limi…",
		`pods "a-x1y2z" is forbidden: exceeded quota: none, requested: pods=1, used: pods=0, limited: pods=0; it is tried again`},
	{engine.Outcome{State: engine.StateRetrying, Reason: "ProgressingWithRetry", Message: "the server is busy; it is tried again"}, v1alpha1.PhaseRunning,
		"False/ProgressingWithRetry", "True/ProgressingWithRetry", "", "ProgressingWithRetry: the server is busy", "the server is busy; it is tried again"},
	{engine.Outcome{State: engine.StateDraining, Reason: "Draining", Short: "a", Message: "waiting for pod a to end"}, v1alpha1.PhaseRunning,
		"Unknown/Draining", "True/Draining", "", "Draining: a", "waiting for pod a to end"},
	{engine.Outcome{State: engine.StateNotRun, Reason: "NotRun", Short: "Never", Message: "rerunPolicy is Never"}, v1alpha1.PhaseNotRun,
		"True/NotRun", "", "", "Never", "rerunPolicy is Never"},
	{engine.Outcome{State: engine.StateWaiting, Reason: "DependencyNotReady", Short: "db", Message: "waits for db"}, v1alpha1.PhaseWaiting,
		"False/DependencyNotReady", "", "", "DependencyNotReady: db", "waits for db"},
	{engine.Outcome{State: engine.StateSuspended, Reason: "Suspended", Message: "spec.suspend is true"}, v1alpha1.PhaseSuspended,
		"False/Suspended", "", "", "", "spec.suspend is true"},
	{engine.Outcome{State: engine.StateRefused, Reason: "InvalidSpec", Short: "spec.runAt", Message: "spec.runAt: no"}, v1alpha1.PhaseStalled,
		"False/InvalidSpec", "", "True/InvalidSpec", "InvalidSpec: spec.runAt", "spec.runAt: no"},
	{engine.Outcome{State: engine.StateComplete, Reason: "CompletionsReached", Message: "Reached"}, v1alpha1.PhaseComplete, "True/Succeeded", "", "", "",
		"Run 3 succeeded: 1/5 pods in "},
	{engine.Outcome{State: engine.StateFailed, Reason: "DeadlineExceeded", Message: "Too long"}, v1alpha1.PhaseFailed, "False/DeadlineExceeded", "",
		"True/DeadlineExceeded", "DeadlineExceeded", "Too long"},
	{engine.Outcome{State: engine.StateFailed, Reason: "BackoffLimitExceeded", Short: "exit 1", Message: "pod f"}, v1alpha1.PhaseFailed,
		"False/BackoffLimitExceeded", "", "True/BackoffLimitExceeded", "BackoffLimitExceeded: exit 1", "pod f"},
}

// unwritten states have no status that is ours to write.
var unwritten = []engine.State{engine.StateForeign, engine.StateGone}

// TestReadings: each state reads one way, whatever the job read before.
func TestReadings(t *testing.T) {
	for _, r := range readings {
		for _, before := range readings {
			j := job(fixed(2, 5))
			j.Status = *status(j, before.out, counts)
			s := status(j, r.out)
			what := string(r.out.State) + " after " + string(before.out.State)
			same(t, what+": phase", s.Phase, r.phase)
			same(t, what+": Ready", said(s, v1alpha1.ConditionReady), r.ready)
			same(t, what+": Reconciling", said(s, v1alpha1.ConditionReconciling), r.reconciling)
			same(t, what+": Stalled", said(s, v1alpha1.ConditionStalled), r.stalled)
			same(t, what+": column", s.Reason, r.column)
			same(t, what+": message", message(s, v1alpha1.ConditionReady), r.message)
			for _, c := range s.Conditions {
				same(t, what+": message of "+c.Type, c.Message, r.message)
			}
		}
	}
}

func counts(s *v1alpha1.BatchJobStatus) {
	s.Active, s.Succeeded = 2, 1
}

// TestEveryStateHasAReading, also one that somebody adds.
func TestEveryStateHasAReading(t *testing.T) {
	states := statesOf(t, "../batchjob/engine/plan.go")
	if len(states) < 10 {
		t.Fatalf("found only %v", states)
	}
	for _, state := range states {
		read := slices.Contains(unwritten, state) || slices.ContainsFunc(readings, func(r reading) bool { return r.out.State == state })
		if !read {
			t.Errorf("engine.State%s: say how it reads in outcome.go and here", state)
		}
	}
}

// statesOf are the constants of type State.
func statesOf(t *testing.T, file string) (states []engine.State) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typed, ok := spec.Type.(*ast.Ident); ok && typed.Name == "State" {
			for _, v := range spec.Values {
				if literal, ok := v.(*ast.BasicLit); ok {
					value, _ := strconv.Unquote(literal.Value)
					states = append(states, engine.State(value))
				}
			}
		}
		return true
	})
	return states
}

// TestReasonsAreAccepted by the API's pattern for the reason of a condition.
func TestReasonsAreAccepted(t *testing.T) {
	pattern := regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`)
	for _, r := range readings {
		for _, c := range status(job(), r.out).Conditions {
			if !pattern.MatchString(c.Reason) {
				t.Errorf("%s: %s has the reason %q", r.out.State, c.Type, c.Reason)
			}
		}
	}
}

// TestPaused: nobody wonders why a job with parallelism 0 does nothing.
func TestPaused(t *testing.T) {
	s := status(job(fixed(0, 5)), engine.Outcome{State: engine.StateRunning})
	same(t, "message", message(s, v1alpha1.ConditionReady),
		"Run 3: 0 active, 0/5 succeeded, 0 failed; spec.parallelism is 0: no pod is created until it is raised")
}
