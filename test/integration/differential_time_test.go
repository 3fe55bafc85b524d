//go:build integration

package integration

// timeScenarios: deadlines and what happens after the end.
func timeScenarios() []scenario {
	return []scenario{
		{name: "a deadline ends the pods and fails the job", spec: `{activeDeadlineSeconds: 1, parallelism: 2, completions: 2}`,
			steps: []step{becomes(target), allTerminated(2), becomes(failed)}},
		{name: "a deadline of no seconds makes no pod", spec: `{activeDeadlineSeconds: 0}`,
			steps: []step{becomes(failed)}},
		{name: "a deadline set in mid-run", spec: `{completions: 2}`,
			steps: []step{active(1), running(0), look(), edit(`spec: {activeDeadlineSeconds: 1}`), becomes(target), allTerminated(1), becomes(failed)}},
		{name: "a deadline does not pass while suspended", spec: `{activeDeadlineSeconds: 1, suspend: true}`,
			steps: []step{becomes("Suspended"), look(), edit(`spec: {suspend: false}`), becomes(target), look(), allTerminated(1), becomes(failed)}},
		{name: "a deadline of days is not exceeded", spec: `{activeDeadlineSeconds: 864000}`,
			steps: []step{active(1), look(), succeed(0), becomes(complete)}},
		{name: "a complete job is deleted with its pods when its time is over", spec: `{ttlSecondsAfterFinished: 0}`,
			steps: []step{active(1), succeed(0), gone(0)}},
		{name: "a failed job is deleted with its pods when its time is over", spec: `{ttlSecondsAfterFinished: 0, backoffLimit: 0}`,
			steps: []step{active(1), fail(0), gone(0)}},
		{name: "a finished job is deleted when a time is set afterwards",
			steps: []step{active(1), succeed(0), becomes(complete), look(), edit(`spec: {ttlSecondsAfterFinished: 0}`), gone(0)}},
		{name: "a finished job stays until its time is over", spec: `{ttlSecondsAfterFinished: 86400}`,
			steps: []step{active(1), succeed(0), becomes(complete)}},
		{name: "a job that only waits for its last pods is not deleted yet", spec: `
completionMode: Indexed
completions: 2
parallelism: 2
ttlSecondsAfterFinished: 0
successPolicy: {rules: [{succeededIndexes: "0"}]}
`,
			steps: []step{active(2), running(1), succeed(0), becomes(met), terminating(1), look(), allTerminated(1), gone(0)}},
	}
}

