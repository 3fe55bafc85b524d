package engine_test

import (
	"math"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

// ordered are the names of the pods that a job orders when so many have ended.
func ordered(j *v1alpha1.BatchJob, endedPods int32, taken ...engine.Pod) []string {
	j.Status.Succeeded = endedPods
	var out []string
	for _, order := range decide(j, taken...).Create {
		out = append(out, order.Name)
	}
	return out
}

// TestNoTwoPodsOfARunShareAName: a million of them.
func TestNoTwoPodsOfARunShareAName(t *testing.T) {
	j := begun(job(fixed(500, math.MaxInt32)))
	const million = 1_000_000
	seen := make(map[string]struct{}, million)
	for n := int32(0); n < million; n += 500 {
		for _, name := range ordered(j, n) {
			seen[name] = struct{}{}
		}
	}
	same(t, "different names", len(seen), million)
}

// TestANameIsALock: the same observation orders the same pods, so an order that
// is carried out twice meets AlreadyExists.
func TestANameIsALock(t *testing.T) {
	j := begun(job(fixed(3, 9)))
	first := ordered(j, 0)
	same(t, "ordered again", ordered(j, 0), first)
	same(t, "ordered at another time", decideAt(after(runAge), j).Create, decide(j).Create)
	same(t, "the next ones, where one exists", ordered(j, 0, pod(first[1])), []string{first[0], first[2]})
	same(t, "after one has ended", ordered(j, 1)[:2], first[1:])
	used := pod(first[1], ended("Failed", -runAge), released)
	same(t, "the name of an ended pod that is still there", ordered(j, 1, used)[0], first[2])
}

// TestNamesDependOnUIDAndRun: a re-created job and the next run have others.
func TestNamesDependOnUIDAndRun(t *testing.T) {
	seen := map[string]bool{}
	for _, uid := range []types.UID{"a", "b", "c", ""} {
		for run := range int64(5) {
			j := begun(job(fixed(4, 9)))
			j.UID, j.Status.Run.Number = uid, run
			for _, name := range ordered(j, 0) {
				seen[name] = true
			}
		}
	}
	same(t, "different names", len(seen), 4*5*4)
}

// checkName holds what a name must be: a pod's name, with which hosts and
// people can live, in the form that the API server's generateName has.
func checkName(t *testing.T, jobName, name string) {
	t.Helper()
	prefix, suffix := name[:max(0, len(name)-5)], name[max(0, len(name)-5):]
	if len(name) > validation.DNS1123LabelMaxLength || strings.Trim(suffix, "bcdfghjklmnpqrstvwxz2456789") != "" {
		t.Errorf("job %q: the name %q is not of the form <job>-xxxxx", jobName, name)
	}
	if !strings.HasSuffix(prefix, "-") || !strings.HasPrefix(jobName, prefix[:len(prefix)-1]) {
		t.Errorf("job %q: the name %q does not begin as the job's", jobName, name)
	}
	wrong := validation.IsDNS1123Subdomain(name)
	if !strings.Contains(jobName, ".") {
		wrong = append(wrong, validation.IsDNS1123Label(name)...)
	}
	if len(wrong) > 0 {
		t.Errorf("job %q: the name %q: %s", jobName, name, strings.Join(wrong, "; "))
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range []string{"a", "pi", "my.job", "db-migration", strings.Repeat("a", 57), strings.Repeat("a", 58), strings.Repeat("x", 63),
		strings.Repeat("a", 57) + ".b", strings.Repeat("a", 56) + "-bcde", strings.Repeat("a.b-c", 12)} {
		f.Add(name, "0c9af9a2-8d4c-4f5e-9b9c-7d1c0c5d9a11", int64(1), int32(0))
	}
	f.Add("zero", "", int64(0), int32(0))
	f.Add("many", "u", int64(math.MaxInt64), int32(math.MaxInt32-10))
	f.Fuzz(func(t *testing.T, name, uid string, run int64, endedPods int32) {
		if len(name) > 63 || len(validation.IsDNS1123Subdomain(name)) > 0 || run < 0 || endedPods < 0 || endedPods > math.MaxInt32-10 {
			t.Skip("the API server does not let it in")
		}
		j := begun(job(fixed(3, math.MaxInt32)))
		j.Name, j.UID, j.Status.Run.Number = name, types.UID(uid), run
		for _, podName := range ordered(j, endedPods) {
			checkName(t, name, podName)
		}
	})
}

// TestIndexedNames tell the index, as batch/v1's do.
func TestIndexedNames(t *testing.T) {
	j := begun(indexed(3, 12))
	first := decide(j).Create
	for i, order := range first {
		checkName(t, "work-"+[]string{"0", "1", "2"}[i], order.Name)
	}
	again := decide(j, pod(first[1].Name, failed, index(1))).Create
	if again[1].Name == first[1].Name {
		t.Errorf("the retry of an index has the name %q of the pod that failed", again[1].Name)
	}
	gone := decide(j, pod("by-hand", index(0))).Create
	same(t, "the others", []string{gone[0].Name, gone[1].Name}, []string{first[1].Name, first[2].Name})
}
