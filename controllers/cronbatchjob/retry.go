package cronbatchjob

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/cronbatchjob/engine"
)

// Back-off between refused runs. A due time waits for the next try as long as
// its deadline lets it.
const (
	firstRetry = time.Second
	maxRetry   = time.Minute
)

// refusals remembers which schedules the API server refused a run for now. It is
// memory only: a restart asks again at once.
type refusals struct {
	mu    sync.Mutex
	crons map[types.NamespacedName]refusal
}

type refusal struct {
	of         types.UID
	generation int64
	count      int
	retry      engine.Retry
}

func newRefusals() *refusals { return &refusals{crons: map[types.NamespacedName]refusal{}} }

// add notes a refusal and says until when the next try is put off.
func (r *refusals) add(now time.Time, cron *v1alpha1.CronBatchJob, message string) *engine.Retry {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := client.ObjectKeyFromObject(cron)
	last := r.crons[key]
	if last.of != cron.UID || last.generation != cron.Generation {
		last = refusal{of: cron.UID, generation: cron.Generation}
	}
	delay := firstRetry
	for range last.count {
		delay = min(2*delay, maxRetry)
	}
	last.count++
	last.retry = engine.Retry{At: now.Add(delay), Message: message}
	r.crons[key] = last
	retry := last.retry
	return &retry
}

// of is what stands in the way of a schedule; nil if nothing does. A changed
// manifest is tried at once, and so is one whose next try a clock that was set
// back has put further off than any refusal does.
func (r *refusals) of(now time.Time, cron *v1alpha1.CronBatchJob) *engine.Retry {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, ok := r.crons[client.ObjectKeyFromObject(cron)]
	if !ok || last.of != cron.UID || last.generation != cron.Generation || last.retry.At.Sub(now) > maxRetry {
		return nil
	}
	retry := last.retry
	return &retry
}

func (r *refusals) forget(cron types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.crons, cron)
}

// strangers remembers of which BatchJobs it has been said that nobody expected
// them, so that it is said once.
type strangers struct {
	mu    sync.Mutex
	crons map[types.NamespacedName]map[string]struct{}
}

func newStrangers() *strangers {
	return &strangers{crons: map[types.NamespacedName]map[string]struct{}{}}
}

// meet notes the strangers that are there now, and returns those that are new.
func (s *strangers) meet(cron types.NamespacedName, names []string) (unknown []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(names) == 0 {
		delete(s.crons, cron)
		return nil
	}
	now := map[string]struct{}{}
	for _, name := range names {
		if _, known := s.crons[cron][name]; !known {
			unknown = append(unknown, name)
		}
		now[name] = struct{}{}
	}
	s.crons[cron] = now
	return unknown
}
