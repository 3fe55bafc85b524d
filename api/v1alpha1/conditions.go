package v1alpha1

import corev1 "k8s.io/api/core/v1"

// Condition types that kstatus, and with it Flux, kubectl wait and Argo CD's
// health scripts, understand. Ready is always present.
const (
	// ConditionReady sums up: True when the run succeeded (CronBatchJob: when
	// the schedule is accepted), Unknown while it runs, else False.
	ConditionReady string = "Ready"
	// ConditionReconciling is True while something is still to be done.
	ConditionReconciling string = "Reconciling"
	// ConditionStalled is True when nothing more will happen until the manifest
	// changes. Flux fails fast on it.
	ConditionStalled string = "Stalled"
)

// Condition types of batch/v1's Job, with its meaning, for the current run.
const (
	// ConditionComplete: the run succeeded and no pod is left to terminate.
	ConditionComplete string = "Complete"
	// ConditionFailed: the run failed and no pod is left to terminate.
	ConditionFailed string = "Failed"
	// ConditionFailureTarget: the run has failed, its pods are being deleted.
	ConditionFailureTarget string = "FailureTarget"
	// ConditionSuccessCriteriaMet: the run has succeeded, its pods are being
	// deleted.
	ConditionSuccessCriteriaMet string = "SuccessCriteriaMet"
	// ConditionSuspended: spec.suspend holds the run.
	ConditionSuspended string = "Suspended"
)

// ConditionLastRunSucceeded of a CronBatchJob tells of the last run that
// ended. It is apart from Ready, so that one failed run does not degrade the
// application.
const ConditionLastRunSucceeded string = "LastRunSucceeded"

// PodConditionStartTimeout is set on a pod that podStartTimeoutSeconds deletes,
// so that podFailurePolicy can match it.
const PodConditionStartTimeout corev1.PodConditionType = "batch.stint.dev/StartTimeout"

// Reasons of batch/v1's conditions (k8s.io/api/batch/v1 and
// pkg/controller/job), unchanged.
const (
	// ReasonBackoffLimitExceeded: more pods failed than backoffLimit allows.
	ReasonBackoffLimitExceeded string = "BackoffLimitExceeded"
	// ReasonDeadlineExceeded: the run took longer than activeDeadlineSeconds.
	ReasonDeadlineExceeded string = "DeadlineExceeded"
	// ReasonPodFailurePolicy: a pod's failure matched a FailJob rule.
	ReasonPodFailurePolicy string = "PodFailurePolicy"
	// ReasonMaxFailedIndexesExceeded: more indexes failed than maxFailedIndexes.
	ReasonMaxFailedIndexesExceeded string = "MaxFailedIndexesExceeded"
	// ReasonFailedIndexes: all indexes have ended and some of them failed.
	ReasonFailedIndexes string = "FailedIndexes"
	// ReasonSuccessPolicy: a rule of successPolicy holds.
	ReasonSuccessPolicy string = "SuccessPolicy"
	// ReasonCompletionsReached: enough pods succeeded.
	ReasonCompletionsReached string = "CompletionsReached"
	// ReasonJobSuspended is the reason of Suspended=True.
	ReasonJobSuspended string = "JobSuspended"
	// ReasonJobResumed is the reason of Suspended=False.
	ReasonJobResumed string = "JobResumed"
)

// Reasons of Ready, Reconciling and Stalled on both kinds. A failed run's Ready
// and Stalled carry batch/v1's reason instead.
const (
	// ReasonSucceeded: Ready=True, the run is Complete.
	ReasonSucceeded string = "Succeeded"
	// ReasonProgressing: the run is in progress.
	ReasonProgressing string = "Progressing"
	// ReasonProgressingWithRetry: the API refused something that may pass later
	// (403 from quota or admission, 429, 5xx); it is tried again.
	ReasonProgressingWithRetry string = "ProgressingWithRetry"
	// ReasonSuspended: spec.suspend is true.
	ReasonSuspended string = "Suspended"
	// ReasonTerminating: the object, or its namespace, is being deleted.
	ReasonTerminating string = "Terminating"
	// ReasonInvalidSpec: the spec can never work; the message names the field.
	ReasonInvalidSpec string = "InvalidSpec"
	// ReasonPodRejected: the API server answered 400 or 422 to the pod that the
	// template makes; the message carries its words.
	ReasonPodRejected string = "PodRejected"
)

// Reasons of a BatchJob alone.
const (
	// ReasonDependencyNotReady: Ready=False, a job of dependsOn holds the run.
	ReasonDependencyNotReady string = "DependencyNotReady"
	// ReasonDependencyCycle: Stalled, the dependsOn of several jobs form a ring.
	ReasonDependencyCycle string = "DependencyCycle"
	// ReasonInvalidExpression: Stalled, a readyExpr does not compile or does
	// not give a bool.
	ReasonInvalidExpression string = "InvalidExpression"
	// ReasonNotRun: Ready=True, the revision is recorded and rerunPolicy starts
	// nothing for it.
	ReasonNotRun string = "NotRun"
	// ReasonSuperseded: a newer revision, or a requested run, ended the run
	// before it reached a verdict.
	ReasonSuperseded string = "Superseded"
	// ReasonDraining: the pods of a superseded run are ending before the next
	// run starts.
	ReasonDraining string = "Draining"
	// ReasonBackingOff: the run waits before it replaces a failed pod.
	ReasonBackingOff string = "BackingOff"
	// ReasonStartTimeout: a pod did not get its containers started within
	// podStartTimeoutSeconds. Also the reason of the pod's condition.
	ReasonStartTimeout string = "StartTimeout"
)

// Reasons of a CronBatchJob alone. The first three have the names of the events
// of batch/v1's CronJob controller.
const (
	// ReasonInvalidSchedule: Stalled, a schedule does not parse or never fires.
	ReasonInvalidSchedule string = "InvalidSchedule"
	// ReasonUnknownTimeZone: Stalled, timeZone is not in the zone database.
	ReasonUnknownTimeZone string = "UnknownTimeZone"
	// ReasonMissSchedule: a time is older than its deadline and not started.
	ReasonMissSchedule string = "MissSchedule"
	// ReasonScheduled: Ready=True, the next time is known.
	ReasonScheduled string = "Scheduled"
	// ReasonExpired: Ready=True, notAfter has passed, nothing is due any more.
	ReasonExpired string = "Expired"
	// ReasonQueueFull: a time was dropped because queueLimit times wait.
	ReasonQueueFull string = "QueueFull"
	// ReasonJobAlreadyActive: a time gave way to a later one, while a run that
	// Forbid or Replace may not overlap was active.
	ReasonJobAlreadyActive string = "JobAlreadyActive"
	// ReasonInvalidBlackout: Stalled, a blackout is no window, or the blackouts
	// cover every time of the schedule.
	ReasonInvalidBlackout string = "InvalidBlackout"
	// ReasonBlackout: a time fell into a blackout and was skipped.
	ReasonBlackout string = "Blackout"
	// ReasonJobRejected: Stalled, the API server answered 400 or 422 to the
	// BatchJob that the jobTemplate makes; the message carries its words.
	ReasonJobRejected string = "JobRejected"
	// ReasonNameTaken: the run's name belongs to an object of somebody else.
	ReasonNameTaken string = "NameTaken"
	// ReasonRunSucceeded is the reason of LastRunSucceeded=True.
	ReasonRunSucceeded string = "RunSucceeded"
	// ReasonRunFailed is the reason of LastRunSucceeded=False.
	ReasonRunFailed string = "RunFailed"
)
