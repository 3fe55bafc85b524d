// Package world is a simulated API server, with everybody who acts on it, in
// which an operator is tried by random histories: crashes, stale caches, lost
// answers, impatient users, dying nodes. It has one goroutine, a virtual clock
// and one seeded source of chance, so a seed always tells the same story.
//
//	kinds.go        what the server knows of each kind of object
//	store.go        etcd and the registry: versions, conflicts, finalizers, grace
//	patch.go        merge, JSON and strategic merge patches
//	errors.go       the answers of a server that refuses
//	cache.go        an informer that lags, and its handlers, which lag behind it
//	list.go         selectors and indexes
//	client.go       client.Client and client.Reader of one process
//	clock.go        virtual time and timers
//	queue.go        the work queue
//	process.go      one run of the binary: what a crash takes away
//	weather.go      what becomes of a request: refused, lost, late, crashed
//	climate.go      how rough one history is
//	storm.go        what happens next, and the calm at the end
//	kubelet.go      pods begin, end, restart, are evicted, vanish
//	gc.go           the garbage collector
//	user.go         whoever has kubectl
//	world.go        all of it together
//	story.go        what happened, line by line
//	history.go      one history from its seed to its judgement
//	truth.go        the oracle: what really happened
//	ledger.go       each pod's end is counted once; no verdict without reason
//	ownwrites.go    no write is made a second time by who knows of it
//	rules.go        which pods may be made, let go and deleted
//	statusrules.go  batch/v1's rules for an update of a status
//	indexes.go      the same for indexes, and the form they are written in
//	indextruth.go   no index twice, none again, none without cause
//	policies.go     what podFailurePolicy and successPolicy make of an end
//	features.go     jobs with indexes and policies, drawn at random
//	namespace.go    a namespace that is deleted
//	meddling.go     hands that relabel pods, take finalizers off, make pods that match
//	admission.go    a quota, and a policy that refuses every pod
//	touched.go      what such hands excuse, and what they do not
//	parallel.go     what goes on side by side, in any order
//
// The histories of schedules:
//
//	cronhistory.go   the world of one schedule, through storm and calm
//	cronstorm.go     what happens next; downtimes, clocks that are set
//	cronauthor.go    edits, requests, deletions and names taken by hand
//	cronrunner.go    whoever runs the BatchJobs: an actor, or our controller
//	crongarbage.go   BatchJobs whose schedule goes
//	crontruth.go     the oracle: which runs there were, and when
//	cronstarts.go    which runs may be started, deleted and let go
//	cronaccounts.go  every time that a status passes has its reason
//	cronjudge.go     what must be true when everything has settled
//
// Beside the random histories, everything that can happen in small worlds:
//
//	exhaustive.go         the search and what it judges
//	exhaustive_branch.go  what can happen next
//	exhaustive_work.go    what can happen in the middle of a reconcile
//	exhaustive_fork.go    a copy of a world
//	exhaustive_key.go     when two states are the same
//	exhaustive_report.go  the shortest story
//
// # What is simulated and what is not
//
// A request is atomic; others may act before it and while it is on its way.
// One reconcile is under way at a time, except that a process which has lost
// its leadership may land one write in the middle of its successor's work.
// Objects lose on the wire what JSON loses: fractions of a second, empty
// fields. An informer never goes back in time, but a new process's first list
// may be old, its watch may break, and its handlers hear of things later than
// its readers see them.
//
// Not simulated: server-side apply, paging, other people's controllers, a hand
// that writes a status. Requests that a process makes side by side come one after
// the other, in any order.
//
// A pod that loses the label by which it is cached is found all the same, unless
// its operator dies before it has looked for it, or it is an orphan that names no
// job: then our finalizer stays until somebody puts the label back.
//
// # Replaying
//
// A history that fails prints its story and the command that tells it again.
// STINT_HISTORIES=10000 runs more of them. The exhaustive search prints the
// moves of its shortest story, to be told again with STINT_PATH.
// STINT_EXHAUSTIVE=1 searches the large ones of its small worlds too.
package world
