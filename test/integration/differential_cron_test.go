//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// TestDifferentialCron runs every scenario with the built-in CronJob controller
// and with the operator's own binary, and compares what can be seen. Schedules
// of batch/v1 go by the minute and nobody can set its clock, so all scenarios go
// through the same two full minutes side by side.
func TestDifferentialCron(t *testing.T) {
	if os.Getenv("KUBECONFIG") == "" {
		t.Skip("needs the built-in CronJob controller: KUBECONFIG has to name a cluster with kube-controller-manager")
	}
	t.Parallel()
	began := time.Now()
	c := newCronComparison(t)
	c.play(t)
	for _, p := range c.plays {
		t.Run(p.name, func(t *testing.T) {
			for _, problem := range p.problems {
				t.Error(problem)
			}
		})
	}
	fmt.Printf("differential of schedules: %d scenarios, each looked at %d times, %d deliberate differences, %s\n",
		len(c.plays), len(cronMoments), len(cronDifferences), time.Since(began).Round(time.Second))
	for _, d := range cronDifferences {
		if !used.fields[d.field] && !t.Failed() {
			t.Errorf("no scenario shows the deliberate difference %q any more", d.field)
		}
	}
}

// cronMoments are when things are done and then looked at, from the first full
// minute: its runs, what is done in between, the runs of the second minute, and
// what is done at last.
var cronMoments = [...]time.Duration{0, 20 * time.Second, time.Minute, 80 * time.Second}

const (
	// cronRoom is how long before the first minute all schedules must be there.
	cronRoom = 12 * time.Second
	// cronSettle is how long both have before they are looked at, cronWithin
	// until when they must look alike.
	cronSettle, cronWithin = 5 * time.Second, 18 * time.Second
)

// cronScenario is one story, told twice.
type cronScenario struct {
	name string
	// spec is merged into that of a schedule for every minute.
	spec string
	// ends is how its pods end by themselves; empty: they go on.
	ends corev1.PodPhase
	// before is done before the schedule is created, between after the first
	// minute and finally after the second.
	before, between, finally cronStep
	// runs is how many BatchJobs or Jobs there are at each moment.
	runs [len(cronMoments)]int
	// apart is the deliberate difference after which the two sides have done
	// different things: then ours is how many runs we have, and no more than
	// these numbers is compared.
	apart string
	ours  [len(cronMoments)]int
}

// cronStep is something done by hand, the same on both sides.
type cronStep func(ctx context.Context, s *cronSide, name string) error

// cronSide is one of the two kinds of schedules, in a namespace of its own.
type cronSide struct {
	namespace string
	cron, job schema.GroupVersionKind
	first     time.Time // the first full minute
}

// cronPlay is a scenario under way.
type cronPlay struct {
	cronScenario
	cron     string // its name
	problems []error
}

type cronComparison struct {
	sides [2]*cronSide // the built-in controller's and ours
	plays []*cronPlay
	first time.Time
}

func newCronComparison(t *testing.T) *cronComparison {
	t.Helper()
	c := &cronComparison{sides: [2]*cronSide{
		{namespace: newNamespace(t), cron: batchv1.SchemeGroupVersion.WithKind("CronJob"), job: builtinKind},
		{namespace: newNamespace(t), cron: v1alpha1.GroupVersion.WithKind(v1alpha1.CronBatchJobKind), job: ourKind},
	}}
	for i, sc := range cronScenarios() {
		c.plays = append(c.plays, &cronPlay{cronScenario: sc, cron: fmt.Sprintf("cron%02d", i)})
	}
	for _, s := range c.sides {
		eventually(t, patience, "the service account of namespace "+s.namespace, func(ctx context.Context) error {
			return api.Get(ctx, types.NamespacedName{Namespace: s.namespace, Name: "default"}, &corev1.ServiceAccount{})
		})
		startCronKubelet(t, s.namespace)
	}
	path := filepath.Join(t.TempDir(), "stint-controller")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", path, "../../cmd").CombinedOutput(); err != nil {
		t.Fatalf("building the operator: %v\n%s", err, out)
	}
	operator := startBinary(t, path, c.sides[1].namespace)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(operator.lastWords())
		}
	})
	return c
}

