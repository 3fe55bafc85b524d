package cronbatchjob

import (
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// patience is how long a schedule waits for a cache to show its own writes
// before it is read live.
const patience = 5 * time.Second

// freshness knows which writes the caches have yet to show, as that of BatchJobs
// does: versions of one resource are ordered (KEP-5504), and a cache knows the
// version that it stands at.
type freshness struct {
	// shard is the name of this operator's.
	shard string
	mu    sync.Mutex
	owed  map[types.NamespacedName]*debt
}

// debt is what the caches owe to one schedule. Without one nothing is known of
// what a predecessor wrote.
type debt struct {
	of types.UID
	// cron and jobs are the newest versions of our own writes.
	cron, jobs string
	// floor is the version of the last live list of its runs: no event of it
	// need ever come.
	floor string
	// others is the version of the last live look at a schedule whose status
	// another shard's operator had written: the caches need not show what that
	// one did.
	others string
	// deleted are runs that we deleted and the cache may still show untouched.
	deleted map[types.UID]struct{}
	// doubt: a write may or may not have been carried out.
	doubt bool
	// since is when the debt was first found unpaid; zero while it is not.
	since time.Time
}

func newFreshness(shard string) *freshness {
	return &freshness{shard: shard, owed: map[types.NamespacedName]*debt{}}
}

// newer tells whether version a is newer than b; an empty one is the oldest. A
// server whose versions are not numbers gets no order: what was written counts
// as not yet shown, and patience ends in a live read.
func newer(a, b string) bool {
	if a == "" || b == "" {
		return a != ""
	}
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err != nil && a != b || order > 0
}

// debt is called with the lock held.
func (f *freshness) debt(cron *v1alpha1.CronBatchJob) *debt {
	key := client.ObjectKeyFromObject(cron)
	d := f.owed[key]
	if d == nil || d.of != cron.UID {
		// Nothing is known of what was written before, so only a live read
		// settles this.
		d = &debt{of: cron.UID, doubt: true, deleted: map[types.UID]struct{}{}}
		f.owed[key] = d
	}
	return d
}

// wroteJob notes a run that was created or patched.
func (f *freshness) wroteJob(cron *v1alpha1.CronBatchJob, version string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.debt(cron); newer(version, d.jobs) {
		d.jobs = version
	}
}

// deletedJob notes a run that was deleted.
func (f *freshness) deletedJob(cron *v1alpha1.CronBatchJob, job types.UID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.debt(cron).deleted[job] = struct{}{}
}

// wroteCron notes a write of the status; cron is as the API server returned it.
func (f *freshness) wroteCron(cron *v1alpha1.CronBatchJob) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.debt(cron); newer(cron.ResourceVersion, d.cron) {
		d.cron = cron.ResourceVersion
	}
}

// doubt notes a write whose answer was lost.
func (f *freshness) doubt(cron *v1alpha1.CronBatchJob) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.debt(cron).doubt = true
}

func (f *freshness) forget(cron types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.owed, cron)
}

// readLive notes a live read: the schedule as it was, and the version of the
// list of its runs. It has shown all our writes; from now on the caches have to
// show at least what it did.
func (f *freshness) readLive(cron *v1alpha1.CronBatchJob, jobs string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := &debt{of: cron.UID, cron: cron.ResourceVersion, floor: jobs, deleted: map[types.UID]struct{}{}}
	if f.foreign(cron) {
		d.others = cron.ResourceVersion
	}
	f.owed[client.ObjectKeyFromObject(cron)] = d
}

// view says what to make of what the caches show.
type view int

const (
	// current: the caches show all that we know of.
	current view = iota
	// behind: they do not yet, and the event that shows it will come.
	behind
	// overdue: they should have by now; read live.
	overdue
	// unknown: nothing says how old they are; read live before anything is
	// done.
	unknown
)

// judge compares the cached schedule and its cached runs with what is owed.
// shown is the version that the cache of BatchJobs stood at before they were
// read: what it came to afterwards says nothing about what was read.
func (f *freshness) judge(now time.Time, cron *v1alpha1.CronBatchJob, jobs []*v1alpha1.BatchJob, shown string) view {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.owed[client.ObjectKeyFromObject(cron)]
	if d == nil || d.of != cron.UID || d.doubt {
		return unknown
	}
	if !newer(d.cron, cron.ResourceVersion) && !newer(d.jobs, shown) && d.deletionsShown(jobs) {
		d.since = time.Time{}
		if newer(d.floor, shown) || f.foreign(cron) && newer(cron.ResourceVersion, d.others) {
			return unknown
		}
		return current
	}
	if d.since.IsZero() {
		d.since = now
	}
	if now.Sub(d.since) < patience {
		return behind
	}
	return overdue
}

// foreign tells whether the operator of another shard wrote the status last.
func (f *freshness) foreign(cron *v1alpha1.CronBatchJob) bool {
	return cron.Status.ObservedGeneration > 0 && cron.Status.Shard != f.shard
}

// deletionsShown forgets the deletions that the runs show, or that have gone
// through, and tells whether none is left.
func (d *debt) deletionsShown(jobs []*v1alpha1.BatchJob) bool {
	if len(d.deleted) == 0 {
		return true
	}
	left := map[types.UID]struct{}{}
	for _, j := range jobs {
		if _, ok := d.deleted[j.UID]; ok && j.DeletionTimestamp == nil {
			left[j.UID] = struct{}{}
		}
	}
	d.deleted = left
	return len(left) == 0
}
