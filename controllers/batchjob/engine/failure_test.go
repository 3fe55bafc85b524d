package engine_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

func because(w engine.Why) func(*engine.Pod) { return func(p *engine.Pod) { p.Why = w } }

// TestWhyAJobFailed: the condition names pod, container, exit code and the end
// of its message; the REASON column has the short form of it.
func TestWhyAJobFailed(t *testing.T) {
	for _, c := range []struct {
		name          string
		pod           engine.Pod
		message, what string
	}{
		{"an exit code", pod("f", failed, because(engine.Why{Container: "main", ExitCode: 3, Reason: "Error", Message: "no such table"})),
			`pod f: container "main" exited with code 3: no such table`, "exit 3: no such table"},
		{"killed for its memory", pod("f", failed, because(engine.Why{Container: "main", ExitCode: 137, Reason: "OOMKilled"})),
			`pod f: container "main" exited with code 137 (OOMKilled)`, "exit 137 OOMKilled"},
		{"no message", pod("f", failed, because(engine.Why{Container: "main", ExitCode: 1})),
			`pod f: container "main" exited with code 1`, "exit 1"},
		{"evicted", pod("f", failed, because(engine.Why{Reason: "Evicted", Message: "The node was low on resource: memory."})),
			`pod f: Evicted: The node was low on resource: memory.`, "Evicted"},
		{"a container without exit code", pod("f", failed, because(engine.Why{Container: "main", Reason: "ContainerCannotRun"})),
			`pod f: container "main": ContainerCannotRun`, "ContainerCannotRun"},
		{"deleted", pod("f", deleting), `pod f was deleted while it ran`, "pod deleted"},
		{"nothing is known", pod("f", failed), `pod f failed`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := decide(begun(job(limit(0))), c.pod)
			same(t, "message", plan.Outcome.Message, "Job has reached the specified backoff limit: "+c.message)
			same(t, "short", plan.Outcome.Short, c.what)
		})
	}
}

// TestTheLastFailureIsNamed, whatever the order of the list; of two at the same
// time the one with the greater name.
func TestTheLastFailureIsNamed(t *testing.T) {
	at := func(d time.Duration) func(*engine.Pod) { return ended("Failed", d) }
	other := func(p *engine.Pod) { p.Run = 7 }
	all := []engine.Pod{pod("early", at(-9*time.Second)), pod("last-b", at(-time.Second)), pod("last-a", at(-time.Second)), pod("zero", at(-8*time.Second)),
		pod("of-another-run", at(0), other), pod("success", ended("Succeeded", 0))}
	for i := range all {
		rotated := append(append([]engine.Pod{}, all[i:]...), all[:i]...)
		plan := decide(begun(job(limit(0))), rotated...)
		same(t, "message", plan.Outcome.Message, "Job has reached the specified backoff limit: pod last-b failed")
	}
}

// TestTheMostRestartedIsNamed where no pod has failed.
func TestTheMostRestartedIsNamed(t *testing.T) {
	why := because(engine.Why{Container: "main", ExitCode: 2, Reason: "Error"})
	plan := decide(begun(job(limit(4), onFailure, fixed(3, 3))), pod("a", restarts(1), why), pod("b", restarts(3), why), pod("c", restarts(2), why))
	same(t, "message", plan.Outcome.Message, `Job has reached the specified backoff limit: pod b: container "main" exited with code 2`)
}

// TestTheShortReasonFitsAColumn: 60 characters, cut between characters.
func TestTheShortReasonFitsAColumn(t *testing.T) {
	long := because(engine.Why{Container: "main", ExitCode: 1, Message: strings.Repeat("é", 400)})
	got := decide(begun(job(limit(0))), pod("f", failed, long)).Outcome.Short
	same(t, "valid UTF-8", utf8.ValidString(got), true)
	same(t, "characters", utf8.RuneCountInString(got), 60)
	same(t, "end", strings.HasSuffix(got, "é…"), true)
	exact := because(engine.Why{Container: "main", ExitCode: 1, Message: strings.Repeat("é", 52)})
	same(t, "what just fits", decide(begun(job(limit(0))), pod("f", failed, exact)).Outcome.Short, "exit 1: "+strings.Repeat("é", 52))
	lines := because(engine.Why{Container: "main", ExitCode: 1, Message: "Traceback:\n second \n last \n"})
	out := decide(begun(job(limit(0))), pod("f", failed, lines)).Outcome
	same(t, "the last line", out.Short, "exit 1: last")
	same(t, "one line", strings.HasSuffix(out.Message, "exited with code 1: Traceback: second last"), true)
}

// TestTheReasonOutlivesThePod: once the verdict is written, the words stay when
// the pods they came from are gone.
func TestTheReasonOutlivesThePod(t *testing.T) {
	why := because(engine.Why{Container: "main", ExitCode: 3, Message: "no such table"})
	j := begun(job(limit(0), fixed(2, 2)))
	plan := decide(j, pod("f", failed, why), pod("r"))
	j = wrote(j, plan)
	j.Status.Reason = plan.Outcome.Reason + ": " + plan.Outcome.Short // as the voice writes it

	for _, later := range []engine.Plan{decide(j, pod("r", deleting)), decide(j)} {
		same(t, "short", later.Outcome.Short, "exit 3: no such table")
		same(t, "message", later.Outcome.Message, plan.Outcome.Message)
		same(t, "reason", later.Outcome.Reason, v1alpha1.ReasonBackoffLimitExceeded)
	}
	done := wrote(j, decide(j))
	same(t, "short of the finished job", decide(done).Outcome, engine.Outcome{State: engine.StateFailed,
		Reason: v1alpha1.ReasonBackoffLimitExceeded, Message: plan.Outcome.Message, Short: "exit 3: no such table"})
	done.Status.Reason = "something else"
	same(t, "short where another reason was shown", decide(done).Outcome.Short, "")
}

// TestTheDeadlineHasNoCulprit: the pods did nothing wrong.
func TestTheDeadlineHasNoCulprit(t *testing.T) {
	plan := decide(begun(job(lasting(5))), pod("f", failed, because(engine.Why{Container: "main", ExitCode: 3})))
	same(t, "outcome", plan.Outcome, engine.Outcome{State: engine.StateFailed, Reason: v1alpha1.ReasonDeadlineExceeded,
		Message: "Job was active longer than specified deadline: activeDeadlineSeconds is 5"})
}
