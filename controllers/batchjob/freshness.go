package batchjob

import (
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// patience is how long a job waits for a cache to show its own writes before it
// is read live. Events normally take milliseconds; only one that was swallowed
// by a relist, or a broken watch, takes longer.
const patience = 5 * time.Second

// freshness knows which writes the caches have yet to show. Resource versions
// of one resource are ordered (KEP-5504), and a cache knows the version that it
// stands at (PodCache), so one number says what it shows.
type freshness struct {
	// shard is the name of this operator's.
	shard string
	mu    sync.Mutex
	owed  map[types.NamespacedName]*debt
	// freed are the pods that the cache may still show with our finalizer, at
	// the version at which it came off. Their jobs may be gone, and with them
	// what is owed to those.
	freed map[types.UID]string
	// floor is a version of each resource from after this process began to
	// lead; empty until it is known.
	floorJobs, floorPods string
}

// debt is what the caches owe to one job.
type debt struct {
	// of is whose debt it is: a job deleted and created again owes nothing to
	// its former self.
	of types.UID
	// job and pods are the newest versions of our own writes, whose events
	// are bound to come.
	job, pods string
	// floor is the version of the last live list of pods. What had gone by
	// then must not be taken for new when an old cache shows it, and no event
	// need ever come: until one does, the job is read live.
	floor string
	// others is the version of the last live look at a job whose status another
	// shard's operator had written: the caches need not show what that one did.
	others string
	// deleted are pods that we deleted and that the cache may still show as
	// if nothing had happened: a DELETE does not tell its version.
	deleted map[types.UID]struct{}
	// live: the job was read live.
	live bool
	// doubt: a write of the status, or of a new pod, may or may not have been
	// carried out.
	doubt bool
	// size is how many pods the job had at the last look, looked when that
	// began.
	size   int
	looked time.Time
	// wrote is when the status was last written.
	wrote time.Time
	// since is when the debt was first found unpaid; zero while it is not.
	since time.Time
}

func newFreshness(shard string) *freshness {
	return &freshness{shard: shard, owed: map[types.NamespacedName]*debt{}, freed: map[types.UID]string{}}
}

// newer tells whether version a is newer than b; an empty one is the oldest. A
// server whose versions are not numbers gets no order: all that was written
// counts as not yet shown, and patience ends in a live read.
func newer(a, b string) bool {
	if a == "" || b == "" {
		return a != ""
	}
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err != nil && a != b || order > 0
}

// wrotePod notes a pod that was created or patched for the job.
func (f *freshness) wrotePod(job *v1alpha1.BatchJob, version string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.debt(job); newer(version, d.pods) {
		d.pods = version
	}
}

// freedPod notes that our finalizer came off a pod.
func (f *freshness) freedPod(pod types.UID, version string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.freed[pod] = version
}

// unfreed leaves out the pods that are shown with our finalizer only because the
// cache is old, and forgets what a cache at that version shows.
func (f *freshness) unfreed(shown string, pods []*corev1.Pod) []*corev1.Pod {
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.freed, func(_ types.UID, version string) bool { return !newer(version, shown) })
	return slices.DeleteFunc(pods, func(p *corev1.Pod) bool { return f.freed[p.UID] != "" })
}

// deletedPod notes a pod that was deleted for the job.
func (f *freshness) deletedPod(job *v1alpha1.BatchJob, pod types.UID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.debt(job).deleted[pod] = struct{}{}
}

// wroteJob notes a write of the status, and the version that the API server
// returned for it.
func (f *freshness) wroteJob(job *v1alpha1.BatchJob, version string, at time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.debt(job)
	d.wrote = at
	if newer(version, d.job) {
		d.job = version
	}
}

// doubtJob notes a write of the status, or a pod, whose answer was lost.
func (f *freshness) doubtJob(job *v1alpha1.BatchJob) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.debt(job).doubt = true
}

// A look at a job costs in proportion to its pods, so a large job is looked at
// at most once in perPod for each of them, at most maxPause (batch/v1 waits a
// second for every job). A job that was quiet is looked at at once, a small one
// always.
const (
	perPod   = 200 * time.Microsecond
	maxPause = time.Second
	small    = 10
)

