//go:build integration

package integration

import (
	"maps"
	"regexp"
	"strings"
	"sync"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// difference is one that is meant. The test fails when one of them is never
// seen: then it is none any more.
type difference struct {
	field  string
	reason string
	// level takes it out of both pictures and tells whether it was there. It is
	// nil where a scenario shows the difference by itself, with differently.
	level func(builtin, ours picture) bool
}

// Names of differences in behaviour, for the scenarios that show them.
const (
	backoffCap       = "back-off cap"
	defaultDeletion  = "deletion where the client does not say how"
	mutableTemplate  = "a changed template"
	suspendedFailure = "a suspended job that has failed"
)

// differences are all that are meant; api/v1alpha1/reference.md has them for
// users.
var differences = []difference{
	{"the pods' finalizer", "batch/v1's controller takes its own off pods that are not its",
		replaced(`pods\[\d+\]\.finalizers`, v1alpha1.FinalizerJobTracking, "batch.kubernetes.io/job-tracking")},
	{"the owner's apiVersion and kind", "the kind is ours",
		replaced(`pods\[\d+\]\.owners`, `"apiVersion":"batch.stint.dev/v1alpha1","kind":"BatchJob"`, `"apiVersion":"batch/v1","kind":"Job"`)},
	{"label " + v1alpha1.LabelJobUID, "the operator caches pods by it, whatever the selector is",
		onlyOurs(`pods\[\d+\]\.labels\[` + regexp.QuoteMeta(v1alpha1.LabelJobUID) + `\]`)},
	{"label " + v1alpha1.LabelJob + " on adopted pods", "tells whose such a pod is once our other labels are lost",
		onlyOurs(`pods\[\d+\]\.labels\[` + regexp.QuoteMeta(v1alpha1.LabelJob) + `\]`)},
	{"label " + v1alpha1.LabelRun, "tells the runs of one job apart",
		onlyOurs(`pods\[\d+\]\.labels\[` + regexp.QuoteMeta(v1alpha1.LabelRun) + `\]`)},
	{"annotation " + v1alpha1.AnnotationRevision, "tells which manifest a pod was made from",
		onlyOurs(`pods\[\d+\]\.annotations\[` + regexp.QuoteMeta(v1alpha1.AnnotationRevision) + `\]`)},
	{"terminationMessagePolicy where the template is silent", "the condition can tell why a pod failed",
		replaced(`pods\[\d+\]\.spec\..*\.terminationMessagePolicy`, "FallbackToLogsOnError", "File")},
	{"a condition's message goes on after batch/v1's words", "it says which pod failed, and why", suffix},
	{"conditions Ready, Reconciling and Stalled", "a tool can wait for a job without knowing its kind",
		onlyOurs(`status\.conditions\[(Ready|Reconciling|Stalled)\]`)},
	{"the status of a job that is being deleted", "it is not written any more: nothing may hold up the deletion", going},
	{backoffCap, "six minutes, as Kubernetes' documentation has always said; upstream has ten", nil},
	{defaultDeletion, "pods go with it, as for every custom resource; batch/v1 orphans them", nil},
	{mutableTemplate, "a new revision; batch/v1 refuses it", nil},
	{suspendedFailure, "it becomes Failed; batch/v1 tries for ever to write a status that its own API refuses, without startTime", nil},
}

// used are the differences that were seen.
var used struct {
	sync.Mutex
	fields map[string]bool
}

func use(field string) {
	used.Lock()
	defer used.Unlock()
	if used.fields == nil {
		used.fields = map[string]bool{}
	}
	used.fields[field] = true
}

// leveled is a comparison without what is meant to differ.
func leveled(builtin, ours picture) error { return leveledBy(differences, builtin, ours) }

func leveledBy(differences []difference, builtin, ours picture) error {
	builtin, ours = maps.Clone(builtin), maps.Clone(ours)
	for _, d := range differences {
		if d.level != nil && d.level(builtin, ours) {
			use(d.field)
		}
	}
	return compare(builtin, ours)
}

// onlyOurs are fields that batch/v1 does not have.
func onlyOurs(field string) func(builtin, ours picture) bool {
	pattern := regexp.MustCompile("^" + field + "$")
	return func(builtin, ours picture) (seen bool) {
		for key := range ours {
			if _, both := builtin[key]; !both && pattern.MatchString(key) {
				delete(ours, key)
				seen = true
			}
		}
		return seen
	}
}

// replaced is a word that is another one with us.
func replaced(field, own, builtins string) func(builtin, ours picture) bool {
	pattern := regexp.MustCompile("^" + field + "$")
	return func(_, ours picture) (seen bool) {
		for key, value := range ours {
			if pattern.MatchString(key) && strings.Contains(value, own) {
				ours[key] = strings.ReplaceAll(value, own, builtins)
				seen = true
			}
		}
		return seen
	}
}

// suffix is what we say in a condition after batch/v1's sentence.
func suffix(builtin, ours picture) (seen bool) {
	for key, value := range ours {
		theirs, both := builtin[key]
		if both && strings.HasPrefix(key, "status.conditions[") && value != theirs && strings.HasPrefix(value, theirs+": ") {
			ours[key] = theirs
			seen = true
		}
	}
	return seen
}

// going leaves out the status of a job whose deletion has begun.
func going(builtin, ours picture) bool {
	if builtin["metadata.deletionTimestamp"] != "true" || ours["metadata.deletionTimestamp"] != "true" {
		return false
	}
	for _, p := range []picture{builtin, ours} {
		maps.DeleteFunc(p, func(key, _ string) bool { return strings.HasPrefix(key, "status.") })
	}
	return true
}
