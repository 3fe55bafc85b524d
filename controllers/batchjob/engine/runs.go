package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// A run is one execution of one revision. It begins with the BatchJob, with a
// new revision of the spec or with a new token, and ends before the next one
// begins. What the engine knows about that is durable in four places:
//
//	status.revision, status.run   the current run, or the last one
//	status.next                   a revision or a token that came since then
//	status.handledRunTokens       tokens that no run is started for any more
//	status.observedGeneration     which spec all that was decided of
//
// The last makes the difference between a change of the spec and a change of
// the operator: a spec that was looked at already starts nothing, whatever it
// hashes to now. One above the generation is of an object that was restored from
// a backup with its status: its generations began anew, so nothing says that this
// spec was looked at, and its hash tells.

// compare tells whether the spec still asks for what the current run runs.
func (w *work) compare() {
	w.run = w.was.Run.Number
	seen := w.was.Revision
	if w.was.Next != nil {
		w.next.Revision, w.next.SkippedBy = w.was.Next.Revision, w.was.Next.SkippedBy
	}
	if w.next.Revision != "" {
		seen = w.next.Revision
	}
	w.edited = w.job.Generation != w.was.ObservedGeneration
	changed := w.edited && sameAlgorithm(seen, w.current.Whole)
	stands := w.next.Revision == ""
	w.revision, w.fixed, w.rules = w.was.Revision, w.was.FixedRevision, w.was.RulesRevision
	switch {
	case !changed && stands, changed && w.absorbs():
		w.next.Revision, w.next.SkippedBy = "", ""
		w.revision, w.fixed, w.rules = w.current.Whole, w.current.Fixed, w.current.Rules
	case !changed: // the same spec as before, perhaps hashed anew
		w.next.Revision = w.current.Whole
	case w.current.Whole == w.was.Revision: // it returned before the switch
		w.next.Revision, w.next.SkippedBy = "", ""
	case w.current.Whole != w.next.Revision:
		w.next.Revision, w.next.SkippedBy = w.current.Whole, ""
	}
}

// firstRun: the first pods are made before the first status write; after a
// crash in between, they tell with which revision the run began.
func (w *work) firstRun() {
	w.run, w.edited = 1, w.job.Generation != w.was.ObservedGeneration
	w.revision, w.fixed, w.rules = w.current.Whole, w.current.Fixed, w.current.Rules
	for i := range w.o.Pods {
		p := &w.o.Pods[i]
		if !w.ofRun(p) || !p.Tracked || p.Orphan || !sameAlgorithm(p.Revision, w.current.Whole) {
			continue
		}
		sized := w.job.Spec.IsIndexed() && sameButSize(p.Revision, w.current.Whole)
		if p.Revision != w.current.Whole && !sized { // a pod made for another size is of the same run
			// Of that template nothing else is known.
			w.revision, w.fixed, w.rules = p.Revision, "", ""
			w.next.Revision = w.current.Whole
		}
		return
	}
}

// ask looks for tokens. Those that are there when the first run begins belong to
// it; later ones ask for a run. One that waited and gave way to a newer one is
// done with: should a tool restore it, it starts nothing.
func (w *work) ask() {
	present := tokens(w.o.Job)
	if w.was.Run == nil {
		w.handled = present
		return
	}
	for _, token := range present {
		if !slices.Contains(w.was.HandledRunTokens, token) {
			w.asked = append(w.asked, token)
		}
	}
	if w.was.Next == nil || len(w.asked) == 0 {
		return
	}
	for _, token := range w.was.Next.RunTokens {
		if !slices.Contains(present, token) {
			w.handled = append(w.handled, token)
		}
	}
}

// maxToken is what spec.runAt may have; an annotation may be longer, and stands
// for itself in the status by its hash.
const maxToken = 253

// tokens are spec.runAt and the annotation, which are one namespace.
func tokens(job *v1alpha1.BatchJob) []string {
	var present []string
	for _, token := range []string{job.Spec.RunAt, job.Annotations[v1alpha1.AnnotationRunAt]} {
		if len(token) > maxToken {
			sum := sha256.Sum256([]byte(token))
			token = "sha256:" + hex.EncodeToString(sum[:])
		}
		if token != "" && !slices.Contains(present, token) {
			present = append(present, token)
		}
	}
	return present
}

// supersededNow: the run makes no pod any more, since its template exists
// nowhere, or since somebody asked for another run that does not wait.
func (w *work) supersededNow() bool {
	return w.next.Revision != "" || len(w.asked) > 0 && w.job.Spec.GetUpdatePolicy() == v1alpha1.UpdateReplace
}

// successor says which run follows the current one once that has ended: the
// reason for which it starts, or the policy by which a new revision starts none.
// Both are empty where nothing new is asked for. A token runs whatever revision
// the spec has, also one that rerunPolicy would not run.
func (w *work) successor() (reason v1alpha1.RunReason, skippedBy v1alpha1.RerunPolicy) {
	if w.next.Revision != "" {
		if skippedBy = w.skippedBy(); skippedBy == "" {
			return v1alpha1.RunChanged, ""
		}
	}
	if len(w.asked) > 0 {
		return v1alpha1.RunRequested, ""
	}
	return "", skippedBy
}

// skippedBy is the policy that keeps the spec's revision from being run. What
// was decided once stays, until the template changes again.
func (w *work) skippedBy() v1alpha1.RerunPolicy {
	if w.next.SkippedBy != "" {
		return w.next.SkippedBy
	}
	switch policy := w.job.Spec.GetRerunPolicy(); policy {
	case v1alpha1.RerunNever:
		return policy
	case v1alpha1.RerunOncePerRevision:
		if slices.Contains(w.was.SucceededRevisions, w.next.Revision) {
			return policy
		}
	case v1alpha1.RerunOnChange:
	}
	return ""
}

// markNext writes down what is known of the time after this run.
func (w *work) markNext(s *v1alpha1.BatchJobStatus) {
	s.Next = nil
	if w.next.Revision != "" || len(w.asked) > 0 {
		next := w.next
		next.RunTokens = slices.Clone(w.asked)
		s.Next = &next
	}
	s.HandledRunTokens = newest(maxTokens, w.handled, s.HandledRunTokens)
}

// What status remembers of former runs.
const (
	maxTokens    = 32
	maxRevisions = 100
	maxHistory   = 10
)

// newest puts what is new before what was there, each once, at most n.
func newest(n int, added, were []string) []string {
	var list []string
	for _, s := range slices.Concat(added, were) {
		if !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list[:min(n, len(list))]
}
