package engine_test

import (
	"testing"
	"time"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

func startWithin(seconds int32) func(*v1alpha1.BatchJob) {
	return spec(func(s *v1alpha1.BatchJobSpec) { s.PodStartTimeoutSeconds = &seconds })
}

// TestPodStartTimeout: a pod whose containers do not start in time is ended,
// which counts as a failure; the pods here are a minute old.
func TestPodStartTimeout(t *testing.T) {
	stuck := because(engine.Why{Reason: "Unschedulable", Message: "0/3 nodes are available"})
	j := begun(job(fixed(4, 9), startWithin(60)))
	plan := decide(j, pod("late", pending, stuck), pod("silent", pending), pod("r"), pod("d", pending, deleting))
	same(t, "expired", plan.Expire, []engine.Expiry{
		{PodRef: engine.PodRef{Name: "late", UID: "uid-late"}, Message: "no container started within 1m0s (podStartTimeoutSeconds): Unschedulable: 0/3 nodes are available"},
		{PodRef: engine.PodRef{Name: "silent", UID: "uid-silent"}, Message: "no container started within 1m0s (podStartTimeoutSeconds): it is not known why"},
	})
	same(t, "created at the same time", len(plan.Create), 0)
	same(t, "active", plan.Status.Active, int32(1))
	same(t, "deleted otherwise", len(plan.Delete)+len(plan.Drop), 0)

	after := decide(wrote(j, plan), pod("late", pending, deleting), pod("r"))
	checkUncounted(t, after, 0, 1)
}

// TestPodStartTimeoutWaits until the time has come, and not at all without one.
func TestPodStartTimeoutWaits(t *testing.T) {
	older := func(p *engine.Pod) { p.Created = after(-61 * time.Second) }
	plan := decide(begun(job(fixed(2, 2), startWithin(90))), pod("a", pending), pod("b", pending, older))
	same(t, "expired", len(plan.Expire), 0)
	same(t, "wake", plan.Wake, after(29*time.Second))
	plan = decide(begun(job(fixed(2, 2), startWithin(90))), pod("a"), pod("b", older))
	same(t, "wake for pods that started", plan.Wake, time.Time{})
	same(t, "expired without a limit", len(decide(begun(job()), pod("a", pending)).Expire), 0)
}

// TestPodStartTimeoutOfAHeldJob does not matter: suspended pods go anyway, and
// surplus pods go first.
func TestPodStartTimeoutOfAHeldJob(t *testing.T) {
	for name, plan := range map[string]engine.Plan{
		"suspended": decide(begun(job(suspend, startWithin(1))), pod("a", pending)),
		"surplus":   decide(begun(job(fixed(0, 1), startWithin(1))), pod("a", pending)),
	} {
		same(t, name+": dropped", names(plan.Drop), []string{"a"})
		same(t, name+": expired", len(plan.Expire), 0)
	}
}
