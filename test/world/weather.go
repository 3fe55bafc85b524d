package world

import (
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Op is one request of a process.
type Op struct {
	Proc *Process
	Verb string
	Kind *kind
	Key  types.NamespacedName
}

// Fault is what becomes of a request.
type Fault int

// The faults. Those that a client cannot tell apart differ in what is durable.
const (
	Fine        Fault = iota
	Refused           // an error answer, nothing written
	LostRequest       // a timeout, nothing written
	LostAnswer        // a timeout, written all the same
	LandsLater        // a timeout, written some time afterwards
	CrashBefore       // the process dies, nothing written
	CrashAfter        // written, and the process dies before it knows
	Deposed           // another process leads and works; then this one write lands, and the process dies
)

var faultNames = [...]string{"ok", "refused", "timeout, not written", "timeout, but written", "timeout, lands later", "crash before", "crash after", "lands after the leadership is lost"}

func (f Fault) String() string { return faultNames[f] }

// Weather decides what becomes of requests.
type Weather interface {
	// Write is asked before each write; n is which of the refusals a Refused is.
	Write(op Op) (f Fault, n int)
	// Read is asked before each read of the API server: Fine, Refused or
	// LostAnswer.
	Read(op Op) (f Fault, n int)
	// Meanwhile lets others act while a request is on its way.
	Meanwhile()
	// CacheRead lets news come after each read of a cache: what was read is then
	// older than what the cache shows.
	CacheRead()
	// Reign lets the successor of a deposed process work.
	Reign()
}

// calm is no weather at all.
type calm struct{}

func (calm) Write(Op) (Fault, int) { return Fine, 0 }
func (calm) Read(Op) (Fault, int)  { return Fine, 0 }
func (calm) Meanwhile()            {}
func (calm) CacheRead()            {}
func (calm) Reign()                {}

// request sends a write through the weather.
func (w *World) request(op Op, do func() (client.Object, error)) (client.Object, error) {
	w.Story.depth++
	defer func() { w.Story.depth-- }()
	w.Weather.Meanwhile()
	w.Writes++
	f, n := w.Weather.Write(op)
	if f != Fine {
		w.Troubles++
	}
	switch f {
	case Refused:
		w.Story.Add("%s %s %s %s: refused, %s", op.Proc, op.Verb, op.Kind.gvk.Kind, op.Key.Name, refusals[n].name)
		return nil, refusals[n].err(op.Kind, op.Key.Name)
	case CrashBefore:
		w.tell(op, f, nil)
		panic(crash{op.Proc})
	case LostRequest:
		w.tell(op, f, nil)
		return nil, timeout(op.Kind, op.Key.Name)
	case LandsLater:
		w.tell(op, f, nil)
		w.late = append(w.late, func() { _, err := do(); w.tell(op, Fine, err) })
		return nil, timeout(op.Kind, op.Key.Name)
	case Deposed:
		w.Story.Add("%s is about to %s %s %s and loses the leadership", op.Proc, op.Verb, op.Kind.gvk.Kind, op.Key.Name)
		op.Proc.deposed = true
		w.Weather.Reign()
	case Fine, LostAnswer, CrashAfter:
	}
	answer, err := do()
	w.tell(op, f, err)
	if f == Fine {
		w.answered(op, answer, err)
	}
	switch f {
	case CrashAfter, Deposed:
		panic(crash{op.Proc})
	case LostAnswer:
		return nil, timeout(op.Kind, op.Key.Name)
	default:
		return answer, err
	}
}

func (w *World) tell(op Op, f Fault, err error) {
	if err != nil {
		w.Story.Add("%s %s %s %s: %v: %v", op.Proc, op.Verb, op.Kind.gvk.Kind, op.Key.Name, f, err)
		return
	}
	w.Story.Add("%s %s %s %s: %v", op.Proc, op.Verb, op.Kind.gvk.Kind, op.Key.Name, f)
}

// liveRead sends a read through the weather.
func (w *World) liveRead(op Op) error {
	w.Story.depth++
	defer func() { w.Story.depth-- }()
	w.Weather.Meanwhile()
	w.Reads++
	f, n := w.Weather.Read(op)
	w.Story.Add("%s %s %s %s: %v", op.Proc, op.Verb, op.Kind.gvk.Kind, op.Key.Name, f)
	switch f {
	case Refused:
		return refusals[n].err(op.Kind, op.Key.Name)
	case LostAnswer:
		return timeout(op.Kind, op.Key.Name)
	default:
		return nil
	}
}
