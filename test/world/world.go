package world

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// World is one history: a server, those who act on it, and what is known of
// the truth.
type World struct {
	Clock   *Clock
	Store   *Store
	Story   *Story
	Weather Weather
	Nodes   *Nodes
	User    *User
	Garbage *Collector
	Truth   *Truth

	// Writes, Reads and Reconciles are what the processes did in all.
	Writes, Reads, Reconciles int
	// Troubles is how often somebody made work for them: faults, starts, edits.
	Troubles int

	// Refuse, if any, is what the server never admits.
	Refuse func(client.Object) error

	program Program
	procs   []*Process
	own     map[ownWrite]client.Object
	serial  int
	// rng, if any, brings disorder into what goes on side by side.
	rng *rand.Rand
	// late are writes whose clients have given up on them.
	late    []func()
	landing bool
}

// violation is the panic by which a history fails.
type violation struct{ text string }

func (v violation) Error() string { return v.text }

// fail ends the history.
func (w *World) fail(format string, args ...any) {
	panic(violation{fmt.Sprintf(format, args...)})
}

// Program is the binary under test.
type Program struct {
	// Start makes the controller of a new process.
	Start func(*Process) Controller
	// TrimPod is the transformation of the pod cache; nil for none.
	TrimPod func(any) (any, error)
	// PodIndexes are the indexes of the pod cache.
	PodIndexes map[string]client.IndexerFunc
	// OfCrons: it works on CronBatchJobs and watches BatchJobs, not on
	// BatchJobs and their pods.
	OfCrons bool
	// JobIndexes are then the indexes of the BatchJob cache.
	JobIndexes map[string]client.IndexerFunc
}

// kinds are what it works on, and what it makes for that.
func (p *Program) kinds() (owners, owned *kind) {
	if p.OfCrons {
		return cronKind, jobKind
	}
	return jobKind, podKind
}

func (p *Program) indexes(k *kind) map[string]client.IndexerFunc {
	switch k {
	case podKind:
		return p.PodIndexes
	case jobKind:
		return p.JobIndexes
	}
	return nil
}

// New is a world without objects.
func New(program Program) *World {
	c := NewClock()
	s := NewStore(c)
	w := &World{Clock: c, Store: s, Story: NewStory(c), Weather: calm{}, program: program}
	w.Nodes = &Nodes{store: s, story: w.Story}
	w.User = &User{store: s, story: w.Story}
	w.Garbage = &Collector{store: s, story: w.Story}
	w.Truth = newTruth(w)
	return w
}

// live is the process that leads; nil if none does.
func (w *World) live() *Process {
	for _, p := range w.procs {
		if !p.deposed {
			return p
		}
	}
	return nil
}

// refuse is the answer to a creation that never works.
func (w *World) refuse(o client.Object) error {
	if w.Refuse == nil {
		return nil
	}
	return w.Refuse(o)
}

// land makes the oldest of the late writes durable.
func (w *World) land() {
	do := w.late[0]
	w.late = w.late[1:]
	w.landing = true
	defer func() { w.landing = false }()
	do()
}

// rvOf is the resourceVersion of an object as a number.
func rvOf(o client.Object) int64 {
	rv, err := strconv.ParseInt(o.GetResourceVersion(), 10, 64)
	if err != nil {
		return 0
	}
	return rv
}

// describe is a spec in the story.
func describe(s *v1alpha1.BatchJobSpec) string {
	parts := []string{
		"parallelism " + number(s.Parallelism), "completions " + number(s.Completions), "backoffLimit " + number(s.BackoffLimit),
		"restartPolicy " + string(s.Template.Spec.RestartPolicy),
	}
	if s.Backoff != nil {
		initial, longest := s.GetBackoff()
		parts = append(parts, fmt.Sprintf("backoff %v..%v", initial, longest))
	}
	if s.PodReplacementPolicy != nil {
		parts = append(parts, "replace "+string(*s.PodReplacementPolicy))
	}
	if s.ActiveDeadlineSeconds != nil {
		parts = append(parts, fmt.Sprintf("deadline %ds", *s.ActiveDeadlineSeconds))
	}
	if s.TTLSecondsAfterFinished != nil {
		parts = append(parts, fmt.Sprintf("TTL %ds", *s.TTLSecondsAfterFinished))
	}
	parts = append(parts, describeFeatures(s)...)
	if s.IsSuspended() {
		parts = append(parts, "suspended")
	}
	return strings.Join(parts, ", ")
}

func number(n *int32) string {
	if n == nil {
		return "-"
	}
	return strconv.Itoa(int(*n))
}
