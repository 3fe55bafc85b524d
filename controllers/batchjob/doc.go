// Package batchjob is the hands of BatchJob: the only code that reads or writes
// BatchJobs and Pods.
//
//	controller.go  Reconcile is observe → decide → apply → report; what is watched
//	observe.go     from the API, through a cache that may lag, to engine.Observed
//	freshness.go   never observe a world older than our own writes
//	dependencies.go what spec.dependsOn names, and waking when it changes
//	expression.go  readyExpr: CEL, compiled once, with a limit of its cost
//	facts.go       from a Pod to what the judge needs to know of it
//	apply.go       every write, in the order of the plan
//	claim.go       pods taken over by selector, or given up
//	pod.go         from the template to a Pod
//	revisions.go   the hash of each job's spec, computed once
//	hidden.go      pods that left the cache and may be there
//	names.go       names of pods that others have
//	retry.go       how long to wait when the API server refuses
//	memory.go      all of what is remembered, for tests that compare worlds
//	cache.go       which pods are cached, how little of them, and how far that is
//
// # Reading one's own writes
//
// A cache that lags shows a world in which our last pod does not exist yet; who
// decides on it makes a second one. So each job remembers the resource versions
// of its own writes and is not looked at before the caches have shown them. It
// does not wait for that: the event that brings the news is the one that wakes
// the job.
//
// How far the cache of pods has come is asked of the cache itself, which holds
// its version and its pods under one lock, and before the pods are read: a
// version learnt afterwards, or from events, can be ahead of what was read. A
// list that is taken over after a broken watch brings its pods in no order, so
// the newest of them proves nothing of the others; the cache's own version
// counts only once it has all of them.
//
// A write whose answer was lost may show or not, so the job is read live. After
// a restart nothing is remembered, so the caches count for a job only once they
// stand at the moment at which this process began to lead, or later; until then
// a job that has not finished is read live.
package batchjob
