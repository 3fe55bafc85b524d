//go:build integration

package integration

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
	"github.com/stint-dev/stint/controllers/mould"
)

// TestPodTemplateRules takes pod templates that are right, changes each field of
// them in every way that its type allows to be wrong, and asks the API server: as
// a template of batch/v1's Job, as one of ours, and with the pod that ours makes.
// What batch/v1 takes, we take; what it refuses, our schema refuses, or else
// mould.Invalid or the pod's creation does, whose words a condition then has.
func TestPodTemplateRules(t *testing.T) {
	ns := newNamespace(t)
	eventually(t, patience, "the service account", func(ctx context.Context) error {
		return api.Get(ctx, types.NamespacedName{Namespace: ns, Name: "default"}, &corev1.ServiceAccount{})
	})
	tally := &templateTally{ns: ns, differ: map[string]int{}}
	work := make(chan func())
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for one := range work {
				one()
			}
		})
	}
	tried := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(templateParts)) {
		part := parse(t, templateParts[name])
		right := runtime.DeepCopyJSON(part)
		addMinimum(right)
		mode := map[bool]string{false: "", true: "Indexed"}[name == "indexed"]
		work <- func() { tally.right(t, mode, name, right) }
		for _, c := range append(changesOf(part, nil), templateMore[name]...) {
			if at := mode + c.String(); !tried[at] {
				tried[at] = true
				work <- func() { tally.put(t, mode, c, right) }
			}
		}
	}
	close(work)
	all.Wait()
	tally.sum(t)
	wantAllFields(t, tried)
}

// addMinimum makes a template of a part of one.
func addMinimum(part map[string]any) {
	spec, _ := part["spec"].(map[string]any)
	if spec == nil {
		spec = map[string]any{}
		part["spec"] = spec
	}
	if spec["restartPolicy"] == nil {
		spec["restartPolicy"] = "Never"
	}
	if spec["containers"] == nil {
		spec["containers"] = []any{map[string]any{"name": "main", "image": "busybox"}}
	}
}

// templateTally counts what was asked.
type templateTally struct {
	ns                    string
	tried, refused, early atomic.Int32
	mu                    sync.Mutex
	differ                map[string]int
}

// right wants a template taken by all.
func (s *templateTally) right(t *testing.T, mode, name string, template map[string]any) {
	for _, err := range []error{s.builtin(t, mode, template), s.ours(t, mode, template), s.pod(t, mode, template)} {
		if err != nil {
			t.Errorf("the part %q, unchanged, is refused: %v", name, err)
		}
	}
}

// put tries a change, and notes a difference that is meant.
func (s *templateTally) put(t *testing.T, mode string, c change, right map[string]any) {
	err := s.difference(t, mode, c.in(right))
	if err == nil {
		return
	}
	for _, d := range templateDifferences {
		if d.is(c) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.differ[d.name]++
			return
		}
	}
	t.Errorf("%s %s: %v", mode, c, err)
}

// difference tells what is different between batch/v1 and us about a template.
func (s *templateTally) difference(t *testing.T, mode string, template map[string]any) error {
	s.tried.Add(1)
	theirs, ours := s.builtin(t, mode, template), s.ours(t, mode, template)
	switch {
	case theirs == nil && ours == nil:
		return nil
	case theirs == nil:
		return fmt.Errorf("batch/v1 takes it, we do not: %w", ours)
	case !isRefusal(theirs):
		return theirs
	}
	s.refused.Add(1)
	if isRefusal(ours) {
		s.early.Add(1)
		return nil
	}
	if ours == nil {
		ours = s.pod(t, mode, template)
	}
	switch {
	case ours == nil:
		return fmt.Errorf("we take it, and the pod too; batch/v1 says: %w", theirs)
	case !isRefusal(ours):
		return ours
	}
	return nil
}

func (s *templateTally) builtin(t *testing.T, mode string, template map[string]any) error {
	object := jobOf(t, mode, template)
	object.SetGroupVersionKind(builtinKind)
	return tryCreate(t, object, s.ns)
}

func (s *templateTally) ours(t *testing.T, mode string, template map[string]any) error {
	return tryCreate(t, jobOf(t, mode, template), s.ns)
}

