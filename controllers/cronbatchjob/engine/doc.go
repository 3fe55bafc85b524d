// Package engine is the judge of CronBatchJobs: Decide turns what was observed
// of one schedule and its runs into what is to be done, and nothing else.
//
// It sees no client, context, logger, clock or random number. A reader starts
// at Decide, which is the order of evaluation:
//
//	observed.go     the facts that go in
//	plan.go         the orders that come out
//	decide.go       the order in which everything is looked at
//	calendar.go     schedules, blackouts and since when they count
//	holds.go        why nothing may be started
//	template.go     why no run of the jobTemplate could ever begin
//	names.go        the name of a run, which is its lock
//	catchup.go      which times are due, which are missed, and what becomes of those
//	tokens.go       runs that were asked for
//	concurrency.go  what starts, what waits, what gives way
//	children.go     which runs are recorded, which have ended
//	history.go      which ended runs are kept
//	status.go       the status as it is once the plan has been carried out
//
// # How a time starts once
//
// The name of a run follows from its time, so a start given twice makes one
// BatchJob. It carries the finalizer batch.stint.dev/cron-recorded until its
// start and its end are written down, so the lock is there for as long as
// anybody might try again. A start is written down by the same decision that
// finds the work of a predecessor who crashed: Decide orders a start, and
// decides again once the BatchJob exists. What exists is the record.
//
// # What is durable before what
//
// A time that has to wait goes into status.queue in the same write that moves
// lastScheduleTime past it. Whatever is done for its sake (Replace deletes the
// active run) is done only once it has been read back from there. A start moves
// lastScheduleTime after the BatchJob exists; a run's end is counted in the
// write that takes it out of status.active, and its finalizer goes after that.
package engine