// suspendScenarios: suspend and resume.
func suspendScenarios() []scenario {
	suspend, resume := edit(`spec: {suspend: true}`), edit(`spec: {suspend: false}`)
	return []scenario{
		{name: "a job that begins suspended makes no pod until it is resumed", spec: `{suspend: true}`,
			steps: []step{becomes("Suspended"), look(), resume, active(1), resumed(), look(), succeed(0), becomes(complete)}},
		{name: "a job suspended in mid-run ends its pods, and none has failed", spec: `{parallelism: 2, completions: 3, backoffLimit: 0}`,
			steps: []step{active(2), running(0, 1), suspend, becomes("Suspended"), active(0), terminating(2), look(), allTerminated(2), terminating(0), look(),
				resume, active(2), resumed(), look()}},
		{name: "a suspended job remembers its successes and failures", spec: `{parallelism: 2, completions: 3, backoffLimit: 5}`,
			steps: []step{active(2), fail(0), counted(0, 1), active(2), succeed(0), counted(1, 1), active(2), suspend, allTerminated(2), becomes("Suspended"), active(0), look(),
				resume, active(2), together(succeed(0), succeed(1)), becomes(complete)}},
		{name: "completed indexes stay completed over a suspension", spec: `{completionMode: Indexed, parallelism: 2, completions: 3}`,
			steps: []step{active(2), succeed(0), counted(1, 0), active(2), suspend, allTerminated(2), becomes("Suspended"), look(), resume, active(2), look(),
				together(succeed(1), succeed(2)), becomes(complete)}},
		{name: "a resumed job waits for the old pods, where only ended ones are replaced", spec: `{podReplacementPolicy: Failed, parallelism: 1, completions: 2}`,
			steps: []step{active(1), running(0), suspend, becomes("Suspended"), terminating(1), resume, resumed(), active(0), look(), allTerminated(1), active(1), look()}},
		{name: "a resumed job does not wait for the old pods otherwise", spec: `{podReplacementPolicy: TerminatingOrFailed, parallelism: 1, completions: 2}`,
			steps: []step{active(1), running(0), suspend, becomes("Suspended"), terminating(1), resume, resumed(), active(1), terminating(1), look()}},
		{name: "a pod that succeeded before the job was suspended is counted", spec: `{parallelism: 2, completions: 2}`,
			steps: []step{active(2), running(0, 1), succeed(0), suspend, becomes("Suspended"), counted(1, 0), allTerminated(1), terminating(0), look()}},
		{name: "a finished job does not care for suspend",
			steps: []step{active(1), succeed(0), becomes(complete), suspend, look(), resume, look()}},
		{name: "a deadline begins anew with the resumption", spec: `{activeDeadlineSeconds: 86400}`,
			steps: []step{active(1), look(), suspend, allTerminated(1), becomes("Suspended"), look(), resume, active(1), look()}},
		{name: "a suspended job takes new scheduling directives", spec: `{suspend: true}`,
			steps: []step{becomes("Suspended"), edit(`
spec:
  template:
    metadata: {labels: {queue: fast}, annotations: {queue: fast}}
    spec:
      nodeSelector: {disk: ssd}
      tolerations: [{key: a, operator: Exists}, {operator: Exists}]
      affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: Exists}]}]}}}
`), look(), resume, active(1), look()}},
		{name: "a suspended job takes new resources", spec: `{suspend: true}`,
			steps: []step{becomes("Suspended"), edit(`spec: {template: {spec: {containers: [{name: main, image: busybox, resources: {requests: {cpu: 20m}}}]}}}`),
				look(), resume, active(1), look()}},
		{name: "a job suspended in mid-run takes new scheduling directives", spec: `{completions: 2, parallelism: 1}`,
			steps: []step{active(1), succeed(0), counted(1, 0), active(1), suspend, allTerminated(1), becomes("Suspended"), active(0),
				edit(`spec: {suspend: false, template: {spec: {nodeSelector: {disk: ssd}}}}`), active(1), look(), succeed(0), becomes(complete)}},
		{name: "a suspended job whose limit of failures is exceeded fails", deaf: true, spec: `{backoffLimit: 3}`,
			steps: []step{active(1), fail(0), counted(0, 1), active(1), suspend, allTerminated(1), becomes("Suspended"), edit(`spec: {backoffLimit: 0}`),
				differently(suspendedFailure, becomes(target), becomes(failed)), remove("Background"), gone(0)}},
		{name: "a changed template of a job that runs", deaf: true, spec: `{completions: 2, parallelism: 1}`,
			steps: []step{active(1), running(0), differently(mutableTemplate,
				refused(`spec: {template: {spec: {containers: [{name: main, image: "busybox:2"}]}}}`),
				all(edit(`spec: {template: {spec: {containers: [{name: main, image: "busybox:2"}]}}}`), edit(`spec: {template: {spec: {containers: [{name: main, image: busybox}]}}}`))),
				look(), succeed(0), counted(1, 0), active(1), look()}},
	}
}

