package world

import (
	"reflect"
	"strings"
	"time"
	"unsafe"

	"github.com/stint-dev/stint/controllers/batchjob"
)

// mortal is the operator as the search needs it: it can be copied with all that
// it remembers.
type mortal struct{ *batchjob.Reconciler }

// exhaustible is stint for the exhaustive search.
var exhaustible = Program{
	Start:      func(p *Process) Controller { return newMortal(p) },
	TrimPod:    stint.TrimPod,
	PodIndexes: stint.PodIndexes,
}

func newMortal(p *Process) mortal { return mortal{stint.Start(p).(*batchjob.Reconciler)} }

// Fork copies what a process remembers, whatever that is.
func (m mortal) Fork(p *Process) Controller {
	n := newMortal(p)
	from, into := reflect.ValueOf(m.Reconciler).Elem(), reflect.ValueOf(n.Reconciler).Elem()
	for i := range from.NumField() {
		if !from.Type().Field(i).IsExported() {
			open(into.Field(i)).Set(copied(open(from.Field(i))))
		}
	}
	return n
}

// open lets a field that is not exported be read and written.
func open(v reflect.Value) reflect.Value {
	return reflect.NewAt(v.Type(), unsafe.Pointer(v.UnsafeAddr())).Elem() //nolint:gosec // a copy of another package's memory has no other way
}

// copied is a copy that shares no map and no pointer of the operator's.
func copied(v reflect.Value) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() || !strings.HasPrefix(v.Type().Elem().PkgPath(), reflect.TypeFor[batchjob.Reconciler]().PkgPath()) {
			return v
		}
		out.Set(reflect.New(v.Type().Elem()))
		out.Elem().Set(copied(v.Elem()))
	case reflect.Map:
		if v.IsNil() {
			return v
		}
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for each := v.MapRange(); each.Next(); {
			out.SetMapIndex(each.Key(), copied(each.Value()))
		}
	case reflect.Struct:
		out.Set(v)
		if v.Type() == reflect.TypeFor[time.Time]() || v.Type().PkgPath() == "sync" {
			return out
		}
		for _, f := range out.Fields() {
			field := open(f)
			field.Set(copied(field))
		}
	case reflect.Slice, reflect.Chan, reflect.Func, reflect.Interface:
		panic("the search cannot copy a " + v.Type().String())
	default:
		return v
	}
	return out
}
