package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// TestDecideOnRandomObservations: whatever is observed, Decide answers, the same
// each time, and its plan keeps the laws.
func TestDecideOnRandomObservations(t *testing.T) {
	for seed := range uint64(8_000) {
		if tryOne(t, seed); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func FuzzDecide(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(tryOne)
}

func tryOne(t *testing.T, seed uint64) {
	o := dice{rand.New(rand.NewPCG(seed, 1))}.observed()
	before := clone(o)
	plan := engine.Decide(o)
	same(t, "the observation", o, before)
	same(t, "the plan made again", engine.Decide(clone(o)), plan)
	look := look{&before, &plan}
	for _, wrong := range slices.Concat(look.orders(), look.creates(), look.counts(), look.status(), look.times()) {
		t.Errorf("%s", wrong)
	}
	if t.Failed() {
		t.Logf("observed: %s\nplan: %s", cmp.Diff(engine.Observed{}, before), cmp.Diff(engine.Plan{}, plan))
	}
}

// clone shares nothing with its argument.
func clone(o engine.Observed) engine.Observed {
	o.Job = o.Job.DeepCopy()
	o.Pods, o.Strays = slices.Clone(o.Pods), slices.Clone(o.Strays)
	for i := range o.Pods {
		o.Pods[i].Exits, o.Pods[i].Conditions = slices.Clone(o.Pods[i].Exits), slices.Clone(o.Pods[i].Conditions)
	}
	return o
}

// look is an observation and the plan that was made for it. Its methods say what
// is wrong with the plan.
type look struct {
	o *engine.Observed
	p *engine.Plan
}

// complaints collects what is wrong.
type complaints []string

func (c *complaints) when(bad bool, format string, args ...any) {
	if bad {
		*c = append(*c, fmt.Sprintf(format, args...))
	}
}
