{{- define "differences" -}}
## Differences from batch/v1

Deliberate, each with its reason. What stands in no row is meant to be the same.

### Job

| | batch/v1 | BatchJob | Why |
| --- | --- | --- | --- |
| A changed template, completions, completionMode, backoffLimitPerIndex, podFailurePolicy or successPolicy | refused: the field is immutable | accepted: a new revision, and with it a new run (`rerunPolicy`, `updatePolicy`); status speaks of the current run, `status.history` of those before | Git tools can apply a new version without deleting the old one; the object stays the record of what ran |
| The longest pod failure back-off | 10 minutes | 6 minutes, and tunable by `backoff` | Kubernetes' documentation has always said six; ten cannot be changed |
| A restart of the operator | forgets the back-off | does not: it stands in `status.backoff` | A crashing pod and a restarting operator must not make a hot loop |
| Conditions | `lastProbeTime`, no generation | `metav1.Condition`: `observedGeneration`, and a reason always | kstatus, Flux and `kubectl wait` read these. The types and reasons of batch/v1 are all there |
| More conditions | | `Ready`, `Reconciling`, `Stalled` | A tool can wait for a job without knowing its kind |
| `status.observedGeneration` | none | -1 until the operator has seen the object | A new object without status counts as ready in Flux and Helm |
| The generated selector and labels | written into spec, template and metadata.labels | on the pods and in `status.selector` | A spec that differs from its manifest is drift to GitOps tools. The template's labels are not copied to the job either |
| Defaults of parallelism, completions, backoffLimit, podReplacementPolicy and suspend | written into spec | not written, but in force | They depend on other fields, and a field that nobody owns is drift that nobody reverts |
| Defaults of the template (dnsPolicy, protocol of ports and so on) | written into spec | set on the pod when it is created | The same; lists with defaults inside are replaced for ever by Argo CD |
| `terminationMessagePolicy` where the template is silent | `File` | `FallbackToLogsOnError` | The condition and the column REASON can tell why a pod failed |
| `ttlSecondsAfterFinished` on an object that Flux, Argo CD or Helm owns | deletes it, and the tool re-creates and re-runs it | deletes the pods and keeps the object (`ttlPolicy`) | Cleaning up must not run a migration again |
| Deletion where the client does not say how | orphans the pods | deletes them in the background | What every custom resource does; kubectl asks for it anyway |
| Names of pods | five random characters at the end | five characters that follow from the run and the pod's place in it | A creation that timed out can be tried again without making a second pod |
| The finalizer of pods | `batch.kubernetes.io/job-tracking` | `batch.stint.dev/job-tracking` | batch/v1's controller takes its own from pods that are not its |
| More on pods | | labels `batch.stint.dev/job-uid`, `batch.stint.dev/run` and, with `manualSelector`, `batch.stint.dev/job-name`; annotation `batch.stint.dev/revision` | The operator finds its pods whatever the selector is, and tells the runs apart |
| `managedBy` | nothing or `kubernetes.io/job-controller` means the built-in controller | these and `batch.stint.dev/controller` mean Stint | A manifest can name us without a pretence |
| `manualSelector` | can be changed, with no effect | cannot be changed | It says what selector means |
| `metadata.name` | up to 253 characters, with a warning above 63 | at most 63 characters | It becomes a label of the pods, which takes no more |
| A suspended job, or one that waits for another | Ready does not exist | `Ready=False`, reason `Suspended` or `DependencyNotReady` | A suspended migration has not run. Whoever waits for it should wait |
| The pod template | validated when the job is created | validated when its pod is, or by a dry run while suspended or waiting: `Stalled=True`, reason `PodRejected`, with the API server's words | Without an admission webhook, a stopped operator blocks nobody |
| A null among the items of a list in the template | an empty item, refused where the item has to have something | refused | A CRD's schema knows no such item |
| Fields of the template for a feature that the API server has turned off (`clusterTrustBundle`) | dropped, whatever is in them | kept, and their schema applies; the pod loses them | A CRD's schema knows no feature gates |
| Limits | | selector: 32 labels, 32 expressions; quantities: 64 digits, exponents of two digits; durations: four parts | The API server wants to know how far a rule walks; no object may stop the operator from reading the others |
| Status while the job is being deleted | goes on | stays as it was | A finalizer must not outlive its reason: the pods are let go at once, and nobody counts them |
| A suspended job whose `backoffLimit` is lowered below its failures | keeps `FailureTarget` for ever | is Failed | Its own validation refuses the end |
| A pod that succeeds while a suspend or a smaller parallelism removes it | is lost, and runs again | is counted | It is only removed as it was observed |
| Messages of conditions | a fixed sentence | the same, then `: ` and the pod, container, exit code and last words | One look tells why |
| Events | one for each pod | one for each batch of pods | A job of thousands of pods outruns the limit of events |
| Field selector | `status.successful` | `status.phase` | |
| `kubectl get all` | shows jobs | does not; `kubectl get batch` does | `kubectl delete all --all` would delete the record that something ran, for the next reconciliation to run it again |

