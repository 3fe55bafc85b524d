package engine

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Observed is everything that Decide may look at.
type Observed struct {
	// Now is the time of the observation.
	Now time.Time
	// Cron is the object as it was read; nil means that it does not exist any
	// more, which only a live read may claim. Decide does not change it.
	Cron *v1alpha1.CronBatchJob
	// Calendar is ReadCalendar's of Cron.
	Calendar Calendar
	// Children are the BatchJobs that Cron controls.
	Children []Child
	// Strays carry our finalizer for an object of this name that is gone.
	Strays []ChildRef
	// Taken are names of runs that belong to somebody else's object.
	Taken map[string]bool
	// Retry is set while the API server refuses the next run for now.
	Retry *Retry
	// Rejected is set when the API server has just refused the jobTemplate for
	// good; what was said earlier stands in the conditions.
	Rejected *Rejection
	// Tried is set once the jobTemplate has been tried for this look.
	Tried bool
	// CrossNamespace lets runs depend on BatchJobs of other namespaces.
	CrossNamespace bool
}

// Retry is a refusal that may pass.
type Retry struct {
	// At is when it is tried again.
	At time.Time
	// Message is the API server's word.
	Message string
}

// Rejection is a refusal that stays until the manifest changes.
type Rejection struct {
	// Reason is ReasonPodRejected or ReasonJobRejected.
	Reason string
	// Message names the field and carries the API server's word.
	Message string
}

// Child holds what the judge needs to know of one BatchJob.
type Child struct {
	ChildRef
	// Nominal is the time it was started for, or when it was asked for; zero if
	// it does not tell.
	Nominal time.Time
	// Token is the runAt token that asked for it, empty for a scheduled run.
	Token string
	// Held is set while it carries our finalizer.
	Held bool
	// Deleting is set when it has a deletionTimestamp.
	Deleting bool
	// Started is status.startTime; zero if it has none.
	Started time.Time
	// Result is Complete or Failed once it has ended, with the condition's
	// time, reason and message.
	Result          Result
	Ended           time.Time
	Reason, Message string
}

// Result is how a run ended.
type Result string

// The results; empty while it runs.
const (
	Complete Result = "Complete"
	Failed   Result = "Failed"
)

// ChildRef names one BatchJob; the UID guards against a later one of the same
// name.
type ChildRef struct {
	Name string
	UID  types.UID
}

// finished tells whether the run has ended.
func (c *Child) finished() bool { return c.Result != "" }
