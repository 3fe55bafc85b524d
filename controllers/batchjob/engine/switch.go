package engine

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// maxRecord is how long the message in a record of the history may be.
const maxRecord = 1024

// perRun are the conditions that speak of one run.
var perRun = []string{v1alpha1.ConditionComplete, v1alpha1.ConditionFailed, v1alpha1.ConditionFailureTarget,
	v1alpha1.ConditionSuccessCriteriaMet, v1alpha1.ConditionStalled}

// change turns the last status of a run into the first of the next one. It is
// the one write that switches runs: before it nothing of the new run exists,
// after it nothing of the old one is looked at again.
func (w *work) change(s *v1alpha1.BatchJobStatus) {
	ended := w.record(s)
	s.History = slices.Insert(slices.Clone(s.History), 0, ended)
	s.History = s.History[:min(maxHistory, len(s.History))]
	if ended.Outcome == v1alpha1.RunComplete { // also one that an older operator saw
		s.SucceededRevisions = newest(maxRevisions, []string{ended.Revision}, s.SucceededRevisions)
	}
	s.HandledRunTokens = newest(maxTokens, w.asked, s.HandledRunTokens)
	s.Next = nil

	s.Run = &v1alpha1.RunStatus{Number: w.run + 1, Reason: w.starts}
	s.Revision, s.FixedRevision, s.RulesRevision = w.current.Whole, w.current.Fixed, w.current.Rules
	s.Active, s.Ready, s.Terminating, s.Succeeded, s.Failed = 0, new(int32(0)), new(int32(0)), 0, 0
	s.CompletedIndexes, s.FailedIndexes = "", nil
	s.UncountedTerminatedPods, s.Backoff = &v1alpha1.UncountedTerminatedPods{}, nil
	s.StartTime, s.CompletionTime = nil, nil
	for _, t := range perRun {
		meta.RemoveStatusCondition(&s.Conditions, t)
	}
	w.markSuspended(s)
	w.plan.Outcome = Outcome{State: StateRunning, Idle: true}
	if h := suspended(w); h != nil {
		w.plan.Outcome = h.outcome()
	}
}

// record is what stays of a run.
func (w *work) record(s *v1alpha1.BatchJobStatus) v1alpha1.RunRecord {
	r := v1alpha1.RunRecord{Run: w.run, Revision: w.revision, Outcome: v1alpha1.RunSuperseded, Message: w.supersededBy(),
		End: new(metav1.NewTime(w.o.Now)), Start: s.StartTime, Succeeded: s.Succeeded, Failed: s.Failed}
	if s.Run != nil {
		r.Reason = s.Run.Reason
		if s.Run.Started != nil {
			r.Start = s.Run.Started
		}
	}
	for t, outcome := range map[string]v1alpha1.RunOutcome{
		v1alpha1.ConditionComplete: v1alpha1.RunComplete, v1alpha1.ConditionFailed: v1alpha1.RunFailed,
	} {
		if c := meta.FindStatusCondition(s.Conditions, t); c != nil && c.Status == metav1.ConditionTrue {
			r.Outcome, r.Message, r.End = outcome, shorten(c.Reason+": "+c.Message, maxRecord), new(c.LastTransitionTime)
		}
	}
	return r
}

// supersededBy says what ended a run that had reached no verdict.
func (w *work) supersededBy() string {
	if w.next.Revision != "" {
		return fmt.Sprintf("%s: the spec changed to revision %s", v1alpha1.ReasonSuperseded, w.next.Revision)
	}
	return shorten(fmt.Sprintf("%s: another run was asked for with token %s", v1alpha1.ReasonSuperseded, quoted(w.asked)), maxRecord)
}

// shorten cuts s to at most n bytes, at the end of a character.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	const ellipsis = "…"
	return strings.ToValidUTF8(s[:n-len(ellipsis)], "") + ellipsis
}

// former looks after a pod of an earlier run. That was counted to the last pod
// when it ended, so this one is one of its ended pods, kept for its log, or came
// late: made by an operator that did not know of the switch, it has no business
// and counts as nothing.
func (w *work) former(p *Pod) {
	switch {
	case p.active() && p.Tracked:
		w.plan.Drop = append(w.plan.Drop, p.PodRef)
	case p.active():
		w.plan.Delete = append(w.plan.Delete, p.PodRef)
	case p.Tracked:
		w.release(p)
	case !p.Deleting && !p.Foreign && w.tooOld(p) && len(w.plan.Delete) < maxChanges:
		w.plan.Delete = append(w.plan.Delete, p.PodRef)
	}
	if !p.ended() {
		w.leftover = p
	}
}

// tooOld: podHistoryLimit keeps the pods of so many runs before the current one.
func (w *work) tooOld(p *Pod) bool {
	return p.Run+int64(w.o.Job.Spec.GetPodHistoryLimit()) < w.run
}

// leftovers: a pod of an earlier run is still there. Two runs never have pods at
// the same time.
func leftovers(w *work) *hold {
	p := w.leftover
	if p == nil {
		return nil
	}
	return &hold{state: StateDraining, reason: v1alpha1.ReasonDraining, field: p.Name, message: fmt.Sprintf(
		"Run %d waits for pod %s of run %d to end", w.run, w.place(p), p.Run)}
}
