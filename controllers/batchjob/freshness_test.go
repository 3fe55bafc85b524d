package batchjob

import (
	"strconv"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// jobAt and podAt are a job and a pod as a cache shows them.
func jobAt(version string) *v1alpha1.BatchJob {
	return job(func(j *v1alpha1.BatchJob) { j.ResourceVersion = version })
}

func podAt(name, version string, change ...func(*corev1.Pod)) *corev1.Pod {
	return pod(name, append(change, func(p *corev1.Pod) { p.ResourceVersion = version })...)
}

// TestJudge: what to make of what the caches show, by what is known. The job in
// the cache has version 100, and the cache of pods stands at 200.
func TestJudge(t *testing.T) {
	led := func(jobs, pods string) func(*freshness) { return func(f *freshness) { f.started(jobs, pods) } }
	wrote := func(version string) func(*freshness) {
		return func(f *freshness) { f.wroteJob(jobAt(version), version, now) }
	}
	wrotePod := func(version string) func(*freshness) { return func(f *freshness) { f.wrotePod(jobAt("1"), version) } }
	deletedPod := func(f *freshness) { f.deletedPod(jobAt("1"), "uid-p") }
	live := func(job, pods string) func(*freshness) { return func(f *freshness) { f.readLive(jobAt(job), pods) } }
	doubt := func(f *freshness) { f.doubtJob(jobAt("1")) }
	for _, c := range []struct {
		name string
		pods []*corev1.Pod
		want view
		know []func(*freshness)
	}{
		{"nothing known, nothing led", nil, current, nil},
		{"both newer than when we began to lead", nil, current, []func(*freshness){led("99", "199")}},
		{"both as old", nil, current, []func(*freshness){led("100", "200")}},
		{"the job is older", nil, unknown, []func(*freshness){led("101", "199")}},
		{"the pods are older", nil, unknown, []func(*freshness){led("99", "201")}},
		{"our write is shown", nil, current, []func(*freshness){led("100", "200"), wrote("100")}},
		{"our write is not shown", nil, behind, []func(*freshness){wrote("101")}},
		{"an older write of ours does not lower it", nil, behind, []func(*freshness){wrote("101"), wrote("90")}},
		{"our pod is shown", nil, current, []func(*freshness){wrotePod("200")}},
		{"our pod is not shown", nil, behind, []func(*freshness){wrotePod("201")}},
		{"an older pod of ours does not lower it", nil, behind, []func(*freshness){wrotePod("201"), wrotePod("150")}},
		{"versions are numbers, not words", nil, current, []func(*freshness){wrote("99"), wrotePod("1")}},
		{"a deletion is not shown", []*corev1.Pod{podAt("p", "150")}, behind, []func(*freshness){deletedPod}},
		{"a deletion is shown", []*corev1.Pod{podAt("p", "150", deleted(30))}, current, []func(*freshness){deletedPod}},
		{"a deletion has gone through", []*corev1.Pod{podAt("q", "150")}, current, []func(*freshness){deletedPod}},
		{"a live read, caught up", nil, current, []func(*freshness){live("100", "200")}},
		{"a live read, the job is behind it", nil, behind, []func(*freshness){live("101", "200")}},
		{"a live read, no pod event need ever come", nil, unknown, []func(*freshness){live("100", "201")}},
		{"a live read pays all other debts", []*corev1.Pod{podAt("p", "150")}, current, []func(*freshness){wrote("500"), wrotePod("500"), deletedPod, live("100", "200")}},
		{"a job that was read live, from before we began to lead", nil, current, []func(*freshness){led("500", "500"), live("100", "200")}},
		{"a job written without having been read live", nil, unknown, []func(*freshness){led("500", "500"), wrote("100"), wrotePod("200")}},
		{"a lost answer", nil, unknown, []func(*freshness){wrote("100"), doubt}},
		{"a lost answer, and a pod that is not shown", nil, behind, []func(*freshness){wrotePod("201"), doubt}},
		{"a lost answer, then a live read", nil, current, []func(*freshness){doubt, live("100", "200")}},
		{"versions without order are never shown", nil, behind, []func(*freshness){wrote("abc")}},
	} {
		f := newFreshness("")
		for _, learn := range c.know {
			learn(f)
		}
		same(t, c.name, f.judge(now, "200", jobAt("100"), c.pods), c.want)
	}
}

// TestJudgeOfAnotherShard: what another operator wrote is shown by a live read
// only, whatever the caches have, and with each of its writes anew.
func TestJudgeOfAnotherShard(t *testing.T) {
	by := func(shard, version string) *v1alpha1.BatchJob {
		j := jobAt(version)
		j.Status.Shard, j.Status.ObservedGeneration = shard, 1
		return j
	}
	f := newFreshness("one")
	judge := func(job *v1alpha1.BatchJob) view { return f.judge(now, "200", job, nil) }
	same(t, "written by us", judge(by("one", "100")), current)
	same(t, "written by another", judge(by("two", "100")), unknown)
	same(t, "written by one that had no shard", judge(by("", "100")), unknown)
	same(t, "written by nobody yet", judge(jobAt("100")), current)
	f.readLive(by("two", "100"), "200")
	same(t, "read live", judge(by("two", "100")), current)
	same(t, "written by another since", judge(by("two", "101")), unknown)
	same(t, "written by us since", judge(by("one", "102")), current)
}

// TestPaid: what a job's pods are owed outlives its leaving for another shard.
func TestPaid(t *testing.T) {
	key := client.ObjectKeyFromObject(jobAt("1"))
	f := newFreshness("one")
	same(t, "nothing owed", f.paid(key, "200"), true)
	f.wrotePod(jobAt("1"), "201")
	same(t, "our pod is not shown", f.paid(key, "200"), false)
	same(t, "our pod is shown", f.paid(key, "201"), true)
	f.readLive(jobAt("100"), "300")
	same(t, "the pods of a live read are not shown", f.paid(key, "299"), false)
	same(t, "the pods of a live read are shown", f.paid(key, "300"), true)
}

// TestNothingShown: a cache that cannot tell how far it has come is old.
func TestNothingShown(t *testing.T) {
	f := newFreshness("")
	f.started("50", "50")
	same(t, "an unknown job", f.judge(now, "", jobAt("100"), nil), unknown)
	f.wrotePod(jobAt("1"), "60")
	same(t, "a known one", f.judge(now, "", jobAt("100"), nil), behind)
}

// TestPatience ends in a live read, and begins anew with each debt.
func TestPatience(t *testing.T) {
	f := newFreshness("")
	f.wroteJob(jobAt("101"), "101", now)
	judge := func(after time.Duration, version string) view {
		return f.judge(now.Add(after), "200", jobAt(version), nil)
	}
	same(t, "at first", judge(0, "100"), behind)
	same(t, "a moment before", judge(patience-1, "100"), behind)
	same(t, "then", judge(patience, "100"), overdue)
	same(t, "paid", judge(patience, "101"), current)
	f.wroteJob(jobAt("102"), "102", now)
	same(t, "another debt", judge(time.Hour, "101"), behind)
	same(t, "another debt, then", judge(time.Hour+patience, "101"), overdue)
}

// TestAnotherJobOfTheName owes nothing to the one before, and is unknown.
func TestAnotherJobOfTheName(t *testing.T) {
	f := newFreshness("")
	f.started("50", "50")
	f.wroteJob(jobAt("999"), "999", now)
	reborn := jobAt("100")
	reborn.UID = "another"
	same(t, "the new one", f.judge(now, "200", reborn, nil), current)
	f.started("101", "50")
	same(t, "the new one, seen before we led", f.judge(now, "200", reborn, nil), unknown)
	same(t, "the old one", f.judge(now, "200", jobAt("100"), nil), behind)
	f.wroteJob(reborn, reborn.ResourceVersion, now)
	same(t, "what was written for the new one", f.lastWrite(reborn), now)
	f.forget(client.ObjectKeyFromObject(reborn))
	same(t, "once forgotten", f.judge(now, "200", reborn, nil), unknown)
}

// TestFreed: a pod of a job that is gone is let go once, however long the cache
// shows it held.
func TestFreed(t *testing.T) {
	f := newFreshness("")
	held := func() []*corev1.Pod { return []*corev1.Pod{podAt("p", "150"), podAt("q", "150")} }
	f.freedPod("uid-p", "201")
	same(t, "not shown yet", f.unfreed("200", held()), held()[1:])
	same(t, "shown, and somebody put it back", f.unfreed("201", held()), held())
	same(t, "what is remembered", f.freed, map[types.UID]string{})
}

// TestFloor is needed of both resources.
func TestFloor(t *testing.T) {
	f := newFreshness("")
	for _, c := range []struct {
		jobs, pods string
		want       bool
	}{{"", "", false}, {"1", "", false}, {"", "1", false}, {"1", "1", true}} {
		f.started(c.jobs, c.pods)
		same(t, c.jobs+"/"+c.pods, f.hasFloor(), c.want)
	}
}

// TestNewer orders versions as numbers of any length; without order, what is not
// the same has not been shown.
func TestNewer(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"2", "1", true}, {"1", "2", false}, {"1", "1", false}, {"10", "9", true}, {"9", "10", false}, {"", "", false}, {"1", "", true}, {"", "1", false},
		{"100000000000000000000000001", "100000000000000000000000000", true}, {"abc", "abc", false}, {"abc", "abd", true}, {"abd", "abc", true},
	} {
		same(t, c.a+" > "+c.b, newer(c.a, c.b), c.want)
	}
}

