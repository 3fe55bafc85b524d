package engine

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// maxTokens is how many handled tokens are remembered.
const maxTokens = 32

// seeRequests finds tokens that nobody has handled. One that is there when the
// object is created counts like any other: the operator cannot tell it from one
// that came a moment later, and "once" is then the only rule that loses nothing.
// The asked-for time is now, in whole seconds.
func (w *work) seeRequests() {
	for i := range w.o.Children { // made by somebody who crashed before he wrote it down
		if c := &w.o.Children[i]; c.Held && c.Token != "" && w.made(c) {
			w.handle(c.Token)
		}
	}
	if w.hold != nil && w.hold.state != StateSuspended {
		return
	}
	for _, token := range []string{w.spec.RunAt, w.cron.Annotations[v1alpha1.AnnotationRunAt]} {
		if token == "" || slices.Contains(w.handled, token) {
			continue
		}
		if w.exists(TokenName(w.cron.Name, token)) {
			w.handle(token)
			continue
		}
		asked := v1alpha1.QueuedRun{Time: metav1.NewTime(wholeSeconds(w.o.Now)), Reason: v1alpha1.StartRequested, Token: token}
		if !slices.ContainsFunc(w.fresh, func(q v1alpha1.QueuedRun) bool { return q.Token == token }) {
			w.fresh = append(w.fresh, asked)
		}
	}
}

// handle remembers a token, newest first.
func (w *work) handle(token string) {
	if slices.Contains(w.handled, token) {
		return
	}
	w.handled = slices.Insert(w.handled, 0, token)
	w.handled = w.handled[:min(len(w.handled), maxTokens)]
}
