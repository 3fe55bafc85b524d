// Command bench measures what BatchJobs cost, side by side with the built-in
// Job controller and with a client that makes the same writes without thinking.
// It starts a control plane of its own (test/cluster), gives every contender
// the same work in turn and prints goals and ratios: on another machine the absolute
// numbers differ, the ratios should not. RESULTS.md holds a run and the method.
//
// The parts:
//
//	plane.go      the control plane
//	contender.go  the three contenders, each a process that is started afresh
//	bare.go       the client without logic (this program, run again)
//	cluster.go    what happens in the cluster: ends the pods, sees who is done
//	workload.go   the work, and what is measured around it
//	audit.go      who wrote what, from the API server's audit log
//	load.go       the CPU time of the control plane, and of this program
//	profile.go    where the time goes, of the operator and of the API server
//	restart.go    what a restart writes
//	verdict.go    the goals, and whether they are met
//	cron.go       how late the runs of schedules are; cronwatch.go and
//	              cronbare.go belong to it
//	report.go     the tables
package main
