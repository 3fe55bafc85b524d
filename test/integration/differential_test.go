//go:build integration

package integration

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// TestDifferential runs every scenario with the built-in Job controller and with
// ours, the same spec and the same behaviour of pods, and compares what can be
// seen at the end and at each look. Then each runs again with ours cut off after
// its N-th write, for every N, and another process going on: that has to be the
// same as without.
//
//	STINT_CUTS=none|all   whether N are tried; all unless said
func TestDifferential(t *testing.T) {
	began := time.Now()
	d := newDifferential(t)
	all := scenarios()
	work := make(chan scenario, len(all))
	for _, sc := range all {
		work <- sc
	}
	close(work)
	var workers sync.WaitGroup
	for range atOnce {
		place := newPlace(t)
		workers.Go(func() {
			for sc := range work {
				t.Run(sc.name, func(t *testing.T) { d.scenario(t, sc, place) })
			}
		})
	}
	workers.Wait()
	fmt.Printf("differential: %d scenarios, %d cuts, %d differences, %d deliberate ones, %s\n",
		d.ran.Load(), d.cuts.Load(), d.found.Load(), len(differences), time.Since(began).Round(time.Second))
	if int(d.ran.Load()) != len(all) {
		t.Logf("only %d of %d scenarios ran, so unused differences are not looked for", d.ran.Load(), len(all))
		return
	}
	for _, difference := range differences {
		if !used.fields[difference.field] && !t.Failed() {
			t.Errorf("no scenario shows the deliberate difference %q any more", difference.field)
		}
	}
}

// So many scenarios, and so many runs that are cut off, go on side by side: they
// mostly wait for one another's writes.
const (
	atOnce     = 12
	cutsAtOnce = 16
)

// patience is how long one step may take: the machine may do much else, and the
// garbage collector looks for new kinds only every 30 s.
const patience = 3 * time.Minute

// scenario is one story, told twice.
type scenario struct {
	// name reads as a sentence.
	name string
	// spec is merged into that of a job of one pod; NAME is the job's.
	spec string
	// before is done before the job is created.
	before []step
	steps  []step
	// deaf: the sides do different things in between, so the events differ.
	deaf bool
}

type differential struct {
	caches *caches
	serial atomic.Int32
	// ran counts scenarios, cuts the runs that were cut off, found those of
	// both that differed.
	ran, cuts, found atomic.Int32
	mode             string
	cutting          chan struct{}
}

func newDifferential(t *testing.T) *differential {
	if os.Getenv("KUBECONFIG") == "" {
		t.Skip("needs the built-in Job controller: KUBECONFIG has to name a cluster with kube-controller-manager")
	}
	d := &differential{mode: "all", cutting: make(chan struct{}, cutsAtOnce)}
	if mode := os.Getenv("STINT_CUTS"); mode != "" {
		d.mode = mode
	}
	var err error
	if d.caches, err = newCaches(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !d.caches.ours.WaitForCacheSync(t.Context()) || !d.caches.eyes.WaitForCacheSync(t.Context()) {
		t.Fatal("the caches do not sync")
	}
	startNode(t)
	return d
}

// place is where one scenario at a time runs: a namespace for each kind.
type place struct{ builtin, ours string }

func newPlace(t *testing.T) place {
	p := place{builtin: newNamespace(t), ours: newNamespace(t)}
	for _, ns := range []string{p.builtin, p.ours} {
		eventually(t, patience, "the service account of namespace "+ns, func(ctx context.Context) error {
			return api.Get(ctx, types.NamespacedName{Namespace: ns, Name: "default"}, &corev1.ServiceAccount{})
		})
	}
	return p
}

// scenario runs one with both kinds, and then with ours alone, cut off after
// every number of writes.
func (d *differential) scenario(t *testing.T, sc scenario, at place) {
	d.ran.Add(1)
	want, writes, err := d.both(t.Context(), sc, at)
	if err != nil {
		d.found.Add(1)
		t.Fatal(err)
	}
	if d.mode == "none" {
		return
	}
	var all sync.WaitGroup
	for n := range writes {
		d.cutting <- struct{}{}
		all.Go(func() {
			defer func() { <-d.cutting }()
			d.cutOff(t, sc, at, n, want)
		})
	}
	all.Wait()
	// The writes of two runs are not the same, nor is their number.
	for n := writes; d.cutOff(t, sc, at, n, want); n++ {
	}
}

// cutOff tells whether the run came to its N-th write and ended as it should.
func (d *differential) cutOff(t *testing.T, sc scenario, at place, n int32, want []picture) bool {
	cut, err := d.cut(t.Context(), sc, at, n, want)
	if cut || err != nil {
		d.cuts.Add(1)
	}
	if err != nil {
		d.found.Add(1)
		t.Errorf("cut off after write %d: %v", n, err)
	}
	return cut && err == nil
}

// both runs a scenario with both kinds in step, and returns what ours looked
// like at each look, and how many writes that took.
func (d *differential) both(ctx context.Context, sc scenario, at place) (pictures []picture, writes int32, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sides := []*side{d.side(at.builtin, false), d.side(at.ours, true)}
	defer d.clear(sides...)
	ours := sides[1]
	if ours.operator, err = newOperator(ctx, d.caches, ours.key, -1); err != nil {
		return nil, 0, err
	}
	defer ours.operator.stop()
	last := look()
	for _, one := range append(sc.all(), last) {
		if err := inStep(ctx, one, sides); err != nil {
			return nil, 0, fmt.Errorf("%s: %w", one.name, err)
		}
		if !one.looks {
			continue
		}
		seen, err := alike(ctx, sides)
		if err != nil {
			return nil, 0, fmt.Errorf("look %d: %w", len(pictures)+1, err)
		}
		pictures = append(pictures, seen)
	}
	writes = ours.operator.writes.Load()
	if sc.deaf {
		return pictures, writes, nil
	}
	return pictures, writes, sameEvents(ctx, sides)
}

// cut runs a scenario with ours alone, whose first process ends after n writes.
func (d *differential) cut(ctx context.Context, sc scenario, at place, n int32, want []picture) (wasCut bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := d.side(at.ours, true)
	defer d.clear(s)
	if s.operator, err = newOperator(ctx, d.caches, s.key, n); err != nil {
		return false, err
	}
	defer s.operator.stop()
	for _, one := range append(sc.all(), look()) {
		if err := s.does(ctx, one, want); err != nil {
			return s.operator.wasCut(), fmt.Errorf("%s: %w", one.name, err)
		}
		if one.looks {
			want = want[1:]
		}
	}
	return s.operator.wasCut(), nil
}

// does takes one step; at a look, it waits until the picture is the first of
// those wanted.
func (s *side) does(ctx context.Context, one step, want []picture) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := one.do(ctx, s); err != nil || !one.looks {
		return err
	}
	return s.await(ctx, func() error {
		now, err := s.picture(ctx)
		if err != nil {
			return err
		}
		return compare(steady(want[0]), steady(now))
	})
}

