package engine_test

import (
	"testing"
	"time"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

func asIndexed(s *v1alpha1.BatchJobSpec) { s.CompletionMode = new(v1alpha1.IndexedCompletion) }

// indexed is a job with so many pods at a time and so many indexes.
func indexed(parallelism, completions int32, change ...func(*v1alpha1.BatchJob)) *v1alpha1.BatchJob {
	return job(append([]func(*v1alpha1.BatchJob){fixed(parallelism, completions), spec(asIndexed)}, change...)...)
}

func perIndex(limit int32) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { s.BackoffLimitPerIndex = &limit })
}

func index(i int) func(*engine.Pod) { return func(p *engine.Pod) { p.Index = i } }

func attempt(failures, ignored int32) func(*engine.Pod) {
	return func(p *engine.Pod) { p.IndexFailures, p.IndexIgnored = failures, ignored }
}

func completedIndexes(set string) func(*v1alpha1.BatchJobStatus) {
	return func(s *v1alpha1.BatchJobStatus) { s.CompletedIndexes = set }
}

func failedIndexes(set string) func(*v1alpha1.BatchJobStatus) {
	return func(s *v1alpha1.BatchJobStatus) { s.FailedIndexes = &set }
}

func indexesOf(p engine.Plan) []int {
	var out []int
	for _, order := range p.Create {
		out = append(out, order.Index)
	}
	return out
}

// TestTheLowestIndexesFirst: those that are neither done nor busy.
func TestTheLowestIndexesFirst(t *testing.T) {
	for _, c := range []struct {
		name string
		job  *v1alpha1.BatchJob
		pods []engine.Pod
		want []int
	}{
		{"the first", begun(indexed(3, 9)), nil, []int{0, 1, 2}},
		{"the gap", begun(indexed(3, 9)), []engine.Pod{pod("a", index(0)), pod("b", index(2))}, []int{1}},
		{"what is written down is done", begun(indexed(3, 9), completedIndexes("0,2-4")), nil, []int{1, 5, 6}},
		{"what has just succeeded is done", begun(indexed(2, 9)), pods("s", 1, succeeded, index(0)), []int{1, 2}},
		{"the last ones", begun(indexed(5, 6), completedIndexes("0-3")), nil, []int{4, 5}},
		{"a failed one again", begun(indexed(2, 9, delays(0, 0))), pods("f", 1, failed, index(0)), []int{0, 1}},
		{"a deleted one again", begun(indexed(2, 9, delays(0, 0))), pods("d", 1, deleting, index(0)), []int{0, 1}},
		{"a deleted one holds its index under Failed", begun(indexed(3, 9, replacing(v1alpha1.Failed))), pods("d", 1, deleting, index(0)), []int{1, 2}},
		{"pods without index hold none", begun(indexed(1, 9)), pods("x", 1, index(-1), succeeded), []int{0}},
	} {
		plan := decide(c.job, c.pods...)
		same(t, c.name, indexesOf(plan), c.want)
		for _, order := range plan.Create {
			same(t, c.name+": the order tells the index", order.Indexed, true)
		}
	}
}

// TestASuccessIsItsIndex: it is written once, never stands among the uncounted,
// and its pod is let go once the index has been read back.
func TestASuccessIsItsIndex(t *testing.T) {
	j := begun(indexed(2, 5))
	p, twin := pod("a", succeeded, index(1)), pod("b", succeeded, index(1))
	plan := decide(j, p, pod("r", index(0)))
	same(t, "completedIndexes", plan.Status.CompletedIndexes, "1")
	same(t, "succeeded", plan.Status.Succeeded, int32(1))
	checkUncounted(t, plan, 0, 0)
	same(t, "released before it is durable", plan.Release, []engine.PodRef(nil))

	plan = decide(wrote(j, plan), p, twin, pod("r", index(0)))
	same(t, "released", names(plan.Release), []string{"a", "b"})
	same(t, "succeeded", plan.Status.Succeeded, int32(1))

	plan = decide(wrote(j, plan), pod("c", succeeded, index(1), released))
	same(t, "succeeded", plan.Status.Succeeded, int32(1))
	same(t, "completedIndexes", plan.Status.CompletedIndexes, "1")
	checkCounts(t, plan, 1, 0)
}

