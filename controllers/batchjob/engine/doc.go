// Package engine is the judge of BatchJobs: Decide turns what was observed of
// one job into what is to be done about it, and nothing else.
//
// It sees no client, context, logger, clock or random number, so the same
// observation always gives the same plan. A reader starts at Decide, which is
// the order of evaluation:
//
//	observed.go     the facts that go in
//	plan.go         the orders that come out
//	decide.go       the order in which everything is looked at
//	holds.go        why no pod may be made at the moment
//	dependencies.go what must be ready before a run begins
//	invalid.go      what batch/v1 refuses and CEL cannot
//	claim.go        which pods are the run's, which to take over or give up
//	accounting.go   each pod's end is counted once
//	indexed.go      one success for each index, with its own back-off
//	indexes.go      sets of indexes, "1,3-5,7"
//	finish.go       the verdicts, in the order in which they are tried
//	failure_policy.go, success_policy.go  the rules of the author
//	ended.go        what is left to do for a finished run
//	backoff.go      how long to wait after a failure
//	scale.go        how many pods are wanted, which go first
//	names.go        the name of the next pod, which is its lock
//	revision.go     the hash that tells one run's definition from another's
//	runs.go         what follows the current run: a changed spec, a token
//	drain.go        a superseded run ends
//	switch.go       the one write that begins the next; pods of former runs
//	status.go       the status as it is once the plan has been carried out
//	failure.go      why a pod failed, in one line
//
// # How an end is counted once
//
// Every pod carries the finalizer batch.stint.dev/job-tracking, so its end
// cannot vanish. The end is written down in status.uncountedTerminatedPods
// first; a later plan that observes it there takes the finalizer off; a still
// later one that observes the finalizer gone moves the UID into the counter.
// When the verdict falls and no pod is left, everything is put into the
// counters in the write of the verdict itself, and a finished run never counts
// again: it only takes finalizers off. Both are the protocol of KEP-2307 with
// one write less at the end.
//
// # Laws
//
// A plan may be cut off after any of its orders, so each of them is justified
// by what was durable when it was observed, never by another order of the same
// plan: the pods of a failed job are deleted only once FailureTarget has been
// read back, a finalizer goes only once the UID has been read back.
package engine
