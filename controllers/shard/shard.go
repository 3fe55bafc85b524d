// Package shard is one operator's part of the objects, where several operators
// share a cluster (--watch-label-selector): pure.
//
// Nothing but an object's labels says whose it is, and they may change at any
// time. Three rules keep it to one operator at a time, as far as anybody can,
// and every count exact where two act for a moment:
//
//   - An object that the cache of a shard does not have is gone only when the
//     API server says so; one that is there belongs to somebody else.
//   - Each status names the shard of its writer. Who finds another's name there
//     knows nothing of what that one did to pods and runs, and reads the API
//     server before it acts, as after a change of leaders.
//   - What a stale plan of the former operator may still do is what a deposed
//     leader may: its writes of a status conflict, the names of its pods and runs
//     are those that the new operator would give, and what it lets go of was
//     counted durably before.
package shard

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Shard is the objects that a selector matches. The zero value is all of them.
type Shard struct {
	name     string
	selector labels.Selector
	keys     []string
}

// New is the shard of a selector; name is how it is written, and empty for all
// objects.
func New(name string, selector labels.Selector) Shard {
	if name == "" {
		return Shard{}
	}
	s := Shard{name: name, selector: selector}
	requirements, _ := selector.Requirements()
	for i := range requirements {
		s.keys = append(s.keys, requirements[i].Key())
	}
	return s
}

// Name is what the operator of this shard writes into status.shard.
func (s Shard) Name() string { return s.name }

// Whole tells that there are no other shards, as far as this operator knows.
func (s Shard) Whole() bool { return s.name == "" }

// Has tells whether an object, as it is now, is this shard's.
func (s Shard) Has(object metav1.Object) bool {
	return s.Whole() || s.selector.Matches(labels.Set(object.GetLabels()))
}

// Differences are the labels by which an object is in another shard than its
// owner: those that it should have and, as nil, those that it should not.
func (s Shard) Differences(object, owner metav1.Object) map[string]any {
	var differ map[string]any
	for _, key := range s.keys {
		is, has := object.GetLabels()[key]
		should, needs := owner.GetLabels()[key]
		if has == needs && is == should {
			continue
		}
		if differ == nil {
			differ = map[string]any{}
		}
		differ[key] = nil
		if needs {
			differ[key] = should
		}
	}
	return differ
}

// Follow gives an object that is yet to be made the labels of its owner that
// decide about the shard.
func (s Shard) Follow(object, owner metav1.Object) {
	of := object.GetLabels()
	for key, value := range s.Differences(object, owner) {
		if text, needs := value.(string); needs {
			of[key] = text
			continue
		}
		delete(of, key)
	}
	object.SetLabels(of)
}
