{{- define "validation" -}}
## What is validated where

The API server refuses what the schema and its CEL rules can tell; the rules stand
with each type below. What they cannot tell, the operator says in a condition, with
the field and the remedy in its message, and goes on when the field is corrected.

| What only a condition tells | Field | Condition |
| --- | --- | --- |
| `containerName` is one of the template's containers or init containers (their number has no limit, so no CEL rule may walk them) | `spec.podFailurePolicy.rules[].onExitCodes.containerName` | `Stalled`, `InvalidSpec` |
| Indexes are below completions and in increasing order, and `succeededCount` is no more than their number (64 KiB are too long for a CEL rule) | `spec.successPolicy.rules[].succeededIndexes` | `Stalled`, `InvalidSpec` |
| Keys are label names | `spec.selector.matchLabels` | `Stalled`, `InvalidSpec` |
| In Indexed mode the host name is a DNS label and the index's label a label value, though the index replaces them in each pod | `spec.template.spec.hostname`, `spec.template.metadata.labels` | `Stalled`, `InvalidSpec` |
| Everything else in the pod: images, labels, volumes, resources, security | `spec.template` | `Stalled`, `PodRejected` |
| Quota, admission policies, a missing ServiceAccount | | `Ready=False`, `ProgressingWithRetry` |
| The expression compiles and gives a bool | `spec.dependsOn[].readyExpr` | `Stalled`, `InvalidExpression` |
| Dependencies form no ring of several jobs | `spec.dependsOn` | `Stalled`, `DependencyCycle` |
| The schedule parses and fires at some time | `spec.schedule`, `spec.schedules` of a CronBatchJob | `Stalled`, `InvalidSchedule` |
| A blackout's schedule parses, and the blackouts leave a time to start at | `spec.blackouts` | `Stalled`, `InvalidBlackout` |
| What this table says of a BatchJob, in a jobTemplate | `spec.jobTemplate.spec` | `Stalled`, with the same reason; no run is made |
| The API server takes the pod and the BatchJob of the jobTemplate, tried once for each generation | `spec.jobTemplate` | `Stalled`, `PodRejected` or `JobRejected` |
| The zone is in the database | `spec.timeZone` | `Stalled`, `UnknownTimeZone` |
| A dependency of another namespace, where `--no-cross-namespace-refs` refuses it (the default) | `spec.dependsOn[].namespace` | `Stalled`, `InvalidSpec` |

A null means that a field is absent, as in batch/v1.
{{ end -}}
