//go:build integration

package integration

// policyScenarios: podFailurePolicy.
func policyScenarios() []scenario {
	rule := func(rules string) string { return `{backoffLimit: 2, podFailurePolicy: {rules: [` + rules + `]}}` }
	disrupted := exit{code: 1, condition: "DisruptionTarget", status: "True"}
	return []scenario{
		{name: "a rule fails the job for an exit code", spec: rule(`{action: FailJob, onExitCodes: {operator: In, values: [42]}}`),
			steps: []step{active(1), exits(exit{code: 42}, 0), becomes(failed)}},
		{name: "a rule does not hold for another exit code", spec: rule(`{action: FailJob, onExitCodes: {operator: In, values: [42]}}`),
			steps: []step{active(1), exits(exit{code: 41}, 0), counted(0, 1), active(1), look()}},
		{name: "a rule fails the job for all other exit codes", spec: rule(`{action: FailJob, onExitCodes: {operator: NotIn, values: [40, 41]}}`),
			steps: []step{active(1), exits(exit{code: 41}, 0), counted(0, 1), active(1), exits(exit{code: 1}, 0), becomes(failed)}},
		{name: "a rule for one container does not look at another", spec: `
podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {containerName: main, operator: In, values: [42]}}]}
template: {spec: {containers: [{name: main, image: busybox}, {name: side, image: busybox}]}}
`,
			steps: []step{active(1), exits(exit{code: 42, container: "side"}, 0), counted(0, 1), active(1), exits(exit{code: 42, container: "main"}, 0), becomes(failed)}},
		{name: "a rule looks at init containers", spec: `
podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [5]}}]}
template: {spec: {initContainers: [{name: prepare, image: busybox}]}}
`,
			steps: []step{active(1), exits(exit{code: 5, container: "prepare"}, 0), becomes(failed)}},
		{name: "a rule for negative exit codes", spec: rule(`{action: FailJob, onExitCodes: {operator: In, values: [-1073741819, 3]}}`),
			steps: []step{active(1), exits(exit{code: -1073741819}, 0), becomes(failed)}},
		{name: "a failed job ends the other pods", spec: `
completions: 3
parallelism: 3
podFailurePolicy: {rules: [{action: FailJob, onExitCodes: {operator: In, values: [42]}}]}
`,
			steps: []step{active(3), running(1, 2), exits(exit{code: 42}, 0), becomes(target), terminating(2), look(), allTerminated(2), becomes(failed)}},
		{name: "a disruption is not counted", spec: `{backoffLimit: 0, podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget}]}]}}`,
			steps: []step{active(1), exits(disrupted, 0), active(1), look(), exits(disrupted, 0), active(1), look(), succeed(0), becomes(complete)}},
		{name: "a disruption slows down the next pod all the same", spec: `{backoffLimit: 0, podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget}]}]}}`,
			steps: []step{active(1), exits(exit{code: 1, condition: "DisruptionTarget", status: "True", later: ahead}, 0), active(0), letGo(), look()}},
		{name: "an eviction through the API is not counted", spec: `{backoffLimit: 0, podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: DisruptionTarget}]}]}}`,
			steps: []step{active(1), running(0), evict(0), active(0), terminating(1), look(), terminated(137, 0), active(1), look(), succeed(0), becomes(complete)}},
		{name: "a condition of another status does not hold", spec: `
backoffLimit: 0
podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: Special, status: "False"}]}]}
`,
			steps: []step{active(1), exits(exit{code: 1, condition: "Special", status: "True"}, 0), becomes(failed)}},
		{name: "a condition of status Unknown holds", spec: `
backoffLimit: 0
podFailurePolicy: {rules: [{action: Ignore, onPodConditions: [{type: Special, status: "Unknown"}]}]}
`,
			steps: []step{active(1), exits(exit{code: 1, condition: "Special", status: "Unknown"}, 0), active(1), look()}},
		{name: "the job fails for a condition", spec: rule(`{action: FailJob, onPodConditions: [{type: ConfigIssue}]}`),
			steps: []step{active(1), exits(exit{code: 1, condition: "ConfigIssue", status: "True"}, 0), becomes(failed)}},
		{name: "the first rule that holds decides", spec: rule(`
  {action: Ignore, onExitCodes: {operator: In, values: [1, 2]}}, {action: FailJob, onExitCodes: {operator: In, values: [2, 3]}}`),
			steps: []step{active(1), exits(exit{code: 2}, 0), active(1), look(), exits(exit{code: 3}, 0), becomes(failed)}},
		{name: "a rule that counts counts", spec: `
backoffLimit: 0
podFailurePolicy: {rules: [{action: Count, onExitCodes: {operator: In, values: [1]}}, {action: Ignore, onExitCodes: {operator: NotIn, values: [5]}}]}
`,
			steps: []step{active(1), exits(exit{code: 1}, 0), becomes(failed)}},
		{name: "a pod that still ends is not judged by the rules", spec: rule(`{action: FailJob, onExitCodes: {operator: In, values: [143]}}`),
			steps: []step{active(1), running(0), deletePods(0), active(0), terminating(1), look(), terminated(143, 0), becomes(failed)}},
	}
}