### CronJob

| | batch/v1 | CronBatchJob | Why |
| --- | --- | --- | --- |
| No `timeZone` | the zone of the controller manager's process | UTC | A schedule must not depend on a machine's setting |
| `schedule` | five fields | also six with seconds, `H`, and 7 for Sunday; `schedules` for several | Asked for for years; `H` keeps a thousand jobs from starting on one second |
| A time that a change to summer time skips | lost; where midnight is skipped, the whole day | a fixed time runs right after the gap | Vixie cron's rule |
| A time that the change back repeats | a fixed time runs twice | it runs once; intervals (`*/15`) follow real time | The same |
| Creating, editing or resuming | may start a run for a time before it | never does (`status.scheduleSince`) | Nobody who edits a schedule means the past |
| Missed times | the latest is started, but on uneven schedules it may be lost | the latest, all or none (`missedRunPolicy`), and exactly | The estimate upstream makes is wrong where gaps differ |
| `startingDeadlineSeconds` not set | no time is too late | up to 60 seconds a time is late, and started under every `missedRunPolicy`; after that it is missed | A change of leader must not lose a run |
| Several times within `startingDeadlineSeconds` (or the 60 seconds), after a pause of the operator | the latest is started | each is started, as `concurrencyPolicy` allows | A due time is a promise; the deadline says how long it holds |
| `concurrencyPolicy: Forbid` | the latest blocked time starts when the active run ends; `lastScheduleTime` does not move until then | the same, and the time stands in `status.queue` meanwhile | A restart of the operator, or `missedRunPolicy: None`, must not lose it |
| `concurrencyPolicy: Replace` | deletes the active run and starts at once | waits until it and its pods are gone | Replaced is not overlapped |
| `concurrencyPolicy: Queue` | | starts every time, one after the other | |
| A run's name is taken by a foreign object | nothing happens | the time is given up, with an event, a count in a metric and `Ready`'s message; later times start | Nobody looks for a run that is missing in silence |
| `spec.runAt`, annotation `batch.stint.dev/runAt` | | a new token starts one run, once; one that is there at creation too; while suspended, and in a blackout, it waits | `kubectl create job --from` cannot be written in git |
| The jobTemplate | validated with the schedule | what CEL cannot tell of it is tried by a server-side dry run of the run and its pod, once for each generation: `Stalled=True`, reason `JobRejected` or `PodRejected`; times that come due until it is corrected are missed | Without an admission webhook, a stopped operator blocks nobody |
| A run that ended | deleted by the limits | also kept until its end is counted, and deleted by age (`historyTTLSeconds`) | `consecutiveFailures` is exact |
| `MissSchedule` | at each sync | once for each time that is missed | |
| Names of runs | the minute | the minute, and the second where it is not 0 | Schedules with seconds |
| `status.lastScheduleTime` | the last time started | the last time decided: started, queued or accounted as missed | A missed time is reported once |
| Runs | no label, no finalizer | label `batch.stint.dev/cronbatchjob`; finalizer `batch.stint.dev/cron-recorded` until its start and its end stand in the schedule's status | They can be selected; a run that ends and is deleted at once is not started again after a crash |
| Environment of containers | | `STINT_SCHEDULED_TIME` | A backfill must know for which time it runs |
| A failed run | cannot be seen in status | `LastRunSucceeded=False`, `lastFailureTime`, `consecutiveFailures`; `Ready` stays True | One failed night must not degrade the application |
{{ end -}}
