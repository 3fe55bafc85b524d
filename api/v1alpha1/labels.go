package v1alpha1

// Labels and annotations that batch/v1 puts on pods (k8s.io/api/batch/v1). They
// are the same here, so that selectors, dashboards and policies written for
// Jobs go on working.
const (
	// LabelJobName carries the job's name.
	LabelJobName = "batch.kubernetes.io/job-name"
	// LabelJobNameLegacy carries the job's name as well.
	LabelJobNameLegacy = "job-name"
	// LabelControllerUID carries the job's uid; the generated selector uses it.
	LabelControllerUID = "batch.kubernetes.io/controller-uid"
	// LabelControllerUIDLegacy carries the job's uid as well.
	LabelControllerUIDLegacy = "controller-uid"
	// LabelCompletionIndex carries the index of an Indexed job's pod.
	LabelCompletionIndex = "batch.kubernetes.io/job-completion-index"
	// AnnotationCompletionIndex carries it as an annotation.
	AnnotationCompletionIndex = "batch.kubernetes.io/job-completion-index"
	// AnnotationIndexFailureCount counts the earlier counted failures of the
	// pod's index, with backoffLimitPerIndex.
	AnnotationIndexFailureCount = "batch.kubernetes.io/job-index-failure-count"
	// AnnotationIndexIgnoredFailureCount counts those that podFailurePolicy
	// ignored; present only when above 0.
	AnnotationIndexIgnoredFailureCount = "batch.kubernetes.io/job-index-ignored-failure-count"
	// AnnotationCronJobScheduledTimestamp carries a run's nominal time in
	// RFC 3339, in the schedule's zone.
	AnnotationCronJobScheduledTimestamp = "batch.kubernetes.io/cronjob-scheduled-timestamp"
)

// Names of our own.
const (
	// LabelJobUID carries the BatchJob's uid on its pods. The operator caches
	// pods by it and nobody else sets it, whatever the selector is.
	LabelJobUID = "batch.stint.dev/job-uid"
	// LabelJob carries the BatchJob's name on pods that lack batch/v1's label of
	// it, as the selector is the author's: an orphaned pod shows whose it was.
	LabelJob = "batch.stint.dev/job-name"
	// LabelRun carries the number of the run on its pods.
	LabelRun = "batch.stint.dev/run"
	// AnnotationRevision carries the run's revision on its pods.
	AnnotationRevision = "batch.stint.dev/revision"
	// LabelCronBatchJob carries the CronBatchJob's name on its BatchJobs.
	LabelCronBatchJob = "batch.stint.dev/cronbatchjob"
	// AnnotationRunAt is the token that hands and tools set to ask for a run.
	AnnotationRunAt = "batch.stint.dev/runAt"
	// AnnotationRunToken carries the token on the BatchJob that a CronBatchJob
	// started for it; runAt would ask that BatchJob for another run.
	AnnotationRunToken = "batch.stint.dev/run-token" //nolint:gosec // the key of a token that is no secret
	// AnnotationReconcileRequestedAt is Flux's request to reconcile now.
	AnnotationReconcileRequestedAt = "reconcile.fluxcd.io/requestedAt"
	// FinalizerJobTracking holds a pod until its end is counted. It is not
	// batch/v1's, whose orphan worker strips its own from foreign pods.
	FinalizerJobTracking = "batch.stint.dev/job-tracking"
	// FinalizerCronRecorded holds a CronBatchJob's child until its nominal time
	// is durable in the owner's status.
	FinalizerCronRecorded = "batch.stint.dev/cron-recorded"
)

// Values of spec.managedBy that mean this operator; so does none.
const (
	ManagedByJobController = "kubernetes.io/job-controller"
	ManagedByStint         = "batch.stint.dev/controller"
)

// Environment variables of the containers.
const (
	// EnvCompletionIndex is batch/v1's, in Indexed jobs.
	EnvCompletionIndex = "JOB_COMPLETION_INDEX"
	// EnvScheduledTime is the nominal time of a CronBatchJob's run.
	EnvScheduledTime = "STINT_SCHEDULED_TIME"
)

// LabelHelmChart changes with every release of a chart and is therefore left
// out of the revision.
const LabelHelmChart = "helm.sh/chart"

// OwnershipLabels and OwnershipAnnotations are the marks of tools that would
// re-create a deleted object from git; GetTTLPolicy asks for them.
// app.kubernetes.io/instance is none: people and charts set it by hand.
var (
	OwnershipLabels = []string{
		"kustomize.toolkit.fluxcd.io/name",
		"helm.toolkit.fluxcd.io/name",
		"resourceset.fluxcd.controlplane.io/name",
		"argocd.argoproj.io/instance",
	}
	OwnershipAnnotations = []string{
		"argocd.argoproj.io/tracking-id",
		"meta.helm.sh/release-name",
	}
)
