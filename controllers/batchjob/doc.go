// Package batchjob is the hands of BatchJob: the only code that reads or writes
// BatchJobs and Pods.
//
//	controller.go  Reconcile is observe → decide → apply → report; what is watched
//	observe.go     from the API, through a cache that may lag, to engine.Observed
//	freshness.go   never observe a world older than our own writes
//	facts.go       from a Pod to what the judge needs to know of it
//	apply.go       every write, in the order of the plan
//	claim.go       pods taken over by selector, or given up
//	pod.go         from the template to a Pod
//	revisions.go   the hash of each job's spec, computed once
//	retry.go       how long to wait when the API server refuses
//	memory.go      all of what is remembered, for tests that compare worlds
//	cache.go       which pods are cached, and how little of them
//
// # Reading one's own writes
//
// A cache that lags shows a world in which our last pod does not exist yet; who
// decides on it makes a second one. So each job remembers the resource versions
// of its own writes and is not looked at before the caches have shown them. It
// does not wait for that: the event that brings the news is the one that wakes
// the job. After a restart nothing is remembered, so a namespace's cache counts
// only once it has shown something newer than the moment at which this process
// began to lead; until then a job that has not finished is read live.
package batchjob
