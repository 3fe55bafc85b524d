package engine_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	corev1 "k8s.io/api/core/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// play is a job with its pods; plans are carried out in full, and pods do what
// the test says.
type play struct {
	t    *testing.T
	j    *v1alpha1.BatchJob
	pods []engine.Pod
	at   time.Time
	// made counts the pods of each revision.
	made map[string]int
	plan engine.Plan
	// deps is what is known of the dependencies.
	deps []engine.Dependency
}

func newPlay(t *testing.T, change ...func(*v1alpha1.BatchJob)) *play {
	p := &play{t: t, j: job(change...), at: now, made: map[string]int{}}
	p.j.Status.ObservedGeneration = -1
	return p
}

// look decides once and does what the plan says.
func (p *play) look() engine.Plan {
	p.t.Helper()
	p.plan = engine.Decide(engine.Observed{Now: p.at, Job: p.j, Pods: slices.Clone(p.pods), Dependencies: p.deps})
	for _, ref := range slices.Concat(p.plan.Release, p.plan.Drop) {
		p.pod(ref.Name).Tracked = false
	}
	for _, ref := range slices.Concat(p.plan.Drop, p.plan.Delete) {
		q := p.pod(ref.Name)
		q.Deleting, q.Finished, q.GoneBy = true, p.at, p.at.Add(30*time.Second)
	}
	for _, order := range p.plan.Create {
		p.pods = append(p.pods, pod(order.Name, index(-1), func(q *engine.Pod) {
			q.Run, q.Revision, q.Created = order.Run, order.Revision, p.at
			if order.Indexed {
				q.Index = order.Index
			}
		}))
		p.made[order.Revision]++
	}
	p.j = wrote(p.j, p.plan)
	return p.plan
}

// settle looks until a look changes nothing, or the pods have to move first.
func (p *play) settle() {
	p.t.Helper()
	for range 12 {
		before, pods := p.j.DeepCopy(), slices.Clone(p.pods)
		p.look()
		p.pods = slices.DeleteFunc(p.pods, func(q engine.Pod) bool { return q.Deleting && !q.Tracked && isEnded(&q) })
		if cmp.Equal(before.Status, p.j.Status, cmpopts.EquateEmpty()) && cmp.Equal(pods, p.pods) {
			return
		}
	}
	p.t.Fatalf("it does not settle: %+v", p.plan.Outcome)
}

func isEnded(q *engine.Pod) bool {
	return q.Phase == corev1.PodSucceeded || q.Phase == corev1.PodFailed
}

func (p *play) pod(name string) *engine.Pod {
	i := slices.IndexFunc(p.pods, func(q engine.Pod) bool { return q.Name == name })
	if i < 0 {
		p.t.Fatalf("no pod %s", name)
	}
	return &p.pods[i]
}

// edit changes the manifest.
func (p *play) edit(change ...func(*v1alpha1.BatchJob)) {
	p.j = p.j.DeepCopy()
	for _, do := range change {
		do(p.j)
	}
	p.j.Generation++
}

// annotate sets a token by hand.
func (p *play) annotate(token string) {
	p.j = p.j.DeepCopy()
	if p.j.Annotations == nil {
		p.j.Annotations = map[string]string{}
	}
	p.j.Annotations[v1alpha1.AnnotationRunAt] = token
}

// every pod that has not ended does so.
func (p *play) every(change ...func(*engine.Pod)) {
	for i := range p.pods {
		if q := &p.pods[i]; !isEnded(q) {
			for _, do := range change {
				do(q)
			}
		}
	}
}

// stopped are the pods that ended because they were deleted.
func (p *play) stopped() {
	p.pods = slices.DeleteFunc(p.pods, func(q engine.Pod) bool { return q.Deleting && !q.Tracked })
}

// succeed plays the job to its end.
func (p *play) succeed() {
	p.t.Helper()
	for range 9 {
		p.settle()
		if len(p.j.Status.Conditions) > 0 && p.j.IsFinished() {
			return
		}
		p.every(succeeded)
	}
	p.t.Fatalf("it does not end: %+v", p.plan.Outcome)
}

// fail plays the job to its failure.
func (p *play) fail() {
	p.t.Helper()
	p.settle()
	p.every(failed)
	p.settle()
	same(p.t, "failed", p.j.IsFailed(), true)
}

// in tells the state, the number of the run, and how many pods were made of the
// revision that the spec has.
func (p *play) in(what string, state engine.State, run int64, made int) {
	p.t.Helper()
	same(p.t, what+": state", p.plan.Outcome.State, state)
	same(p.t, what+": run", p.j.GetRun(), run)
	same(p.t, what+": pods made", p.made[revisionOf(p.j)], made)
}

func image(name string) func(*v1alpha1.BatchJob) {
	return func(j *v1alpha1.BatchJob) { j.Spec.Template.Spec.Containers[0].Image = name }
}

func rerun(p v1alpha1.RerunPolicy) func(*v1alpha1.BatchJob) {
	return func(j *v1alpha1.BatchJob) { j.Spec.RerunPolicy = p }
}

func replacingRuns(j *v1alpha1.BatchJob) { j.Spec.UpdatePolicy = v1alpha1.UpdateReplace }

func runAt(token string) func(*v1alpha1.BatchJob) {
	return func(j *v1alpha1.BatchJob) { j.Spec.RunAt = token }
}

func history(n int32) func(*v1alpha1.BatchJob) {
	return func(j *v1alpha1.BatchJob) { j.Spec.PodHistoryLimit = &n }
}