// TestPause: a large job is looked at at most once in a while, a small or a
// quiet one at once.
func TestPause(t *testing.T) {
	key := client.ObjectKeyFromObject(job())
	for _, c := range []struct {
		pods        int
		after, want time.Duration
	}{
		{0, 0, 0}, {10, 0, 0}, {11, 0, 11 * perPod}, {1000, 0, 1000 * perPod}, {1000, 50 * time.Millisecond, 1000*perPod - 50*time.Millisecond},
		{1000, time.Minute, 0}, {100_000, 0, maxPause}, {100_000, maxPause, 0},
	} {
		f := newFreshness("")
		f.wroteJob(jobAt("1"), "1", now)
		f.lookedAt(now, job(), c.pods)
		same(t, strconv.Itoa(c.pods), f.pause(now.Add(c.after), key), c.want)
		f.readLive(jobAt("2"), "1")
		same(t, strconv.Itoa(c.pods)+" after a live read", f.pause(now.Add(c.after), key), c.want)
		reborn := job(func(j *v1alpha1.BatchJob) { j.UID = "another" })
		f.lookedAt(now, reborn, 0)
		same(t, strconv.Itoa(c.pods)+" after a look at another", f.pause(now.Add(c.after), key), c.want)
	}
	same(t, "unknown", newFreshness("").pause(now, key), time.Duration(0))
}
