package batchjob

import (
	"testing"
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// TestRefusals: a second, doubled, at most a minute, from the last refusal.
func TestRefusals(t *testing.T) {
	r := newRefusals()
	same(t, "none", r.until(job()), time.Time{})
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60} {
		when := now.Add(time.Duration(i) * time.Hour)
		r.add(when, job())
		same(t, "refused", r.until(job()), when.Add(want*time.Second))
	}
	r.forget(client.ObjectKeyFromObject(job()))
	same(t, "forgotten", r.until(job()), time.Time{})
	r.add(now, job())
	same(t, "refused again", r.until(job()), now.Add(time.Second))
}

// TestARefusalIsOfOneManifest: a changed one, and another job of the name, are
// tried at once.
func TestARefusalIsOfOneManifest(t *testing.T) {
	for name, change := range map[string]func(*v1alpha1.BatchJob){
		"changed": func(j *v1alpha1.BatchJob) { j.Generation = 2 }, "re-created": func(j *v1alpha1.BatchJob) { j.UID = "another" },
		"other": func(j *v1alpha1.BatchJob) { j.Name = "other" }, "elsewhere": func(j *v1alpha1.BatchJob) { j.Namespace = "other" },
	} {
		r := newRefusals()
		r.add(now, job())
		same(t, name, r.until(job(change)), time.Time{})
		same(t, name+": the first one", r.until(job()), now.Add(time.Second))
		r.add(now, job())
		r.add(now, job(change))
		same(t, name+": counted anew", r.until(job(change)), now.Add(time.Second))
	}
}
