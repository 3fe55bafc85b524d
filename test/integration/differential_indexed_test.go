//go:build integration

package integration

// indexedScenarios: one success for each index.
func indexedScenarios() []scenario {
	return []scenario{
		{name: "each index succeeds once", spec: `{completionMode: Indexed, completions: 3, parallelism: 3}`,
			steps: []step{active(3), look(), running(0, 1, 2), together(succeed(0), succeed(1), succeed(2)), becomes(complete)}},
		{name: "the lowest index that is missing comes first", spec: `{completionMode: Indexed, completions: 5, parallelism: 2}`,
			steps: []step{active(2), look(), succeed(1), counted(1, 0), active(2), look(), succeed(0), counted(2, 0), active(2), look()}},
		{name: "completed indexes are written as ranges", spec: `{completionMode: Indexed, completions: 8, parallelism: 8}`,
			steps: []step{active(8), together(succeed(0), succeed(1), succeed(2), succeed(4), succeed(6), succeed(7)), counted(6, 0), active(2), look()}},
		{name: "an index that failed is tried again", spec: `{completionMode: Indexed, completions: 2, parallelism: 2}`,
			steps: []step{active(2), fail(1), counted(0, 1), active(2), look(), together(succeed(0), succeed(1)), becomes(complete)}},
		{name: "failures of all indexes count against one limit", spec: `{completionMode: Indexed, completions: 3, parallelism: 3, backoffLimit: 1}`,
			steps: []step{active(3), running(2), together(justFailed(0), justFailed(1)), becomes(target), allTerminated(1), becomes(failed)}},
		{name: "the index is in label, annotation, host name and every environment", spec: `
completionMode: Indexed
completions: 2
parallelism: 2
template:
  spec:
    hostname: ignored
    subdomain: sub
    initContainers:
    - {name: first, image: busybox}
    - {name: sidecar, image: busybox, restartPolicy: Always}
    containers:
    - {name: main, image: busybox, env: [{name: A, value: b}]}
    - {name: own, image: busybox, env: [{name: JOB_COMPLETION_INDEX, value: mine}]}
`,
			steps: []step{active(2), look()}},
		{name: "fewer indexes at a time in mid-run", spec: `{completionMode: Indexed, completions: 4, parallelism: 4}`,
			steps: []step{active(4), running(0, 1), edit(`spec: {parallelism: 2}`), active(2), allTerminated(2), terminating(0), look(), succeed(0), counted(1, 0), active(2), look()}},
		{name: "a deleted index is replaced while its pod still ends", spec: `{completionMode: Indexed, completions: 2, parallelism: 2, podReplacementPolicy: TerminatingOrFailed}`,
			steps: []step{active(2), unready(0, 1), deletePods(0), counted(0, 1), active(2), terminating(1), look()}},
		{name: "a deleted index keeps its place until its pod has ended", spec: `{completionMode: Indexed, completions: 3, parallelism: 2, podReplacementPolicy: Failed}`,
			steps: []step{active(2), running(0, 1), deletePods(0), active(1), terminating(1), look(), terminated(143, 0), counted(0, 1), active(2), look()}},
		{name: "a deleted index that ends well has succeeded, where it was waited for", spec: `{completionMode: Indexed, completions: 2, parallelism: 2, podReplacementPolicy: Failed}`,
			steps: []step{active(2), running(0, 1), deletePods(0), active(1), terminated(0, 0), counted(1, 0), look(), succeed(1), becomes(complete)}},
		{name: "the pod of a completed index that is deleted is not missed", spec: `{completionMode: Indexed, completions: 2, parallelism: 2}`,
			steps: []step{active(2), succeed(0), counted(1, 0), deleteEnded(0), active(1), look(), succeed(1), becomes(complete)}},
		{name: "a second pod of an index is removed", spec: `{completionMode: Indexed, completions: 2, parallelism: 2}`,
			steps: []step{active(2), running(0, 1), copied(0, "0"), allTerminated(1), active(2), terminating(0), look()}},
		{name: "a pod of an index out of range is removed", spec: `{completionMode: Indexed, completions: 2, parallelism: 2}`,
			steps: []step{active(2), running(0, 1), copied(0, "7"), allTerminated(1), active(2), terminating(0), look()}},
		{name: "a pod without an index is removed", spec: `{completionMode: Indexed, completions: 2, parallelism: 2}`,
			steps: []step{active(2), running(0, 1), copied(0, ""), allTerminated(1), active(2), terminating(0), look()}},
	}
}