// TestAPodThatExitsWith0AfterItWasCounted as failed stays a failure: it was
// deleted, and its container ended well when it was told to.
func TestAPodThatExitsWith0AfterItWasCounted(t *testing.T) {
	for name, j := range map[string]*v1alpha1.BatchJob{"one limit": indexed(2, 2), "a limit per index": indexed(2, 2, perIndex(0))} {
		j = begun(j)
		plan := decide(j, pod("a", deleting, index(0)), pod("b", index(1)))
		checkUncounted(t, plan, 0, 1)
		j = wrote(j, plan)
		plan = decide(j, pod("a", deleting, succeeded, index(0)), pod("b", index(1)))
		same(t, name+": released", names(plan.Release), []string{"a"})
		same(t, name+": completedIndexes", plan.Status.CompletedIndexes, "")
		plan = decide(wrote(j, plan), pod("b", index(1)))
		checkCounts(t, plan, 0, 1)
		if plan.Status.FailedIndexes != nil {
			same(t, name+": failedIndexes", *plan.Status.FailedIndexes, "0")
		}
	}
	late := decide(begun(indexed(2, 3, perIndex(0)), failedIndexes("0")), pod("twin", succeeded, index(0)), pod("b", index(1)))
	same(t, "a success of a failed index", late.Status.CompletedIndexes, "")
}

// TestPodsOutsideTheIndexes count for nothing and are removed.
func TestPodsOutsideTheIndexes(t *testing.T) {
	plan := decide(begun(indexed(3, 3, limit(0))), pod("none", index(-1)), pod("above", index(3)), pod("a", index(0)),
		pod("f", failed, index(7)), pod("s", succeeded, index(-1)))
	same(t, "dropped", names(plan.Drop), []string{"none", "above"})
	same(t, "released", names(plan.Release), []string{"f", "s"})
	checkCounts(t, plan, 0, 0)
	checkUncounted(t, plan, 0, 0)
}

// TestTwoPodsOfOneIndex: the one that has done more stays.
func TestTwoPodsOfOneIndex(t *testing.T) {
	three := []engine.Pod{pod("p", pending, index(0)), pod("best", index(0)), pod("young", index(0), func(p *engine.Pod) { p.Created = now })}
	for turn := range three {
		all := append(append([]engine.Pod{pod("other", index(1))}, three[turn:]...), three[:turn]...)
		plan := decide(begun(indexed(4, 9)), all...)
		dropped := names(plan.Drop)
		if len(dropped) != 2 || dropped[0] == "best" || dropped[1] == "best" {
			t.Errorf("dropped %v, wanted p and young", dropped)
		}
		same(t, "created in the same plan", len(plan.Create), 0)
	}
}

