package world

import (
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// readIndexes reads batch/v1's form of a set of indexes, "1,3-5,7"; ok only if
// it is the one way to write that set.
func readIndexes(s string) (set []int, ok bool) {
	if s == "" {
		return nil, true
	}
	for part := range strings.SplitSeq(s, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		first, err := strconv.Atoi(from)
		last, errLast := strconv.Atoi(to)
		if err != nil || errLast != nil || first < 0 || last < first || len(set) > 0 && first <= set[len(set)-1] {
			return set, false
		}
		for i := first; i <= last; i++ {
			set = append(set, i)
		}
	}
	return set, writeIndexes(set) == s
}

// writeIndexes is its reverse: three and more in a row are a range.
func writeIndexes(set []int) string {
	var parts []string
	for i := 0; i < len(set); {
		j := i
		for j+1 < len(set) && set[j+1] == set[j]+1 {
			j++
		}
		if j-i >= 2 {
			parts = append(parts, strconv.Itoa(set[i])+"-"+strconv.Itoa(set[j]))
			i = j + 1
			continue
		}
		parts = append(parts, strconv.Itoa(set[i]))
		i++
	}
	return strings.Join(parts, ",")
}

// completed are the indexes that a status calls completed.
func completed(j *v1alpha1.BatchJob) []int {
	set, _ := readIndexes(j.Status.CompletedIndexes)
	return set
}

// failedOnes are the indexes that a status calls failed.
func failedOnes(j *v1alpha1.BatchJob) []int {
	if j.Status.FailedIndexes == nil {
		return nil
	}
	set, _ := readIndexes(*j.Status.FailedIndexes)
	return set
}

// width is how many indexes a job has; 0 if it is not Indexed.
func width(j *v1alpha1.BatchJob) int {
	if !j.Spec.IsIndexed() {
		return 0
	}
	n, _ := j.Spec.GetCompletions()
	return int(n)
}

func perIndex(j *v1alpha1.BatchJob) bool { return j.Spec.BackoffLimitPerIndex != nil }

// indexOf is a pod's completion index, -1 if it has none.
func indexOf(p *corev1.Pod) int { return annotated(p, v1alpha1.AnnotationCompletionIndex, -1) }

func annotated(p *corev1.Pod, key string, absent int) int {
	n, err := strconv.Atoi(p.Annotations[key])
	if err != nil {
		return absent
	}
	return n
}

// indexErrors are batch/v1's rules for the indexes in a status.
func (r *rulebook) indexErrors(old, now *v1alpha1.BatchJob) {
	s := &now.Status
	if !now.Spec.IsIndexed() {
		r.bad(s.CompletedIndexes != "" || s.FailedIndexes != nil, "indexes of a job that has none")
		return
	}
	if old.IsFinished() { // what an edit makes of its size does not matter any more
		r.bad(s.CompletedIndexes != old.Status.CompletedIndexes || !slices.Equal(failedOnes(old), failedOnes(now)), "the indexes of a finished run change")
		return
	}
	done, ok := readIndexes(s.CompletedIndexes)
	r.bad(!ok, "completedIndexes %q", s.CompletedIndexes)
	r.bad(len(done) > 0 && done[len(done)-1] >= width(now), "completedIndexes %q of %d", s.CompletedIndexes, width(now))
	r.bad(int(s.Succeeded) != len(done), "succeeded %d, completedIndexes %q", s.Succeeded, s.CompletedIndexes)
	succeeded, _ := uncounted(now)
	r.bad(len(succeeded) > 0, "uncounted successes of an Indexed job")
	for _, i := range completed(old) {
		r.bad(i < width(now) && !slices.Contains(done, i), "index %d is not completed any more", i)
	}
	r.bad(s.Run != nil && perIndex(now) != (s.FailedIndexes != nil), "failedIndexes set: %v, backoffLimitPerIndex set: %v", s.FailedIndexes != nil, perIndex(now))
	if s.FailedIndexes == nil {
		return
	}
	failed, ok := readIndexes(*s.FailedIndexes)
	r.bad(!ok, "failedIndexes %q", *s.FailedIndexes)
	for _, i := range failed {
		r.bad(i >= width(now), "failedIndexes %q of %d", *s.FailedIndexes, width(now))
		r.bad(slices.Contains(done, i), "index %d completed and failed", i)
	}
	for _, i := range failedOnes(old) {
		r.bad(i < width(now) && !slices.Contains(failed, i), "index %d is not failed any more", i)
	}
}
