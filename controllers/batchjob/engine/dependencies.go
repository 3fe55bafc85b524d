package engine

import (
	"fmt"
	"strings"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Dependency is what is known of one entry of spec.dependsOn.
type Dependency struct {
	// Name is how messages call it: its name, with its namespace where that is
	// another one.
	Name string
	// Denied is set when it is in another namespace and this operator does not
	// look across namespaces.
	Denied bool
	// Exists, and what it says of itself: Phase in one word, Ready, and Current,
	// that it says so of its present generation.
	Exists, Ready, Current bool
	Phase                  v1alpha1.Phase
	// Expression is set where a readyExpr decides, Holds is its result. Error is
	// why it has none: for now, or, where it is Bad, for ever.
	Expression, Holds, Bad bool
	Error                  string
	// Ring names the jobs of a ring of dependencies, beginning and ending with
	// this one; empty if there is none.
	Ring []string
}

// lacks says what the dependency lacks; empty if it is ready.
func (d *Dependency) lacks() string {
	switch {
	case !d.Exists:
		return "does not exist"
	case d.Expression && d.Error != "":
		return "cannot be judged by readyExpr yet: " + d.Error
	case d.Expression && d.Holds:
		return ""
	case d.Expression:
		return "does not fulfil its readyExpr"
	case !d.Current:
		return "has a spec that has not been looked at yet"
	case d.Ready:
		return ""
	case d.Phase == "":
		return "is not ready"
	}
	return "is " + string(d.Phase)
}

// dependency is what was observed of the i-th dependency; nothing, if nothing
// was.
func (w *work) dependency(i int) Dependency {
	if i < len(w.o.Dependencies) {
		return w.o.Dependencies[i]
	}
	d := &w.o.Job.Spec.DependsOn[i]
	return Dependency{Name: d.Name}
}

// hopeless: a dependency that can never be ready until a manifest changes.
func hopeless(w *work) *hold {
	for i := range w.o.Job.Spec.DependsOn {
		d := w.dependency(i)
		at := fmt.Sprintf("spec.dependsOn[%d]", i)
		h := &hold{state: StateRefused, field: at}
		switch {
		case d.Denied:
			h.reason, h.field = v1alpha1.ReasonInvalidSpec, at+".namespace"
			h.message = at + ".namespace: this operator does not look across namespaces (--no-cross-namespace-refs); " +
				"depend on a BatchJob of the same namespace"
		case d.Bad:
			h.reason, h.field = v1alpha1.ReasonInvalidExpression, at+".readyExpr"
			h.message = at + ".readyExpr: " + d.Error + "; correct the manifest to run the job"
		case len(d.Ring) > 0:
			h.reason = v1alpha1.ReasonDependencyCycle
			h.message = at + ": the jobs wait for each other in a ring: " + strings.Join(d.Ring, " -> ") +
				"; remove one of these dependencies"
		default:
			continue
		}
		return h
	}
	return nil
}

// gated tells whether the run has yet to begin. What has begun is not held by a
// dependency any more, whatever becomes of that.
func (w *work) gated() bool {
	return len(w.o.Job.Spec.DependsOn) > 0 && w.was.StartTime == nil && (w.was.Run == nil || w.was.Run.Started == nil) &&
		len(w.pods) == 0 && w.succeeded+w.failed == 0
}

func hopelessStart(w *work) *hold {
	if !w.gated() {
		return nil
	}
	return hopeless(w)
}

// waiting: a dependency is not ready at the start of the run.
func waiting(w *work) *hold {
	if !w.gated() {
		return nil
	}
	var first string
	var reasons []string
	for i := range w.o.Job.Spec.DependsOn {
		d := w.dependency(i)
		if lacks := d.lacks(); lacks != "" {
			reasons = append(reasons, d.Name+" "+lacks)
			if first == "" {
				first = d.Name
			}
		}
	}
	if first == "" {
		return nil
	}
	return &hold{state: StateWaiting, reason: v1alpha1.ReasonDependencyNotReady, field: first,
		message: fmt.Sprintf("Run %d waits for what it depends on: %s", w.run, strings.Join(reasons, "; "))}
}
