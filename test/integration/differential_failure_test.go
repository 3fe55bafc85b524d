//go:build integration

package integration

import "time"

// failureScenarios: counting failures, and waiting after them.
func failureScenarios() []scenario {
	now := exit{code: 1, later: ahead}
	return []scenario{
		{name: "one failure is too many when the limit is 0", spec: `{backoffLimit: 0}`,
			steps: []step{active(1), running(0), exits(exit{code: 42}, 0), becomes(failed)}},
		{name: "a failed pod is replaced until the limit", spec: `{backoffLimit: 1}`,
			steps: []step{active(1), fail(0), counted(0, 1), active(1), look(), fail(0), becomes(failed)}},
		{name: "a job that failed twice still succeeds", spec: `{backoffLimit: 2}`,
			steps: []step{active(1), fail(0), counted(0, 1), active(1), fail(0), counted(0, 2), active(1), succeed(0), becomes(complete)}},
		{name: "failures at once exceed the limit, and what runs is ended and counted", spec: `{parallelism: 3, completions: 3, backoffLimit: 1}`,
			steps: []step{active(3), running(2), together(exits(now, 0), exits(now, 1)), becomes(target), terminating(1), look(), allTerminated(1), becomes(failed)}},
		{name: "failure beats success when both are seen at once", spec: `{parallelism: 2, backoffLimit: 0}`,
			steps: []step{active(2), together(fail(1), succeed(0)), becomes(failed)}},
		{name: "failure beats the last completion", spec: `{parallelism: 2, completions: 2, backoffLimit: 0}`,
			steps: []step{active(2), together(fail(0), succeed(1)), becomes(failed)}},
		{name: "the limit of failures is lowered in mid-run", spec: `{backoffLimit: 3}`,
			steps: []step{active(1), fail(0), counted(0, 1), active(1), edit(`spec: {backoffLimit: 0}`), becomes(target), allTerminated(1), becomes(failed)}},
		{name: "the limit of failures is raised in mid-run", spec: `{backoffLimit: 1}`,
			steps: []step{active(1), edit(`spec: {backoffLimit: 2}`), fail(0), counted(0, 1), active(1), fail(0), counted(0, 2), active(1), look()}},
		{name: "no pod is made while the back-off lasts", spec: `{backoffLimit: 3}`,
			steps: []step{active(1), exits(now, 0), counted(0, 1), active(0), look()}},
		{name: "the back-off holds back the pods of other completions too", spec: `{completions: 3, parallelism: 2}`,
			steps: []step{active(2), running(0, 1), exits(now, 0), counted(0, 1), active(1), look()}},
		{name: "a success after the failure ends the back-off", spec: `{completions: 4, parallelism: 2}`,
			steps: []step{active(2), exits(now, 0), counted(0, 1), active(1), succeedAfter(5*time.Second, 0), counted(1, 1), active(2), look()}},
		{name: "a success before the failure does not end the back-off", spec: `{completions: 2, parallelism: 2}`,
			steps: []step{active(2), together(succeed(1), exits(now, 0)), counted(1, 1), active(0), look()}},
		{name: "the longest back-off is over after six minutes, not ten", spec: `{parallelism: 7, completions: 7, backoffLimit: 20, podReplacementPolicy: Failed}`,
			steps: []step{active(7), running(0, 1, 2, 3, 4, 5, 6), deletePods(0, 1, 2, 3, 4, 5, 6), active(0), terminating(7), edit(`spec: {parallelism: 0}`),
				endedAgo(7*time.Minute, 7), counted(0, 7), look(), edit(`spec: {parallelism: 7}`), differently(backoffCap, active(0), active(7)),
				remove("Background"), differently(backoffCap, all(), allTerminated(7)), gone(0)}},
		{name: "a pod that the kubelet evicted counts as failed", spec: `{backoffLimit: 0}`,
			steps: []step{active(1), running(0), exits(exit{evicted: true}, 0), becomes(failed)}},
		{name: "a pod that fails in its init container counts as failed", spec: `
backoffLimit: 0
template: {spec: {initContainers: [{name: prepare, image: busybox}]}}
`,
			steps: []step{active(1), exits(exit{code: 3, container: "prepare"}, 0), becomes(failed)}},
		{name: "a finished pod is kept when its job goes on", spec: `{completions: 2, parallelism: 1, backoffLimit: 5}`,
			steps: []step{active(1), fail(0), counted(0, 1), active(1), succeed(0), counted(1, 1), active(1), look()}},
	}
}