// successScenarios: successPolicy.
func successScenarios() []scenario {
	policy := func(rules string) string {
		return `{completionMode: Indexed, completions: 3, parallelism: 3, backoffLimit: 3, successPolicy: {rules: [` + rules + `]}}`
	}
	return []scenario{
		{name: "the leader succeeds, and the others are ended", spec: policy(`{succeededIndexes: "0"}`),
			steps: []step{active(3), running(1, 2), succeed(0), becomes(met), terminating(2), look(), allTerminated(2), becomes(complete)}},
		{name: "another than the leader succeeds", spec: policy(`{succeededIndexes: "0"}`),
			steps: []step{active(3), succeed(1), counted(1, 0), active(2), look(), succeed(0), becomes(met), allTerminated(1), becomes(complete)}},
		{name: "enough indexes succeed, whichever", spec: policy(`{succeededCount: 2}`),
			steps: []step{active(3), succeed(2), counted(1, 0), active(2), look(), succeed(0), becomes(met), allTerminated(1), becomes(complete)}},
		{name: "enough of some indexes succeed", spec: policy(`{succeededIndexes: "0,2", succeededCount: 1}`),
			steps: []step{active(3), succeed(1), counted(1, 0), active(2), look(), succeed(2), becomes(met), allTerminated(1), becomes(complete)}},
		{name: "the second rule holds first", spec: policy(`{succeededIndexes: "0-1"}, {succeededCount: 1}`),
			steps: []step{active(3), succeed(2), becomes(met), look(), allTerminated(2), becomes(complete)}},
		{name: "all indexes succeed before a rule is met", spec: policy(`{succeededIndexes: ""}`),
			steps: []step{active(3), together(succeed(0), succeed(1), succeed(2)), becomes(complete)}},
		{name: "failure beats a success policy", spec: `{completionMode: Indexed, completions: 2, parallelism: 2, backoffLimit: 0, successPolicy: {rules: [{succeededIndexes: "0"}]}}`,
			steps: []step{active(2), together(fail(1), succeed(0)), becomes(failed)}},
		{name: "a pod that ends well after the rule is met is counted", spec: policy(`{succeededIndexes: "0"}`),
			steps: []step{active(3), running(1, 2), succeed(0), becomes(met), terminating(2), terminated(0, 1), terminated(143, 2), becomes(complete)}},
		{name: "the leader succeeds although another index has failed", spec: `
completionMode: Indexed
completions: 3
parallelism: 3
backoffLimitPerIndex: 0
successPolicy: {rules: [{succeededIndexes: "0"}]}
`,
			steps: []step{active(3), fail(1), counted(0, 1), active(2), succeed(0), becomes(met), allTerminated(1), becomes(complete)}},
	}
}
