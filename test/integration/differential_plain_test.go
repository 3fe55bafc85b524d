//go:build integration

package integration

import batchv1 "k8s.io/api/batch/v1"

const (
	complete = batchv1.JobComplete
	failed   = batchv1.JobFailed
	target   = batchv1.JobFailureTarget
	met      = batchv1.JobSuccessCriteriaMet
)

// plainScenarios: how many pods, and when it is over.
func plainScenarios() []scenario {
	return []scenario{
		{name: "one pod succeeds",
			steps: []step{active(1), look(), running(0), look(), succeed(0), becomes(complete)}},
		{name: "three completions, two at a time", spec: `{completions: 3, parallelism: 2}`,
			steps: []step{active(2), succeed(0), counted(1, 0), active(2), succeed(0), counted(2, 0), active(1), look(), succeed(0), becomes(complete)}},
		{name: "three pods succeed at once", spec: `{completions: 3, parallelism: 3}`,
			steps: []step{active(3), running(0, 1, 2), look(), together(succeed(0), succeed(1), succeed(2)), becomes(complete)}},
		{name: "never more pods than are left to succeed", spec: `{completions: 2, parallelism: 5}`,
			steps: []step{active(2), succeed(0), counted(1, 0), active(1), look(), succeed(0), becomes(complete)}},
		{name: "a pod that is not ready yet is not counted as ready",
			steps: []step{active(1), unready(0), look(), running(0), look(), succeed(0), becomes(complete)}},
		{name: "a container that cannot start leaves the job running",
			steps: []step{active(1), waiting("ImagePullBackOff", 0), look()}},
		{name: "a work queue is done when one pod succeeded and all have ended", spec: `{parallelism: 3}`,
			steps: []step{active(3), running(0, 1, 2), succeed(0), counted(1, 0), active(2), look(), succeed(0), counted(2, 0), active(1), succeed(0), becomes(complete)}},
		{name: "a work queue replaces a failure before the first success", spec: `{parallelism: 2}`,
			steps: []step{active(2), fail(0), counted(0, 1), active(2), look(), together(succeed(0), succeed(1)), becomes(complete)}},
		{name: "a work queue replaces nothing after the first success", spec: `{parallelism: 2}`,
			steps: []step{active(2), succeed(0), counted(1, 0), active(1), fail(0), becomes(complete)}},
		{name: "a work queue takes no new parallelism after the first success", spec: `{parallelism: 2}`,
			steps: []step{active(2), succeed(0), counted(1, 0), active(1), edit(`spec: {parallelism: 4}`), look(), succeed(0), becomes(complete)}},
		{name: "parallelism 0 is a pause", spec: `{parallelism: 0, completions: 2}`,
			steps: []step{active(0), look(), edit(`spec: {parallelism: 1}`), active(1), look(), succeed(0), counted(1, 0), active(1), succeed(0), becomes(complete)}},
		{name: "parallelism raised in mid-run", spec: `{parallelism: 1, completions: 5}`,
			steps: []step{active(1), edit(`spec: {parallelism: 3}`), active(3), look()}},
		{name: "parallelism lowered in mid-run, the newest that run less go first", spec: `{parallelism: 3, completions: 5}`,
			steps: []step{active(3), running(0), edit(`spec: {parallelism: 1}`), active(1), terminating(2), look(), allTerminated(2), terminating(0), look(), succeed(0), counted(1, 0), active(1), look()}},
		{name: "parallelism lowered to 0 removes all pods, and none has failed", spec: `{parallelism: 2, completions: 5, backoffLimit: 0}`,
			steps: []step{active(2), running(0, 1), edit(`spec: {parallelism: 0}`), active(0), terminating(2), allTerminated(2), terminating(0), look(), edit(`spec: {parallelism: 1}`), active(1), look()}},
		{name: "no completions are wanted", spec: `{completions: 0, parallelism: 2}`,
			steps: []step{becomes(complete)}},
		{name: "no completions are wanted of a suspended job", spec: `{completions: 0, suspend: true}`,
			steps: []step{becomes(complete)}},
		{name: "no completions are wanted of an indexed job", spec: `{completions: 0, parallelism: 0, completionMode: Indexed}`,
			steps: []step{becomes(complete)}},
		{name: "the template's labels, annotations and environment reach the pod", spec: `
template:
  metadata:
    labels: {tier: batch}
    annotations: {note: hello}
  spec:
    hostname: own
    subdomain: sub
    priority: 0
    initContainers:
    - {name: first, image: busybox, env: [{name: A, value: b}]}
    containers:
    - {name: main, image: busybox, terminationMessagePolicy: File, ports: [{containerPort: 80}], resources: {requests: {cpu: 10m}}}
    - {name: side, image: "busybox:1", terminationMessagePath: /tmp/log}
`,
			steps: []step{active(1), look(), succeed(0), becomes(complete)}},
	}
}

// restartScenarios: containers that the kubelet restarts in place.
func restartScenarios() []scenario {
	return []scenario{
		{name: "restarts in place below the limit go on", spec: `{backoffLimit: 3, template: {spec: {restartPolicy: OnFailure}}}`,
			steps: []step{active(1), restarted(2, 0), look(), succeed(0), becomes(complete)}},
		{name: "restarts in place reach the limit", spec: `{backoffLimit: 2, template: {spec: {restartPolicy: OnFailure}}}`,
			steps: []step{active(1), restarted(2, 0), becomes(target), terminating(1), look(), terminated(143, 0), becomes(failed)}},
		{name: "the first restart in place is too many when the limit is 0", spec: `{backoffLimit: 0, template: {spec: {restartPolicy: OnFailure}}}`,
			steps: []step{active(1), running(0), look(), restarted(1, 0), becomes(target), terminated(1, 0), becomes(failed)}},
		{name: "no restart in place is well with a limit of 0", spec: `{backoffLimit: 0, template: {spec: {restartPolicy: OnFailure}}}`,
			steps: []step{active(1), running(0), succeed(0), becomes(complete)}},
		{name: "restarts in place of all pods are added up", spec: `{backoffLimit: 3, parallelism: 2, completions: 2, template: {spec: {restartPolicy: OnFailure}}}`,
			steps: []step{active(2), restarted(1, 0), look(), restarted(2, 1), becomes(target), terminating(2), look(), allTerminated(2), becomes(failed)}},
		{name: "a pod of restartPolicy OnFailure that failed counts as one that never restarts", spec: `{backoffLimit: 0, template: {spec: {restartPolicy: OnFailure}}}`,
			steps: []step{active(1), fail(0), becomes(failed)}},
	}
}
