package batchjob

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Back-off between refused pod creations, batch/v1's for API errors.
const (
	firstRetry = time.Second
	maxRetry   = time.Minute
)

// refusals remembers which jobs the API server refused a pod for now. It is
// memory only: a restart asks again at once, which is one request per job.
type refusals struct {
	mu   sync.Mutex
	jobs map[types.NamespacedName]refusal
}

type refusal struct {
	of         types.UID
	generation int64
	count      int
	at         time.Time
}

func newRefusals() *refusals { return &refusals{jobs: map[types.NamespacedName]refusal{}} }

// add notes a refusal, which puts off the next try.
func (r *refusals) add(now time.Time, job *v1alpha1.BatchJob) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := client.ObjectKeyFromObject(job)
	last := r.jobs[key]
	if last.of != job.UID || last.generation != job.Generation {
		last = refusal{}
	}
	delay := firstRetry
	for range last.count {
		delay = min(2*delay, maxRetry)
	}
	r.jobs[key] = refusal{of: job.UID, generation: job.Generation, count: last.count + 1, at: now.Add(delay)}
}

// until is when the next pod may be tried; zero if now. A changed manifest is
// tried at once.
func (r *refusals) until(job *v1alpha1.BatchJob) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.jobs[client.ObjectKeyFromObject(job)]
	if last.of != job.UID || last.generation != job.Generation {
		return time.Time{}
	}
	return last.at
}

func (r *refusals) forget(job types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.jobs, job)
}
