package world

import (
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ownWrite names the last write on a pod of whose success its process knows.
type ownWrite struct {
	process int
	pod     types.NamespacedName
}

// answered judges law 4, never to observe a world older than one's own writes,
// by what can be seen of it from outside: a process that knows of its write and
// makes it once more has looked at a world from before. That such a write is
// harmless, as a pod's name is a lock, hides it from all other rules.
func (w *World) answered(op Op, answer client.Object, err error) {
	if w.own == nil || op.Kind != podKind {
		return
	}
	key := ownWrite{op.Proc.ID, op.Key}
	last := w.own[key]
	switch now := w.Store.objects[podKind][op.Key]; {
	case last == nil, w.Truth.pods[last.GetUID()].touched():
	case op.Verb == "create" && apierrors.IsAlreadyExists(err) && now != nil && now.GetUID() == last.GetUID():
		w.fail("%s makes pod %s once more, and knows that it has made it", op.Proc, op.Key.Name)
	case op.Verb == "patch" && err == nil && answer.GetResourceVersion() == last.GetResourceVersion():
		w.fail("%s patches pod %s once more, and knows that it has done so", op.Proc, op.Key.Name)
	}
	if err == nil && answer != nil {
		w.own[key] = answer
	}
}
