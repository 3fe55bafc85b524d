package engine_test

import (
	"testing"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// many is how many pods batch/v1 still supports in one job.
const many = 100_000

// BenchmarkDecide is one look at a job with 100,000 pods.
func BenchmarkDecide(b *testing.B) {
	half := func(change ...func(*engine.Pod)) []engine.Pod {
		return append(pods("r", many/2), pods("e", many/2, change...)...)
	}
	numbered := half(succeeded)
	for i := range numbered {
		numbered[i].Index = i
	}
	known := begun(job(fixed(many, many), limit(many)), counted(many/2, 0))
	for name, o := range map[string]engine.Observed{
		"running":            {Now: now, Job: known, Pods: half(succeeded, released)},
		"ended at once":      {Now: now, Job: known, Pods: half(failed)},
		"scaled down":        {Now: now, Job: begun(job(fixed(1, many)), counted(many/2, 0)), Pods: half(succeeded, released)},
		"indexed":            {Now: now, Job: begun(indexed(many, many)), Pods: numbered},
		"indexed, per index": {Now: now, Job: begun(indexed(many, many, perIndex(3))), Pods: numbered},
		"finished":           {Now: now, Job: finishedJob(true, fixed(many, many)), Pods: half(succeeded)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if engine.Decide(o).Outcome.State == "" {
					b.Fatal("no state")
				}
			}
		})
	}
}

// BenchmarkRevision is what every look costs, however few pods there are.
func BenchmarkRevision(b *testing.B) {
	j := job(goldenTemplate, func(j *v1alpha1.BatchJob) { j.Spec.Completions = new(int32(3)) })
	b.ReportAllocs()
	for b.Loop() {
		engine.Revision(&j.Spec)
	}
}
