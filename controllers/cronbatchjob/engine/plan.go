package engine

import (
	"time"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Plan is what is to be done. Any prefix of it may be the last thing ever done.
//
// Try and Start come first: whoever carries them out adds what came of them to
// the observation and decides again, and only a plan without them has a Status.
// Then Status, Release, Replace and Prune, in this order.
type Plan struct {
	// Try asks the API server whether it would take what the jobTemplate makes.
	Try bool
	// Start makes these BatchJobs, in this order, up to the first that fails.
	Start []Start
	// Status is the status once all of the above succeeded; the voice completes
	// it. nil: there is nothing to write.
	Status *v1alpha1.CronBatchJobStatus
	// Release takes our finalizer off these.
	Release []ChildRef
	// Replace deletes these, their pods first: a durable start waits for it.
	Replace []ChildRef
	// Prune deletes these ended runs.
	Prune []ChildRef
	// Strangers are unfinished BatchJobs that somebody else put under the
	// schedule. They count in its history and are in nobody's way.
	Strangers []string
	// Wake is when to look again if nothing happens before; zero for never.
	Wake time.Time
	// Outcome says in which state the schedule is and why.
	Outcome Outcome
	// Notices tell what becomes true by writing Status.
	Notices []Notice
}

// Start asks for one BatchJob.
type Start struct {
	// Name is the lock: it follows from the time or from the token.
	Name string
	// Nominal is the time it is started for, in the schedule's zone, and Due
	// when it should start, jitter included.
	Nominal, Due time.Time
	Reason       v1alpha1.StartReason
	// Token is that of a Requested start.
	Token string
	// Waited: it stood in the queue, so that its delay is the policy's.
	Waited bool
}

// State is what a person would say the schedule is doing.
type State string

// The states, from which the kstatus conditions are derived.
const (
	// StateGone: the object is deleted or being deleted.
	StateGone State = "Gone"
	// StateScheduled: the next time is known.
	StateScheduled State = "Scheduled"
	// StateSuspended: spec.suspend holds everything.
	StateSuspended State = "Suspended"
	// StateExpired: nothing is due any more, as notAfter has passed.
	StateExpired State = "Expired"
	// StateRetrying: the API server refused a run for now.
	StateRetrying State = "Retrying"
	// StateRefused: the spec asks for something that never works.
	StateRefused State = "Refused"
)

// Outcome is the state with its reason and a sentence for people.
type Outcome struct {
	State State
	// Reason is a condition reason.
	Reason  string
	Message string
}

// Notice is something that becomes true by a write of the status.
type Notice struct {
	// Reason is an event's: MissSchedule, Blackout, QueueFull, NameTaken,
	// JobAlreadyActive, SawCompletedJob, MissingJob.
	Reason string
	// Count is how many times or runs it speaks of, Latest the newest time.
	Count  int
	Latest time.Time
	// Name is that of the run, Result how it ended.
	Name   string
	Result Result
	// Waits: the time has not been given up, it stands in the queue.
	Waits bool
}
