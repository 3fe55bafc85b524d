package engine_test

import (
	"math"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

func ttl(seconds int32) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { s.TTLSecondsAfterFinished = &seconds })
}

func ttlPolicy(p v1alpha1.TTLPolicy) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { s.TTLPolicy = &p })
}

func ownedByFlux(j *v1alpha1.BatchJob) {
	j.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps"}
}

func ownedByCron(j *v1alpha1.BatchJob) {
	j.OwnerReferences = []metav1.OwnerReference{{Kind: "CronBatchJob", Name: "nightly", Controller: new(true)}}
}

// TestTTL: counted from the terminal condition, which is ten seconds old here.
func TestTTL(t *testing.T) {
	kept := []engine.Pod{pod("held", failed), pod("ended", succeeded, released), pod("leaving", succeeded, released, deleting)}
	for _, c := range []struct {
		name      string
		job       *v1alpha1.BatchJob
		deleteJob bool
		deleted   []string
		wake      time.Duration
	}{
		{"none", finishedJob(true), false, nil, 0},
		{"a second is left", finishedJob(true, ttl(11)), false, nil, time.Second},
		{"the largest number", finishedJob(true, ttl(math.MaxInt32)), false, nil, (math.MaxInt32 - 10) * time.Second},
		{"reached", finishedJob(true, ttl(10)), true, nil, 0},
		{"at once", finishedJob(true, ttl(0)), true, nil, 0},
		{"failed", finishedJob(false, ttl(10)), true, nil, 0},
		{"DeletePods", finishedJob(true, ttl(10), ttlPolicy(v1alpha1.TTLDeletePods)), false, []string{"ended"}, 0},
		{"DeletePods, a second is left", finishedJob(true, ttl(11), ttlPolicy(v1alpha1.TTLDeletePods)), false, nil, time.Second},
		{"marked by a GitOps tool", finishedJob(true, ttl(10), ownedByFlux), false, []string{"ended"}, 0},
		{"marked, but said otherwise", finishedJob(true, ttl(10), ownedByFlux, ttlPolicy(v1alpha1.TTLDelete)), true, nil, 0},
		{"marked, but controlled", finishedJob(true, ttl(10), ownedByFlux, ownedByCron), true, nil, 0},
		{"controlled", finishedJob(true, ttl(10), ownedByCron), true, nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			plan := decide(c.job, kept...)
			same(t, "the job is deleted", plan.DeleteJob, c.deleteJob)
			same(t, "pods deleted", names(plan.Delete), c.deleted)
			same(t, "released", names(plan.Release), []string{"held"})
			same(t, "status", plan.Status, &c.job.Status)
			if want := after(c.wake); c.wake == 0 {
				same(t, "wake", plan.Wake, time.Time{})
			} else {
				same(t, "wake", plan.Wake, want)
			}
		})
	}
}

// TestTTLHoldsForTheTerminalConditionOnly: a job whose verdict is reached and
// whose pods still end is not finished.
func TestTTLHoldsForTheTerminalConditionOnly(t *testing.T) {
	j := begun(job(ttl(0)), declared(v1alpha1.ConditionSuccessCriteriaMet))
	plan := decide(j, pod("d", deleting))
	same(t, "the job is deleted", plan.DeleteJob, false)
	same(t, "wake", plan.Wake, time.Time{})
	same(t, "the job is deleted while it runs", decide(begun(job(ttl(0))), pod("r")).DeleteJob, false)
	done := decide(j)
	same(t, "the job is deleted before its verdict is durable", done.DeleteJob, false)
}

// TestActivePodsOfAFinishedJob have no business: a stale look or a hand made
// them. They do not count, and the finished job's numbers stay.
func TestActivePodsOfAFinishedJob(t *testing.T) {
	j := finishedJob(true)
	plan := decide(j, pod("tracked"), pod("let-go", released), pod("leaving", deleting), pod("gone-by", deleting, released))
	same(t, "dropped", names(plan.Drop), []string{"tracked"})
	same(t, "deleted", names(plan.Delete), []string{"let-go"})
	same(t, "released", names(plan.Release), []string{"leaving"})
	same(t, "status", plan.Status, &j.Status)
}

// TestARequestToReconcileAFinishedJob is answered.
func TestARequestToReconcileAFinishedJob(t *testing.T) {
	j := finishedJob(true)
	j.Annotations = map[string]string{v1alpha1.AnnotationReconcileRequestedAt: "t1"}
	same(t, "handled", decide(j).Status.LastHandledReconcileAt, "t1")
	same(t, "the observed status", j.Status.LastHandledReconcileAt, "")
}
