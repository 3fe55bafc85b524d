package world

import (
	"encoding/json"
	"net/http"
	"reflect"

	jsonpatch "github.com/evanphx/json-patch/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// patch is a PATCH request of the main resource or of status. A patch without
// a resourceVersion applies to whatever is stored.
func (s *Store) patch(by Actor, k *kind, key types.NamespacedName, how types.PatchType, data []byte, status bool) (client.Object, error) {
	cur, err := s.get(k, key)
	if err != nil {
		return nil, err
	}
	next, err := patched(k, cur, how, data)
	if err != nil {
		return nil, err
	}
	if next.GetUID() != cur.GetUID() {
		return nil, invalid(k, key.Name, "metadata.uid: Invalid value: \""+string(next.GetUID())+"\": field is immutable")
	}
	if next.GetName() != key.Name || next.GetNamespace() != key.Namespace {
		return nil, apierrors.NewBadRequest("the name of the object does not match the name on the URL")
	}
	return s.update(by, next, status)
}

// patched is a copy of cur with the patch applied.
func patched(k *kind, cur client.Object, how types.PatchType, data []byte) (client.Object, error) {
	if how == types.MergePatchType || how == types.StrategicMergePatchType && k == podKind {
		if next, ok := patchedMeta(cur, how, data); ok {
			return next, nil
		}
	}
	before, err := json.Marshal(cur)
	if err != nil {
		return nil, err
	}
	after, err := patchedJSON(k, cur, before, how, data)
	if err != nil {
		return nil, err
	}
	next := reflect.New(reflect.TypeOf(cur).Elem()).Interface().(client.Object)
	if err := json.Unmarshal(after, next); err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return next, nil
}

func patchedJSON(k *kind, cur client.Object, before []byte, how types.PatchType, data []byte) ([]byte, error) {
	switch how {
	case types.MergePatchType:
		after, err := jsonpatch.MergePatch(before, data)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return after, nil
	case types.JSONPatchType:
		p, err := jsonpatch.DecodePatch(data)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		after, err := p.Apply(before)
		if err != nil {
			return nil, invalid(k, cur.GetName(), err.Error())
		}
		return after, nil
	case types.StrategicMergePatchType:
		if k != podKind {
			return nil, unknownFormat(k, cur)
		}
		after, err := strategicpatch.StrategicMergePatch(before, data, cur)
		if err != nil {
			return nil, apierrors.NewBadRequest(err.Error())
		}
		return after, nil
	default:
		return nil, unknownFormat(k, cur)
	}
}

func unknownFormat(k *kind, cur client.Object) error {
	return apierrors.NewGenericServerResponse(http.StatusUnsupportedMediaType, "patch", k.resource, cur.GetName(),
		"the body of the request was in an unknown format", 0, false)
}

// patchedMeta applies a merge or strategic merge patch that touches nothing but
// the usual parts of a pod's metadata, without a trip through JSON: nearly all
// patches of a controller are of that kind.
func patchedMeta(cur client.Object, how types.PatchType, data []byte) (client.Object, bool) {
	var top map[string]map[string]json.RawMessage
	if json.Unmarshal(data, &top) != nil || len(top) != 1 || top["metadata"] == nil {
		return nil, false
	}
	next := cur.DeepCopyObject().(client.Object)
	for field, raw := range top["metadata"] {
		if !setMeta(next, field, raw, how == types.StrategicMergePatchType) {
			return nil, false
		}
	}
	return next, true
}

func setMeta(o client.Object, field string, raw json.RawMessage, strategic bool) bool {
	var text string
	var list []string
	switch field {
	case "uid":
		ok := json.Unmarshal(raw, &text) == nil
		o.SetUID(types.UID(text))
		return ok
	case "resourceVersion":
		ok := json.Unmarshal(raw, &text) == nil
		o.SetResourceVersion(text)
		return ok
	case "finalizers":
		ok := json.Unmarshal(raw, &list) == nil
		if strategic {
			list = append(without(o.GetFinalizers(), list), list...)
		}
		o.SetFinalizers(list)
		return ok
	case "$deleteFromPrimitiveList/finalizers":
		ok := strategic && json.Unmarshal(raw, &list) == nil
		o.SetFinalizers(without(o.GetFinalizers(), list))
		return ok
	}
	return false
}

// without is a new list of what is not in gone.
func without(list, gone []string) []string {
	var out []string
	for _, s := range list {
		if !has(gone, s) {
			out = append(out, s)
		}
	}
	return out
}
