package world

import (
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

// Queue is a controller's work queue: a key waits in it at most once, and one
// that was put back after an error waits longer each time.
type Queue struct {
	clock    *Clock
	ready    []types.NamespacedName
	failures map[types.NamespacedName]int
	closed   bool
}

// NewQueue is an empty queue.
func NewQueue(c *Clock) *Queue {
	return &Queue{clock: c, failures: map[types.NamespacedName]int{}}
}

// Add puts a key in the queue unless it is there already.
func (q *Queue) Add(key types.NamespacedName) {
	if q.closed || slices.Contains(q.ready, key) {
		return
	}
	q.ready = append(q.ready, key)
}

// AddAfter adds a key when d has passed, if the process still lives then.
func (q *Queue) AddAfter(key types.NamespacedName, d time.Duration) {
	if d <= 0 {
		q.Add(key)
		return
	}
	q.clock.After(d, func() { q.Add(key) })
}

// Take removes the i-th of the waiting keys.
func (q *Queue) Take(i int) types.NamespacedName {
	key := q.ready[i]
	q.ready = append(q.ready[:i:i], q.ready[i+1:]...)
	return key
}

// Len is how many keys wait.
func (q *Queue) Len() int { return len(q.ready) }

// Retry adds a key whose work failed, after 5 ms doubled for each failure in a
// row, as controller-runtime's default limiter does; the cap is one minute.
func (q *Queue) Retry(key types.NamespacedName) {
	n := q.failures[key]
	q.failures[key] = n + 1
	q.AddAfter(key, min(5*time.Millisecond<<min(n, 20), time.Minute))
}

// Forget ends the row of failures of a key.
func (q *Queue) Forget(key types.NamespacedName) { delete(q.failures, key) }

// Close drops the queue with its process.
func (q *Queue) Close() { q.closed, q.ready = true, nil }