// perIndexScenarios: each index has failures of its own.
func perIndexScenarios() []scenario {
	return []scenario{
		{name: "an index without a second chance fails, and the others go on",
			spec:  `{completionMode: Indexed, completions: 3, parallelism: 2, backoffLimitPerIndex: 0}`,
			steps: []step{active(2), look(), fail(0), counted(0, 1), active(2), look(), succeed(1), counted(1, 1), active(1), succeed(2), becomes(failed)}},
		{name: "all indexes fail", spec: `{completionMode: Indexed, completions: 2, parallelism: 2, backoffLimitPerIndex: 0}`,
			steps: []step{active(2), together(fail(0), fail(1)), becomes(failed)}},
		{name: "an index fails at its second failure", spec: `{completionMode: Indexed, completions: 2, parallelism: 2, backoffLimitPerIndex: 1}`,
			steps: []step{active(2), fail(0), counted(0, 1), active(2), look(), fail(0), counted(0, 2), active(1), look(), succeed(1), becomes(failed)}},
		{name: "an index succeeds after its first failure", spec: `{completionMode: Indexed, completions: 2, parallelism: 2, backoffLimitPerIndex: 1}`,
			steps: []step{active(2), fail(1), counted(0, 1), active(2), look(), together(succeed(0), succeed(1)), becomes(complete)}},
		{name: "the back-off of one index holds no other", spec: `{completionMode: Indexed, completions: 3, parallelism: 2, backoffLimitPerIndex: 2}`,
			steps: []step{active(2), exits(exit{code: 1, later: ahead}, 0), active(1), look(), succeed(1), succeeded(1), look()}},
		{name: "one failed index is more than maxFailedIndexes allows",
			spec:  `{completionMode: Indexed, completions: 4, parallelism: 3, backoffLimitPerIndex: 0, maxFailedIndexes: 0}`,
			steps: []step{active(3), running(1, 2), fail(0), becomes(target), terminating(2), look(), allTerminated(2), becomes(failed)}},
		{name: "as many failed indexes as maxFailedIndexes allows",
			spec:  `{completionMode: Indexed, completions: 3, parallelism: 3, backoffLimitPerIndex: 0, maxFailedIndexes: 1}`,
			steps: []step{active(3), fail(0), counted(0, 1), active(2), look(), fail(1), becomes(target), allTerminated(1), becomes(failed)}},
		{name: "maxFailedIndexes is lowered in mid-run",
			spec:  `{completionMode: Indexed, completions: 3, parallelism: 3, backoffLimitPerIndex: 0, maxFailedIndexes: 2}`,
			steps: []step{active(3), fail(0), counted(0, 1), active(2), edit(`spec: {maxFailedIndexes: 0}`), becomes(target), allTerminated(2), becomes(failed)}},
		{name: "the limit of all failures counts beside that of each index",
			spec:  `{completionMode: Indexed, completions: 3, parallelism: 3, backoffLimitPerIndex: 3, backoffLimit: 1}`,
			steps: []step{active(3), running(2), together(justFailed(0), justFailed(1)), becomes(target), allTerminated(1), becomes(failed)}},
		{name: "a rule fails the index at its first failure", spec: `
completionMode: Indexed
completions: 2
parallelism: 2
backoffLimitPerIndex: 5
podFailurePolicy: {rules: [{action: FailIndex, onExitCodes: {operator: In, values: [7]}}]}
`,
			steps: []step{active(2), exits(exit{code: 7}, 0), counted(0, 1), active(1), look(), succeed(1), becomes(failed)}},
		{name: "an ignored failure of an index is carried on and not counted", spec: `
completionMode: Indexed
completions: 2
parallelism: 2
backoffLimitPerIndex: 0
podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget}]}]}
`,
			steps: []step{active(2), exits(exit{code: 1, condition: "DisruptionTarget", status: "True"}, 0), active(2), look(),
				exits(exit{code: 1, condition: "DisruptionTarget", status: "True"}, 0), active(2), look(), together(succeed(0), succeed(1)), becomes(complete)}},
		{name: "a deleted pod of an index with its own limit", spec: `{completionMode: Indexed, completions: 2, parallelism: 2, backoffLimitPerIndex: 1}`,
			steps: []step{active(2), unready(0, 1), deletePods(0), counted(0, 1), active(2), terminating(1), look(), terminated(143, 0), terminating(0), look()}},
		{name: "a finished failed index is suspended and resumed", spec: `{completionMode: Indexed, completions: 3, parallelism: 3, backoffLimitPerIndex: 0}`,
			steps: []step{active(3), fail(0), counted(0, 1), succeed(1), counted(1, 1), active(1), edit(`spec: {suspend: true}`), allTerminated(1), becomes("Suspended"), active(0), look(),
				edit(`spec: {suspend: false}`), active(1), look(), succeed(2), becomes(failed)}},
	}
}
