// Package report is the voice: what the status says to people and GitOps tools,
// and the events and metrics that follow a write.
//
//	status.go    kstatus conditions and display fields, added to what the engine computed; pure
//	outcome.go   how each state of the engine reads: phase, Ready, Reconciling, Stalled
//	classify.go  an API error is one of: never works, works later, somebody else's turn
//	events.go    Kubernetes events, spoken after the write they tell of
//	notify.go    the same events for Flux's notification-controller, off the reconcile path
//	metrics.go   every metric with its labels
//
// The same for CronBatchJobs:
//
//	cron.go         conditions, by the state of the schedule
//	cronevents.go   events, under batch/v1's reasons where it has one
//	cronmetrics.go  metrics
//
// It is the only room that writes conditions of kstatus. Events and metrics
// come from the difference between the status that was durable before a write
// and the one that is durable after it, never from an intention.
package report