// elasticScenarios: completions and parallelism changed together.
func elasticScenarios() []scenario {
	size := func(n string) step { return edit(`spec: {completions: ` + n + `, parallelism: ` + n + `}`) }
	return []scenario{
		{name: "an indexed job grows", spec: `{completionMode: Indexed, completions: 2, parallelism: 2}`,
			steps: []step{active(2), succeed(0), counted(1, 0), size("4"), active(3), look(), together(succeed(1), succeed(2), succeed(3)), becomes(complete)}},
		{name: "an indexed job shrinks", spec: `{completionMode: Indexed, completions: 4, parallelism: 4}`,
			steps: []step{active(4), running(0, 1, 2, 3), size("2"), active(2), allTerminated(2), terminating(0), look(), together(succeed(0), succeed(1)), becomes(complete)}},
		{name: "an indexed job that shrinks to what is completed is complete", spec: `{completionMode: Indexed, completions: 3, parallelism: 3}`,
			steps: []step{active(3), together(succeed(0), succeed(1)), counted(2, 0), size("2"), allTerminated(1), becomes(complete)}},
		{name: "a success beyond the new size is forgotten", spec: `{completionMode: Indexed, completions: 3, parallelism: 3}`,
			steps: []step{active(3), succeed(2), counted(1, 0), size("2"), counted(0, 0), active(2), look(), size("3"), active(3), look()}},
		{name: "failures beyond the new size stay counted", spec: `{completionMode: Indexed, completions: 3, parallelism: 3, backoffLimit: 6}`,
			steps: []step{active(3), fail(2), counted(0, 1), active(3), size("2"), active(2), allTerminated(1), terminating(0), look(), together(succeed(0), succeed(1)), becomes(complete)}},
		{name: "an indexed job with failed indexes shrinks", spec: `{completionMode: Indexed, completions: 3, parallelism: 3, backoffLimitPerIndex: 0}`,
			steps: []step{active(3), fail(2), counted(0, 1), active(2), size("2"), look(), together(succeed(0), succeed(1)), becomes(complete)}},
		{name: "completions alone cannot be changed", spec: `{completionMode: Indexed, completions: 3, parallelism: 2}`,
			steps: []step{active(2), look()}},
	}
}

// handScenarios: what people change by hand.
func handScenarios() []scenario {
	manual := `{manualSelector: true, selector: {matchLabels: {app: NAME}}, parallelism: 2, completions: 2}`
	return []scenario{
		{name: "a job adopts the pods that its selector matches", spec: manual, before: []step{orphan()},
			steps: []step{active(2), owned(2), look(), succeed(0), counted(1, 0), succeed(0), becomes(complete)}},
		{name: "an adopted pod that is one too many is removed", spec: `{manualSelector: true, selector: {matchLabels: {app: NAME}}}`, before: []step{orphan(), orphan()},
			steps: []step{allTerminated(1), active(1), terminating(0), look()}},
		{name: "a pod that leaves the selector is released and replaced", spec: `
manualSelector: true
selector: {matchLabels: {app: NAME, member: "yes"}}
parallelism: 2
completions: 2
template: {metadata: {labels: {member: "yes"}}}
`,
			steps: []step{active(2), running(0, 1), relabelled(`{"labels":{"member":"no"}}`, 0), givenUp(), owned(2), look()}},
		{name: "a pod that loses its controller-uid is released and replaced", spec: `{parallelism: 2, completions: 2}`,
			steps: []step{active(2), running(0, 1), relabelled(`{"labels":{"batch.kubernetes.io/controller-uid":null}}`, 0), givenUp(), owned(2), look()}},
		{name: "a job of another controller is left alone", spec: `{managedBy: example.com/other}`,
			steps: []step{look()}},
		{name: "a job of the built-in controller by name is run", spec: `{managedBy: kubernetes.io/job-controller}`,
			steps: []step{active(1), look(), succeed(0), becomes(complete)}},
		{name: "a number of active pods that somebody wrote is put right", spec: `{completions: 3, parallelism: 2}`,
			steps: []step{active(2), statusBy(`{"active":7}`), active(2), look()}},
		{name: "a number of successes that somebody wrote is believed", spec: `{completions: 3, parallelism: 1}`,
			steps: []step{active(1), statusBy(`{"succeeded":1}`), succeed(0), counted(2, 0), active(1), look(), succeed(0), becomes(complete)}},
		{name: "a number of failures that somebody wrote is believed", spec: `{backoffLimit: 3}`,
			steps: []step{active(1), running(0), statusBy(`{"failed":4}`), becomes(target), allTerminated(1), becomes(failed)}},
		{name: "an index that somebody wrote is believed", spec: `{completionMode: Indexed, completions: 3, parallelism: 1}`,
			steps: []step{active(1), statusBy(`{"completedIndexes":"1","succeeded":1}`), succeed(0), counted(2, 0), active(1), look(), succeed(2), becomes(complete)}},
		{name: "an annotation of others stays on the pods", spec: `{completions: 1}`,
			steps: []step{active(1), relabelled(`{"annotations":{"touched":"yes"}}`, 0), look(), succeed(0), becomes(complete)}},
	}
}