// pod tries what the operator does with the template.
func (s *templateTally) pod(t *testing.T, mode string, template map[string]any) error {
	job := &v1alpha1.BatchJob{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(jobOf(t, mode, template).Object, job); err != nil {
		return err
	}
	job.UID, job.Namespace = "1a2b", s.ns
	if message := mould.Invalid(&job.Spec, 1); message != "" {
		return apierrors.NewBadRequest(message)
	}
	pod := mould.Pod(job, mould.Order{Name: "job-0-abcde", Run: 1, Revision: "v1-0", Indexed: mode != ""})
	return api.Create(t.Context(), pod, client.DryRunAll)
}

func (s *templateTally) sum(t *testing.T) {
	for _, d := range templateDifferences {
		if s.differ[d.name] == 0 {
			t.Errorf("nothing differs by %q any more", d.name)
		}
	}
	fmt.Printf("validation of pod templates: %d variations put to batch/v1 and to us; it refuses %d, of which our schema refuses %d and the making of the pod the others; as is meant differ %v\n",
		s.tried.Load(), s.refused.Load(), s.early.Load(), s.differ)
}

// isRefusal tells an answer to the object from a trouble of the server.
func isRefusal(err error) bool {
	return apierrors.IsInvalid(err) || apierrors.IsBadRequest(err) || apierrors.IsForbidden(err)
}

// change is one in a template: another value at a path, or none.
type change struct {
	path  []any // names of fields, and numbers in lists
	value any
	gone  bool
}

func (c change) String() string {
	if c.gone {
		return fieldAt(c.path) + " removed"
	}
	text := asJSON(c.value)
	if len(text) > 60 {
		text = fmt.Sprintf("%s… of %d", text[:30], len(text))
	}
	return fieldAt(c.path) + " = " + text
}

func fieldAt(path []any) string {
	var b strings.Builder
	for _, part := range path {
		if i, inList := part.(int); inList {
			fmt.Fprintf(&b, "[%d]", i)
		} else {
			fmt.Fprintf(&b, ".%s", part)
		}
	}
	return strings.TrimPrefix(b.String(), ".")
}

// in makes the change in a copy.
func (c change) in(template map[string]any) map[string]any {
	out := runtime.DeepCopyJSON(template)
	var at any = out
	for _, part := range c.path[:len(c.path)-1] {
		if i, inList := part.(int); inList {
			at = at.([]any)[i]
		} else {
			at = at.(map[string]any)[part.(string)]
		}
	}
	switch last := c.path[len(c.path)-1].(type) {
	case int:
		at.([]any)[last] = c.value
	case string:
		if at.(map[string]any)[last] = c.value; c.gone {
			delete(at.(map[string]any), last)
		}
	}
	return out
}

// changesOf are all that are tried at a value and below it.
func changesOf(v any, path []any) []change {
	var all []change
	if len(path) > 0 {
		if _, isField := path[len(path)-1].(string); isField {
			all = append(all, change{path: path, gone: true})
		}
		for _, other := range othersThan(v) {
			all = append(all, change{path: path, value: other})
		}
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, changesOf(v[name], append(slices.Clone(path), name))...)
		}
	case []any:
		for i := range v {
			all = append(all, changesOf(v[i], append(slices.Clone(path), i))...)
		}
	}
	return all
}

// othersThan are values that a field of that type may not be meant for: none,
// empty, doubled, and out of many a range.
func othersThan(v any) []any {
	switch v := v.(type) {
	case string:
		return []any{nil, "", "A b!", strings.Repeat("a", 64), strings.Repeat("a", 254)}
	case int64:
		return []any{nil, int64(0), int64(-1), int64(65536), int64(1) << 31}
	case bool:
		return []any{nil, !v}
	case []any:
		return []any{nil, []any{}, append(runtime.DeepCopyJSONValue(v).([]any), runtime.DeepCopyJSONValue(v).([]any)...)}
	case map[string]any:
		more := runtime.DeepCopyJSON(v)
		more["a b!"] = "x"
		return []any{nil, map[string]any{}, more}
	}
	return nil
}
