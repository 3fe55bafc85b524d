package engine

import (
	"time"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Plan is what is to be done, in this order: Adopt, Disown, Release, Drop,
// Delete, Expire, Track, Create, Status, DeleteJob. The zero Plan does nothing.
// Any prefix of it may be the last thing ever done.
type Plan struct {
	// Adopt makes the job the controller of these pods, with our finalizer and
	// labels; Disown takes all of that off those that left the selector.
	Adopt, Disown []PodRef
	// Release takes our finalizer off these pods.
	Release []PodRef
	// Drop takes our finalizer off these active pods and deletes them; they
	// count as nothing. Only a pod that has not changed since it was observed
	// may be dropped: it could have succeeded in between.
	Drop []PodRef
	// Delete deletes these pods, gracefully; their end is still counted.
	Delete []PodRef
	// Expire gives these pods the condition batch.stint.dev/StartTimeout and
	// deletes them; their end is still counted.
	Expire []Expiry
	// Track puts our finalizer and labels back on pods that lost them by
	// somebody else's hand and whose end would otherwise go unseen.
	Track []PodRef
	// Create makes these pods, in this order.
	Create []PodOrder
	// Try asks the API server whether it would take this pod, and makes none: a
	// suspended or waiting job, or a change, that can never run is told so at once.
	Try *PodOrder
	// Status is the status as it is when all of the above succeeded; the
	// voice completes it. nil: the status is not ours to write.
	Status *v1alpha1.BatchJobStatus
	// DeleteJob removes the job itself, its pods first.
	DeleteJob bool
	// Wake is when to look again if nothing happens before; zero for never.
	Wake time.Time
	// Outcome says in which state the job is and why.
	Outcome Outcome
}

// PodOrder asks for one pod.
type PodOrder struct {
	// Name is the lock: it follows from what was observed, so that an order
	// given twice makes one pod.
	Name     string
	Run      int64
	Revision string
	// Index is that of an Indexed job's pod.
	Indexed bool
	Index   int
	// CountsFailures tells of backoffLimitPerIndex; Failures and Ignored are
	// then how often the index has failed before.
	CountsFailures    bool
	Failures, Ignored int32
}

// Expiry is a pod that took too long to start, and why.
type Expiry struct {
	PodRef
	Message string
}

// State is what a person would say the job is doing.
type State string

// The states, from which phase and kstatus conditions are derived.
const (
	// StateForeign: another controller manages the object (spec.managedBy).
	StateForeign State = "Foreign"
	// StateGone: the object is deleted or being deleted.
	StateGone State = "Gone"
	// StateRunning: pods run, are awaited or are about to be made.
	StateRunning State = "Running"
	// StateBackingOff: a pod failed and the next one waits its time.
	StateBackingOff State = "BackingOff"
	// StateEnding: a verdict has been reached, pods are still ending.
	StateEnding State = "Ending"
	// StateDraining: the run is superseded, or has ended, and its last pods are
	// awaited before the next one starts.
	StateDraining State = "Draining"
	// StateNotRun: the spec has a revision that rerunPolicy does not run.
	StateNotRun State = "NotRun"
	// StateRetrying: the API server refused a pod for now (quota, admission,
	// overload); it is tried again.
	StateRetrying State = "Retrying"
	// StateSuspended: spec.suspend holds the job.
	StateSuspended State = "Suspended"
	// StateWaiting: a dependency holds the run before it begins.
	StateWaiting State = "Waiting"
	// StateRefused: the spec asks for something that never works; a change
	// of the spec heals it.
	StateRefused  State = "Refused"
	StateComplete State = "Complete"
	StateFailed   State = "Failed"
)

// Outcome is the state with its reason.
type Outcome struct {
	State State
	// Reason is a condition reason, where the state has one.
	Reason string
	// Message is for people: one line, no control characters.
	Message string
	// Short is what stands beside the reason in the REASON column.
	Short string
	// Idle is set while no container of the run has started.
	Idle bool
}
