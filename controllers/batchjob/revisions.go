package batchjob

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// revisions remembers the revision of each job's spec. It follows from the spec,
// which changes with the generation only, and to hash a template at every look
// was a tenth of what a short job costs.
type revisions struct {
	mu   sync.Mutex
	jobs map[types.NamespacedName]stamp
}

type stamp struct {
	of         types.UID
	generation int64
	revisions  engine.Revisions
}

func newRevisions() *revisions { return &revisions{jobs: map[types.NamespacedName]stamp{}} }

func (r *revisions) of(job *v1alpha1.BatchJob) engine.Revisions {
	key := client.ObjectKeyFromObject(job)
	r.mu.Lock()
	defer r.mu.Unlock()
	s, ok := r.jobs[key]
	if !ok || s.of != job.UID || s.generation != job.Generation {
		s = stamp{of: job.UID, generation: job.Generation, revisions: engine.RevisionsOf(&job.Spec)}
		r.jobs[key] = s
	}
	return s.revisions
}

func (r *revisions) forget(job types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.jobs, job)
}
