// Package controllers is the map of the house. It holds no code.
//
//	batchjob/           THE HANDS     the only code that reads or writes BatchJobs and Pods
//	batchjob/engine/    THE JUDGE     what is to be done about one job: pure
//	cronbatchjob/       THE HANDS     the only code that reads or writes CronBatchJobs and their runs
//	cronbatchjob/engine/ THE JUDGE    which times start, wait or are given up: pure
//	mould/              THE MOULD     the pod that a BatchJob's spec makes, and whether it can: pure
//	shard/              THE SHARE     which objects are this operator's: pure
//	schedule/           THE CALENDAR  when an expression fires: pure
//	report/             THE VOICE     kstatus conditions, events, metrics
//
// Around it: ../api/v1alpha1 is the contract, ../cmd the doors, ../config and
// ../charts the dock, ../test the world, the clusters and the demonstration.
//
// # Arrows
//
// Imports flow one way: cmd → {batchjob, cronbatchjob} → report → engine →
// {schedule, mould, api}. The two kinds never import each other; they meet
// through API objects, and what both must know of a BatchJob's spec is in the
// mould. An engine sees no client, context, logger, time.Now, random number
// or feature gate. architecture_test.go holds all of this.
//
// # Laws
//
//  1. Decide depends on Observed only.
//  2. Act only on what was durable when observed.
//  3. Any prefix of a Plan may be the last thing ever done.
//  4. Never observe a world older than our own writes.
//  5. Speak after the write, never before.
//  6. A pod missing from a filtered cache is not gone until a live read says so.
//
// # Versions
//
// The operator is built with controller-runtime 0.24.1 and Kubernetes 0.36.4,
// the pair that fluxcd/pkg/runtime v0.110.3 is tested with. controller-runtime
// 0.25 offers reads that wait for one's own writes; they hold a worker while
// they wait and know nothing of what a former leader wrote. batchjob/freshness.go
// waits for the event instead and covers both, so there is nothing to gain from
// the newer pair yet.
package controllers