// steady leaves out what may differ between two runs of ours: which of several
// failed pods a message names, and the last status before a deletion.
func steady(p picture) picture {
	out := picture{}
	for key, value := range p {
		if p["metadata.deletionTimestamp"] == "true" && strings.HasPrefix(key, "status.") {
			continue
		}
		if strings.HasPrefix(key, "status.conditions[") {
			status, message, _ := strings.Cut(value, " | ")
			first, _, _ := strings.Cut(message, ": ")
			if value = status + " | " + first; strings.Contains(key, "Ready") || strings.Contains(key, "Reconciling") || strings.Contains(key, "Stalled") {
				value = status
			}
		}
		out[key] = value
	}
	return out
}

// all are the steps with the creation of the job among them.
func (sc *scenario) all() []step {
	create := doing("create the job", func(ctx context.Context, s *side) error {
		spec, err := sc.specFor(s.key.Name)
		if err != nil {
			return err
		}
		return s.create(ctx, spec)
	})
	return append(append(append([]step{}, sc.before...), create), sc.steps...)
}

// inStep does one step with both kinds and waits for both.
func inStep(ctx context.Context, one step, sides []*side) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if one.differs != "" {
		use(one.differs)
	}
	errs := make(chan error, len(sides))
	for _, s := range sides {
		go func() {
			err := one.do(ctx, s)
			if err != nil {
				err = fmt.Errorf("%s %s: %w", s.kind.Kind, s.key, err)
			}
			errs <- err
		}()
	}
	return errors.Join(<-errs, <-errs)
}

// alike waits until both look the same and ours has nothing to do, and returns
// what ours looks like.
func alike(ctx context.Context, sides []*side) (ours picture, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return ours, awaitBoth(ctx, sides, func() error {
		builtin, err := sides[0].picture(ctx)
		if err != nil {
			return err
		}
		if ours, err = sides[1].picture(ctx); err != nil {
			return err
		}
		if err := leveled(builtin, ours); err != nil {
			return err
		}
		if !sides[1].operator.idle() {
			return errors.New("our operator is at work")
		}
		return nil
	})
}

// awaitBoth wakes with the built-in controller's side, mostly the slower one, and
// otherwise seldom.
func awaitBoth(ctx context.Context, sides []*side, check func() error) error {
	return sides[0].await(ctx, check)
}

// sameEvents compares which kinds of event were sent.
func sameEvents(ctx context.Context, sides []*side) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return awaitBoth(ctx, sides, func() error {
		builtin, err := sides[0].reasons(ctx)
		if err != nil {
			return err
		}
		ours, err := sides[1].reasons(ctx)
		if err != nil {
			return err
		}
		return leveled(builtin, ours)
	})
}

func (d *differential) side(namespace string, ours bool) *side {
	s := &side{caches: d.caches, kind: builtinKind, key: types.NamespacedName{
		Namespace: namespace, Name: fmt.Sprintf("diff-%04d", d.serial.Add(1))}}
	if ours {
		s.kind = ourKind
	}
	return s
}

// clear removes what a scenario left behind, whatever holds it.
func (d *differential) clear(sides ...*side) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, s := range sides {
		job := s.object()
		if err := api.Delete(ctx, job, client.PropagationPolicy(metav1.DeletePropagationBackground)); client.IgnoreNotFound(err) != nil {
			fmt.Println(err)
		}
		pods, err := s.pods(ctx)
		if err != nil {
			fmt.Println(err)
		}
		for _, pod := range pods {
			pod = pod.DeepCopy()
			err := errors.Join(client.IgnoreNotFound(api.Delete(ctx, pod, client.GracePeriodSeconds(0))),
				client.IgnoreNotFound(api.Patch(ctx, pod, client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`)))))
			if err != nil && !apierrors.IsConflict(err) {
				fmt.Println(err)
			}
		}
	}
}
