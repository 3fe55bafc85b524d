// Package cronbatchjob is the hands of CronBatchJob: the only code that reads or
// writes CronBatchJobs, and that makes and deletes the BatchJobs of a schedule.
//
//	controller.go  Reconcile is observe → decide → apply → report; what is watched
//	observe.go     from the API, through a cache that may lag, to engine.Observed
//	freshness.go   never act on a world older than our own writes
//	facts.go       from a BatchJob to what the judge needs to know of it
//	apply.go       every write, in the order of the plan
//	job.go         from the jobTemplate to a BatchJob
//	calendar.go    parsed schedules, remembered
//	retry.go       how long to wait when the API server refuses
//	memory.go      all of what is remembered, for tests that compare worlds
//
// # Few requests per start
//
// A thousand schedules that are due in one minute start within seconds if each
// costs little. A start is two requests, the BatchJob and the status, and all of
// the first kind come before those of the second. Reads come
// from the cache; only a schedule of which this process knows nothing, because
// it has just begun to lead, is read live, and only once there is something to
// do about it.
package cronbatchjob