// TestIndexedVerdicts: all indexes done, or, with a back-off of their own, all
// ended and some failed.
func TestIndexedVerdicts(t *testing.T) {
	for _, c := range []verdictCase{
		{"all done", begun(indexed(2, 3), completedIndexes("0,1")), pods("s", 1, succeeded, index(2)), complete, v1alpha1.ReasonCompletionsReached},
		{"one is left", begun(indexed(2, 3), completedIndexes("0")), pods("s", 1, succeeded, index(2)), goesOn, ""},
		{"one twice is one", begun(indexed(2, 2)), pods("s", 2, succeeded, index(0)), goesOn, ""},
		{"backoffLimit", begun(indexed(2, 3, limit(0))), pods("f", 1, failed, index(0)), fails, v1alpha1.ReasonBackoffLimitExceeded},
		{"some failed", begun(indexed(2, 3, perIndex(0)), completedIndexes("0,1")), pods("f", 1, failed, index(2)), fails, v1alpha1.ReasonFailedIndexes},
		{"some failed, others go on", begun(indexed(2, 3, perIndex(0)), completedIndexes("0")), pods("f", 1, failed, index(2)), goesOn, ""},
		{"all failed", begun(indexed(2, 2, perIndex(0)), failedIndexes("0")), pods("f", 1, failed, index(1)), fails, v1alpha1.ReasonFailedIndexes},
		{"a failure that is not one too many", begun(indexed(2, 2, perIndex(1)), completedIndexes("0")), pods("f", 1, failed, index(1)), goesOn, ""},
		{"one too many", begun(indexed(2, 2, perIndex(1)), completedIndexes("0")), pods("f", 1, failed, index(1), attempt(1, 0)), fails, v1alpha1.ReasonFailedIndexes},
		{"too many failed", begun(indexed(2, 9, perIndex(0), maxFailed(1)), failedIndexes("4")), pods("f", 1, failed, index(1)), fails, v1alpha1.ReasonMaxFailedIndexesExceeded},
		{"as many failed as allowed", begun(indexed(2, 9, perIndex(0), maxFailed(2)), failedIndexes("4")), pods("f", 1, failed, index(1)), goesOn, ""},
		{"none may fail", begun(indexed(2, 9, perIndex(0), maxFailed(0))), pods("f", 1, failed, index(1)), fails, v1alpha1.ReasonMaxFailedIndexesExceeded},
		{"too many beats some", begun(indexed(2, 2, perIndex(0), maxFailed(0)), completedIndexes("0")), pods("f", 1, failed, index(1)), fails, v1alpha1.ReasonMaxFailedIndexesExceeded},
		{"the deadline beats failed indexes", begun(indexed(2, 2, perIndex(0), lasting(1)), completedIndexes("0")), pods("f", 1, failed, index(1)), fails, v1alpha1.ReasonDeadlineExceeded},
		{"no limit of all failures with one per index", begun(indexed(2, 9, perIndex(0)), counted(0, 500)), nil, goesOn, ""},
		{"both limits", begun(indexed(2, 9, perIndex(5), limit(1)), counted(0, 1)), pods("f", 1, failed, index(1)), fails, v1alpha1.ReasonBackoffLimitExceeded},
	} {
		c.run(t)
	}
}

func maxFailed(n int32) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { s.MaxFailedIndexes = &n })
}

// TestAnIndexsOwnBackoff: the failed pod holds the count until its replacement
// carries it on; other indexes do not wait.
func TestAnIndexsOwnBackoff(t *testing.T) {
	j := begun(indexed(2, 3, perIndex(9)))
	f := pod("f", ended("Failed", -time.Second), index(0), attempt(1, 1))
	plan := decide(j, f)
	same(t, "indexes created", indexesOf(plan), []int{1})
	same(t, "wake: 10 s doubled twice, from the end", plan.Wake, after(39*time.Second))
	checkUncounted(t, plan, 0, 0)
	same(t, "failedIndexes", *plan.Status.FailedIndexes, "")

	later := decideAt(after(39*time.Second), j, f)
	same(t, "the replacement", []any{later.Create[0].Index, later.Create[0].Failures, later.Create[0].Ignored, later.Create[0].CountsFailures}, []any{0, int32(2), int32(1), true})
	checkUncounted(t, later, 0, 0)

	replaced := decide(j, f, pod("n", index(0), attempt(2, 1)))
	checkUncounted(t, replaced, 0, 1)
	same(t, "released", replaced.Release, []engine.PodRef(nil))

	again := decide(wrote(j, replaced), f, pod("n", index(0), attempt(2, 1), foreign))
	same(t, "released with the replacement given up", again.Release, []engine.PodRef(nil))
	checkUncounted(t, again, 0, 1)
	again = decideAt(after(39*time.Second), wrote(j, replaced), f)
	same(t, "another replacement", []any{again.Create[0].Index, again.Create[0].Failures}, []any{0, int32(2)})
	same(t, "released before it exists", again.Release, []engine.PodRef(nil))

	closing := engine.Decide(engine.Observed{Now: now, Job: j, Pods: []engine.Pod{f}, Closing: true})
	checkUncounted(t, closing, 0, 1)
}