// pause is how long an event of the job's pods, or of our own status write, may
// wait for others.
func (f *freshness) pause(now time.Time, job types.NamespacedName) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.owed[job]
	if d == nil || d.size <= small {
		return 0
	}
	return max(0, d.looked.Add(min(time.Duration(d.size)*perPod, maxPause)).Sub(now))
}

// lookedAt notes a look at a job and its size.
func (f *freshness) lookedAt(now time.Time, job *v1alpha1.BatchJob, pods int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if d := f.owed[client.ObjectKeyFromObject(job)]; d != nil && d.of == job.UID {
		d.size, d.looked = pods, now
	}
}

// lastWrite is when the status was last written; zero if this process did not.
func (f *freshness) lastWrite(job *v1alpha1.BatchJob) time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.debt(job).wrote
}

// debt is called with the lock held.
func (f *freshness) debt(job *v1alpha1.BatchJob) *debt {
	key := client.ObjectKeyFromObject(job)
	d := f.owed[key]
	if d == nil || d.of != job.UID {
		d = &debt{of: job.UID, deleted: map[types.UID]struct{}{}}
		f.owed[key] = d
	}
	return d
}

// forget drops what is known of a job that is gone.
func (f *freshness) forget(job types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.owed, job)
}

// started sets the floor, once.
func (f *freshness) started(jobs, pods string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.floorJobs, f.floorPods = jobs, pods
}

func (f *freshness) hasFloor() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.floorJobs != "" && f.floorPods != ""
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
	// unknown: nothing says how old they are; read live.
	unknown
)

// judge compares the cached job and its cached pods with what is owed. shown is
// the version that the cache of pods stood at before they were read from it: one
// that was asked for afterwards may have been reached in between, and says
// nothing about them.
//
// A job is current when everything owed has been shown, and what a predecessor
// wrote: that is so if the job was read live before, or if it and the cache of
// pods are no older than the moment at which this process began to lead. What
// another shard's operator has written since is shown by a live read only.
func (f *freshness) judge(now time.Time, shown string, job *v1alpha1.BatchJob, pods []*corev1.Pod) view {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.owed[client.ObjectKeyFromObject(job)]
	if d == nil || d.of != job.UID {
		d = &debt{}
	}
	if newer(d.job, job.ResourceVersion) || newer(d.pods, shown) || !d.deletionsShown(pods) {
		return d.unpaid(now)
	}
	d.since = time.Time{}
	led := !newer(f.floorJobs, job.ResourceVersion) && !newer(f.floorPods, shown)
	if d.doubt || newer(d.floor, shown) || !d.live && !led || f.foreign(job) && newer(job.ResourceVersion, d.others) {
		return unknown
	}
	return current
}

// foreign tells whether the operator of another shard wrote the status last.
func (f *freshness) foreign(job *v1alpha1.BatchJob) bool {
	return job.Status.ObservedGeneration > 0 && job.Status.Shard != f.shard
}

// paid tells whether a cache of pods at that version shows all that it owes to a
// job, but for deletions, which it never has to show.
func (f *freshness) paid(job types.NamespacedName, shown string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.owed[job]
	return d == nil || !newer(d.pods, shown) && !newer(d.floor, shown)
}

// unpaid is how to look at a debt that has not been paid.
func (d *debt) unpaid(now time.Time) view {
	if d.since.IsZero() {
		d.since = now
	}
	if now.Sub(d.since) < patience {
		return behind
	}
	return overdue
}

// deletionsShown forgets the deletions that the pods show, or that have gone
// through, and tells whether none is left.
func (d *debt) deletionsShown(pods []*corev1.Pod) bool {
	if len(d.deleted) == 0 {
		return true
	}
	left := map[types.UID]struct{}{}
	for _, p := range pods {
		if _, ok := d.deleted[p.UID]; ok && p.DeletionTimestamp == nil {
			left[p.UID] = struct{}{}
		}
	}
	d.deleted = left
	return len(left) == 0
}

// readLive notes a live read: the job as it was, and the version of the list of
// its pods. It has shown all our writes, so nothing else is owed; from now on
// the caches have to show at least what it did.
func (f *freshness) readLive(job *v1alpha1.BatchJob, pods string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d := f.debt(job)
	*d = debt{of: job.UID, live: true, job: job.ResourceVersion, floor: pods, wrote: d.wrote, size: d.size, looked: d.looked, deleted: map[types.UID]struct{}{}}
	if f.foreign(job) {
		d.others = job.ResourceVersion
	}
}
