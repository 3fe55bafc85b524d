package world

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
)

// nobody is a controller that does what a test says.
type nobody struct {
	proc *Process
	do   func(*Process) error
}

func (n *nobody) Reconcile(context.Context, ctrl.Request) (ctrl.Result, error) {
	return ctrl.Result{}, n.do(n.proc)
}

func (n *nobody) SawPod(*corev1.Pod, bool) (types.NamespacedName, bool) {
	return types.NamespacedName{}, false
}

// one is the weather in which every write meets the same fault.
type one struct {
	calm
	fault Fault
	reign func()
}

func (o one) Write(Op) (Fault, int) { return o.fault, 0 }
func (o one) Reign()                { o.reign() }

func TestFaults(t *testing.T) {
	for _, tc := range []struct {
		fault               Fault
		durable, dies, late bool
		answer              func(error) bool
	}{
		{fault: Fine, durable: true, answer: func(err error) bool { return err == nil }},
		{fault: Refused, answer: apierrors.IsConflict},
		{fault: LostRequest, answer: apierrors.IsTimeout},
		{fault: LostAnswer, durable: true, answer: apierrors.IsTimeout},
		{fault: LandsLater, late: true, answer: apierrors.IsTimeout},
		{fault: CrashBefore, dies: true},
		{fault: CrashAfter, durable: true, dies: true},
		{fault: Deposed, durable: true, dies: true},
	} {
		t.Run(tc.fault.String(), func(t *testing.T) {
			var answer error
			returned, reigned := false, false
			w := New(Program{Start: func(p *Process) Controller {
				return &nobody{proc: p, do: func(p *Process) error {
					answer = p.Client().Create(context.Background(), ownerless())
					returned = true
					return nil
				}}
			}})
			w.Store.Hooks = nil // the oracle has no say here
			w.Weather = one{fault: tc.fault, reign: func() { reigned = len(w.Store.Pods()) == 0 }}
			p := w.start(0, 0)
			p.Queue.Add(types.NamespacedName{Name: "job"})
			p.work(0)
			if durable := len(w.Store.Pods()) == 1; durable != tc.durable {
				t.Errorf("durable: %v", durable)
			}
			if p.dead != tc.dies || returned == tc.dies || (w.live() == nil) != tc.dies {
				t.Errorf("dead: %v, returned: %v", p.dead, returned)
			}
			if returned && !tc.answer(answer) {
				t.Errorf("answer: %v", answer)
			}
			if reigned != (tc.fault == Deposed) {
				t.Errorf("a successor worked before the write landed: %v", reigned)
			}
			if len(w.late) > 0 != tc.late {
				t.Fatalf("late: %d", len(w.late))
			}
			if tc.late {
				w.land()
				if len(w.Store.Pods()) != 1 {
					t.Error("it never lands")
				}
			}
		})
	}
}

func ownerless() *corev1.Pod { return pod("job-1") }