// play creates all schedules and goes through the moments.
func (c *cronComparison) play(t *testing.T) {
	t.Helper()
	now := time.Now()
	if left := time.Until(now.Truncate(time.Minute).Add(time.Minute)); left < cronRoom+3*time.Second {
		time.Sleep(left + time.Second)
	}
	c.first = time.Now().Truncate(time.Minute).Add(time.Minute)
	for _, s := range c.sides {
		s.first = c.first
	}
	c.everywhere(t, func(p *cronPlay) cronStep { return p.before })
	c.everywhere(t, func(p *cronPlay) cronStep { return p.create })
	if left := time.Until(c.first); left < cronRoom/4 {
		t.Fatalf("making the schedules took until %s before the minute", left)
	}
	for i, moment := range cronMoments {
		time.Sleep(time.Until(c.first.Add(moment)))
		switch i {
		case 1:
			c.everywhere(t, func(p *cronPlay) cronStep { return p.between })
		case 3:
			c.everywhere(t, func(p *cronPlay) cronStep { return p.finally })
		}
		time.Sleep(time.Until(c.first.Add(moment + cronSettle)))
		c.look(t, i)
	}
}

// everywhere does one step of every scenario on both sides.
func (c *cronComparison) everywhere(t *testing.T, step func(*cronPlay) cronStep) {
	t.Helper()
	var all sync.WaitGroup
	defer all.Wait()
	for _, p := range c.plays {
		do := step(p)
		if do == nil {
			continue
		}
		all.Go(func() {
			for _, s := range c.sides {
				if err := do(t.Context(), s, p.cron); err != nil {
					p.problems = append(p.problems, fmt.Errorf("%s: %w", s.cron.Kind, err))
				}
			}
		})
	}
}

// look waits until every scenario looks as it should at a moment, and alike.
func (c *cronComparison) look(t *testing.T, moment int) {
	t.Helper()
	ctx, cancel := context.WithDeadline(t.Context(), c.first.Add(cronMoments[moment]+cronWithin))
	defer cancel()
	wrong := map[*cronPlay]error{}
	for {
		sights, err := c.see(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		clear(wrong)
		for _, p := range c.plays {
			if err := p.judge(moment, sights); err != nil {
				wrong[p] = err
			}
		}
		select {
		case <-time.After(seldom):
		case <-ctx.Done():
		}
		if len(wrong) == 0 || ctx.Err() != nil {
			break
		}
	}
	for p, err := range wrong {
		p.problems = append(p.problems, fmt.Errorf("%s after the first minute: %w", cronMoments[moment], err))
	}
}

// judge compares both sides of one scenario with what should be there, and with
// each other.
func (p *cronPlay) judge(moment int, sights [2]*cronSight) error {
	var errs []error
	ours := p.runs
	if p.apart != "" {
		use(p.apart)
		ours = p.ours
	}
	for i, want := range [2]int{p.runs[moment], ours[moment]} {
		if have := len(sights[i].jobs[p.cron]); have != want {
			errs = append(errs, fmt.Errorf("there are %d %ss, want %d", have, sights[i].side.job.Kind, want))
		}
	}
	if p.apart == "" {
		errs = append(errs, leveledBy(cronDifferences, sights[0].picture(p.cron), sights[1].picture(p.cron)))
	}
	return errors.Join(errs...)
}

// startCronKubelet ends the pods of a namespace as their label says. They are
// bound to no node, so a pod that is deleted is gone at once.
func startCronKubelet(t *testing.T, namespace string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	t.Cleanup(func() { cancel(); done.Wait() })
	done.Go(func() {
		tick := time.NewTicker(seldom)
		defer tick.Stop()
		for ctx.Err() == nil {
			pods := &corev1.PodList{}
			if err := api.List(ctx, pods, client.InNamespace(namespace), client.HasLabels{cronEnds}); err == nil {
				for i := range pods.Items {
					if pod := &pods.Items[i]; isActive(pod) {
						_ = endPod(ctx, pod, corev1.PodPhase(pod.Labels[cronEnds])) // else the next look does it
					}
				}
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
}

// cronEnds is the label that says how a pod ends.
const cronEnds = "ends"
