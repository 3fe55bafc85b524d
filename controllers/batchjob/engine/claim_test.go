package engine_test

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/batchjob/engine"
)

func orphan(p *engine.Pod)  { p.Orphan = true }
func foreign(p *engine.Pod) { p.Foreign = true }

// TestClaim: batch/v1's ControllerRefManager by what a pod has and matches.
func TestClaim(t *testing.T) {
	for _, c := range []struct {
		name                       string
		pod                        engine.Pod
		adopted, disowned, let, on []string
	}{
		{"ours", pod("p"), nil, nil, nil, []string{"p"}},
		{"left the selector", pod("p", foreign), nil, []string{"p"}, nil, nil},
		{"left the selector and ended", pod("p", foreign, succeeded), nil, []string{"p"}, nil, nil},
		{"left the selector, ended and counted", pod("p", foreign, released, succeeded), nil, nil, nil, nil},
		{"without controller", pod("p", orphan, released), []string{"p"}, nil, nil, nil},
		{"without controller, still held by us", pod("p", orphan), []string{"p"}, nil, nil, nil},
		{"without controller, ended", pod("p", orphan, released, succeeded), []string{"p"}, nil, nil, nil},
		{"without controller, of no run", pod("p", orphan, released, func(p *engine.Pod) { p.Run = 0 }), []string{"p"}, nil, nil, nil},
		{"without controller, being deleted", pod("p", orphan, deleting), nil, nil, []string{"p"}, nil},
		{"without controller, being deleted, not held", pod("p", orphan, deleting, released), nil, nil, nil, nil},
		{"without controller, does not match", pod("p", orphan, foreign), nil, nil, []string{"p"}, nil},
		{"somebody else's that does not match", pod("p", orphan, foreign, released), nil, nil, nil, nil},
	} {
		plan := decide(begun(job()), c.pod)
		same(t, c.name+": adopted", names(plan.Adopt), c.adopted)
		same(t, c.name+": disowned", names(plan.Disown), c.disowned)
		same(t, c.name+": released", names(plan.Release), c.let)
		same(t, c.name+": dropped", plan.Drop, []engine.PodRef(nil))
		if len(plan.Adopt) == 0 {
			same(t, c.name+": active", int(plan.Status.Active), len(c.on)+len(plan.Create))
		}
	}
}

// TestNothingElseIsDecidedBeforeAnAdoption: the pods would be missing from every
// count, and one more would be made beside each of them.
func TestNothingElseIsDecidedBeforeAnAdoption(t *testing.T) {
	j := begun(job(fixed(5, 9), limit(0)))
	plan := decide(j, pod("o", orphan, released), pod("f", failed), pod("r"))
	same(t, "plan", plan, engine.Plan{Adopt: []engine.PodRef{{Name: "o", UID: "uid-o"}}, Status: &j.Status,
		Outcome: engine.Outcome{State: engine.StateRunning}})
}

// TestAnAdoptionThatIsRefused for now does not stop the counting of the others.
func TestAnAdoptionThatIsRefused(t *testing.T) {
	o := engine.Observed{Now: now, RetryAt: after(1), Job: begun(job(fixed(5, 9))), Pods: []engine.Pod{pod("o", orphan, released), pod("f", failed)}}
	plan := engine.Decide(o)
	same(t, "adopted", plan.Adopt, []engine.PodRef(nil))
	same(t, "state", plan.Outcome.State, engine.StateRetrying)
	checkUncounted(t, plan, 0, 1)
	o.Now = o.RetryAt
	same(t, "adopted in time", names(engine.Decide(o).Adopt), []string{"o"})
}

// TestADisownedPodCountsForNothing, and is replaced.
func TestADisownedPodCountsForNothing(t *testing.T) {
	plan := decide(begun(job(limit(0))), pod("gone", foreign, failed))
	same(t, "created", len(plan.Create), 1)
	checkUncounted(t, plan, 0, 0)
	plan = decide(begun(job()), pod("gone", foreign))
	same(t, "created beside a running one", len(plan.Create), 1)
}

// TestACountedPodStaysTheJobs, whatever its labels: taken over again it would be
// counted anew.
func TestACountedPodStaysTheJobs(t *testing.T) {
	j := begun(job(fixed(2, 9)))
	j.Status.UncountedTerminatedPods = &v1alpha1.UncountedTerminatedPods{Succeeded: []types.UID{"uid-s"}}
	plan := decide(j, pod("s", foreign, succeeded))
	same(t, "disowned", plan.Disown, []engine.PodRef(nil))
	same(t, "released", names(plan.Release), []string{"s"})
	checkUncounted(t, plan, 1, 0)
}

// TestANameThatOthersHave is not asked for.
func TestANameThatOthersHave(t *testing.T) {
	first := decide(begun(job(fixed(1, 1)))).Create[0].Name
	o := engine.Observed{Now: now, Job: begun(job(fixed(1, 1))), Taken: []string{first}}
	if got := engine.Decide(o).Create; len(got) != 1 || got[0].Name == first {
		t.Errorf("ordered %v, and %s belongs to somebody else", got, first)
	}
}

// TestAnotherJobsOrphan is no business of a finished job.
func TestAnotherJobsOrphan(t *testing.T) {
	plan := decide(finishedJob(true, ttl(0), ttlPolicy(v1alpha1.TTLDeletePods)), pod("r", orphan, released), pod("s", orphan, released, succeeded),
		pod("held", orphan))
	same(t, "removed", append(plan.Drop, plan.Delete...), []engine.PodRef(nil))
	same(t, "released", names(plan.Release), []string{"held"})
}

// TestSelector is what kubectl -l and the scale subresource take.
func TestSelector(t *testing.T) {
	manual := spec(func(s *v1alpha1.BatchJobSpec) {
		s.ManualSelector = new(true)
		s.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "load", "a": "b"},
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: metav1.LabelSelectorOpExists}}}
	})
	same(t, "generated", decide(job()).Status.Selector, "batch.kubernetes.io/controller-uid=uid-of-work")
	same(t, "the author's", decide(job(manual)).Status.Selector, "a=b,app=load,tier")
}
