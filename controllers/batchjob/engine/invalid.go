package engine

import (
	"math"
	"strings"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/mould"
)

// invalid refuses what batch/v1's validation refuses and CEL cannot say.
//
// The size of an Indexed job counts only before the run has begun, as in
// batch/v1: an elastic job may shrink below the indexes that successPolicy names.
func invalid(w *work) *hold {
	completions := math.MaxInt
	if w.was.Run == nil || w.next.Revision != "" {
		n, _ := w.o.Job.Spec.GetCompletions()
		completions = int(n)
	}
	message := mould.Invalid(&w.o.Job.Spec, completions)
	if message == "" {
		return nil
	}
	field, _, _ := strings.Cut(message, ": ")
	return &hold{state: StateRefused, reason: v1alpha1.ReasonInvalidSpec, field: "spec." + field,
		message: "spec." + message + "; correct the manifest to run the job"}
}
