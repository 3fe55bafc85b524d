package batchjob

import (
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// names remembers which of the names that a job's pods would get next belong to
// pods of others, as one does that somebody took out of the job by relabelling
// it. It is memory only: a new process asks once more.
type names struct {
	mu   sync.Mutex
	jobs map[types.NamespacedName]taken
}

type taken struct {
	of    types.UID
	names map[string]struct{}
}

func newNames() *names { return &names{jobs: map[types.NamespacedName]taken{}} }

func (n *names) add(job *v1alpha1.BatchJob, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	key := client.ObjectKeyFromObject(job)
	t := n.jobs[key]
	if t.of != job.UID {
		t = taken{of: job.UID, names: map[string]struct{}{}}
	}
	t.names[name] = struct{}{}
	n.jobs[key] = t
}

// of are the names that this job cannot have, in their order.
func (n *names) of(job *v1alpha1.BatchJob) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := n.jobs[client.ObjectKeyFromObject(job)]
	if t.of != job.UID {
		return nil
	}
	out := make([]string, 0, len(t.names))
	for name := range t.names {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

func (n *names) forget(job types.NamespacedName) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.jobs, job)
}