// deletionScenarios: pods that are deleted, and jobs.
func deletionScenarios() []scenario {
	unassigned := `{backoffLimit: 3, template: {spec: {nodeName: null, schedulerName: nobody}}}`
	return []scenario{
		{name: "a deleted pod has failed at once, and is replaced while it ends", spec: `{podReplacementPolicy: TerminatingOrFailed}`,
			steps: []step{active(1), unready(0), deletePods(0), counted(0, 1), active(1), terminating(1), look(), terminated(143, 0), terminating(0), look(), succeed(0), becomes(complete)}},
		{name: "a deleted pod has failed when it has ended, and is replaced then", spec: `{podReplacementPolicy: Failed}`,
			steps: []step{active(1), running(0), deletePods(0), active(0), terminating(1), look(), terminated(143, 0), counted(0, 1), active(1), look(), succeed(0), becomes(complete)}},
		{name: "a deleted pod that ends well has succeeded, where it was waited for", spec: `{podReplacementPolicy: Failed, backoffLimit: 0}`,
			steps: []step{active(1), running(0), deletePods(0), active(0), terminating(1), terminated(0, 0), becomes(complete)}},
		{name: "a deleted pod that ends well has failed before, where it was not waited for", spec: `{podReplacementPolicy: TerminatingOrFailed, completions: 2}`,
			steps: []step{active(1), unready(0), deletePods(0), counted(0, 1), active(1), terminated(0, 0), terminating(0), look()}},
		{name: "the back-off after a deleted pod", spec: `{backoffLimit: 3}`,
			steps: []step{active(1), stopped(ahead, 0), deletePods(0), counted(0, 1), active(0), terminating(1), look(), terminated(143, 0), terminating(0), look()}},
		{name: "a pod without a node is gone when it is deleted, and has failed", spec: unassigned,
			steps: []step{active(1), deletePods(0), counted(0, 1), active(0), look()}},
		{name: "a pod without a node that is deleted has failed, also where only ended pods are replaced",
			spec:  `{backoffLimit: 0, podReplacementPolicy: Failed, template: {spec: {nodeName: null, schedulerName: nobody}}}`,
			steps: []step{active(1), deletePods(0), becomes(failed)}},
		{name: "the deletion of a pod is the failure that is too many", spec: `{backoffLimit: 0}`,
			steps: []step{active(1), running(0), deletePods(0), becomes(target), terminated(143, 0), becomes(failed)}},
		{name: "an evicted pod counts as failed when it has ended", spec: `{podReplacementPolicy: Failed, backoffLimit: 3}`,
			steps: []step{active(1), running(0), evict(0), active(0), terminating(1), look(), terminated(137, 0), counted(0, 1), active(1), look()}},
		{name: "a switch to TerminatingOrFailed counts the pod that ends", spec: `{podReplacementPolicy: Failed}`,
			steps: []step{active(1), unready(0), deletePods(0), active(0), terminating(1), edit(`spec: {podReplacementPolicy: TerminatingOrFailed}`), counted(0, 1), active(1), look()}},
		{name: "a succeeded pod that is deleted stays counted", spec: `{completions: 2, parallelism: 1}`,
			steps: []step{active(1), succeed(0), counted(1, 0), active(1), deleteEnded(0), look(), succeed(0), becomes(complete)}},
		{name: "pods of a finished job may be deleted",
			steps: []step{active(1), succeed(0), becomes(complete), deleteEnded(0), look()}},
		{name: "a job deleted in the background takes its pods along", spec: `{completions: 3, parallelism: 2}`,
			steps: []step{active(2), running(0, 1), succeed(0), counted(1, 0), active(2), remove("Background"), terminatingOf(2), allTerminated(2), gone(0)}},
		{name: "a job deleted in the foreground goes after its pods", spec: `{completions: 3, parallelism: 2}`,
			steps: []step{active(2), running(0, 1), succeed(0), counted(1, 0), active(2), remove("Foreground"), terminatingOf(2), look(), allTerminated(2), gone(0)}},
		{name: "a job deleted as an orphan leaves its pods, and none is held", spec: `{completions: 3, parallelism: 2}`,
			steps: []step{active(2), running(0, 1), succeed(0), counted(1, 0), active(2), remove("Orphan"), gone(3)}},
		{name: "a finished job deleted in the foreground", spec: `{completions: 1}`,
			steps: []step{active(1), succeed(0), becomes(complete), remove("Foreground"), gone(0)}},
		{name: "a job deleted without saying how", spec: `{completions: 1}`,
			steps: []step{active(1), succeed(0), becomes(complete), remove(""),
				differently(defaultDeletion, all(gone(1), deleteEnded(0), gone(0)), gone(0))}},
		{name: "a job deleted while its pods end is not given new ones", spec: `{podReplacementPolicy: TerminatingOrFailed, completions: 2, parallelism: 2}`,
			steps: []step{active(2), running(0, 1), remove("Foreground"), terminatingOf(2), look(), allTerminated(2), gone(0)}},
	}
}

// terminatingOf waits for n pods that end, whatever the status says: that of a
// job that is going is not kept up.
func terminatingOf(n int) step { return podsAre("terminating", isTerminating, n) }

// deleteEnded deletes pods that have ended.
func deleteEnded(pods ...int) step {
	return eachPod("delete ended", hasEnded, pods, deletePod)
}