// TestAHeldPodAsksForItsNamespace: where it is being deleted already, nothing
// else tells that its namespace goes and no replacement can come.
func TestAHeldPodAsksForItsNamespace(t *testing.T) {
	stopped := begun(indexed(2, 3, perIndex(9), spec(func(s *v1alpha1.BatchJobSpec) { s.Suspend = new(true) })))
	f := pod("f", failed, deleting, index(0))
	for _, c := range []struct {
		name string
		pod  engine.Pod
		want time.Time
	}{
		{"held and being deleted", f, after(time.Minute)},
		{"held: its deletion is an event", pod("f", failed, index(0)), time.Time{}},
		{"not held by us", pod("f", failed, deleting, released, index(0)), time.Time{}},
		{"one that has succeeded", pod("f", succeeded, deleting, index(0)), time.Time{}},
	} {
		same(t, c.name, decide(stopped, c.pod).Wake, c.want)
	}
	closing := engine.Decide(engine.Observed{Now: now, Job: stopped, Pods: []engine.Pod{f}, Closing: true})
	same(t, "the namespace goes", closing.Wake, time.Time{})
}

// TestTheHeldFailureIsTheLastOne of its index; the earlier ones are counted.
func TestTheHeldFailureIsTheLastOne(t *testing.T) {
	first := pod("first", ended("Failed", -time.Second), index(0), attempt(0, 0))
	last := pod("last", ended("Failed", -2*time.Second), index(0), attempt(1, 0))
	for _, order := range [][]engine.Pod{{first, last}, {last, first}} {
		plan := decide(begun(indexed(1, 3, perIndex(9))), order...)
		same(t, "uncounted", plan.Status.UncountedTerminatedPods.Failed, uids([]engine.Pod{first}))
		same(t, "wake", plan.Wake, after(18*time.Second))
	}
	done := decide(begun(indexed(1, 3, perIndex(9)), completedIndexes("0")), last)
	checkUncounted(t, done, 0, 1)
}

// TestElasticSize: completions and parallelism change together in a run.
func TestElasticSize(t *testing.T) {
	j := begun(indexed(5, 5), completedIndexes("0,3,4"))
	j.Spec.Parallelism, j.Spec.Completions = new(int32(2)), new(int32(2))
	plan := decide(j, pod("b", index(1)), pod("c", index(2)))
	same(t, "completedIndexes", plan.Status.CompletedIndexes, "0")
	same(t, "dropped", names(plan.Drop), []string{"c"})
	same(t, "state", plan.Outcome.State, engine.StateRunning)

	j = wrote(j, plan)
	j.Spec.Parallelism, j.Spec.Completions = new(int32(5)), new(int32(5))
	plan = decide(j, pod("b", index(1)))
	same(t, "an index out of range is not remembered", indexesOf(plan), []int{2, 3, 4})

	other := j.DeepCopy()
	other.Spec.Parallelism = new(int32(4))
	other.Generation++
	same(t, "completions without parallelism", decide(other, pod("b", index(1))).Outcome.State, engine.StateDraining)
	j.Spec.Parallelism, j.Spec.Completions = new(int32(1)), new(int32(1))
	kind, _ := reached(decide(j))
	same(t, "down to what is done", kind, complete)
}

// TestAnElasticChangeThatWasNotSeen: an autoscaler changed parallelism after it,
// before anybody looked.
func TestAnElasticChangeThatWasNotSeen(t *testing.T) {
	for edits, want := range map[int64]engine.State{1: engine.StateDraining, 2: engine.StateRunning} {
		j := begun(indexed(3, 3), counted(0, 1))
		j.Spec.Parallelism, j.Spec.Completions = new(int32(2)), new(int32(5))
		j.Generation += edits
		plan := decide(j, pod("r", index(0)))
		same(t, "state", plan.Outcome.State, want)
	}
	other := begun(indexed(3, 3), counted(0, 1))
	newImage(other)
	other.Generation += 2
	same(t, "another template", decide(other).Outcome.State, engine.StateDraining)
}
