package batchjob

import (
	"context"
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// jobs is a cache of BatchJobs by namespace/name.
type jobs struct {
	client.Client
	known map[string]*v1alpha1.BatchJob
}

func (c jobs) Get(_ context.Context, key client.ObjectKey, obj client.Object, _ ...client.GetOption) error {
	found, ok := c.known[key.String()]
	if !ok {
		return apierrors.NewNotFound(schema.GroupResource{Resource: "batchjobs"}, key.Name)
	}
	into, ok := obj.(*v1alpha1.BatchJob)
	if !ok {
		return errors.New("not a BatchJob")
	}
	found.DeepCopyInto(into)
	return nil
}

// graph makes jobs of lines "a: b other/c".
func graph(lines ...string) jobs {
	c := jobs{known: map[string]*v1alpha1.BatchJob{}}
	for _, line := range lines {
		name, deps, _ := strings.Cut(line, ":")
		namespace, name, other := strings.Cut(name, "/")
		if !other {
			namespace, name = "team", namespace
		}
		j := &v1alpha1.BatchJob{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 2}}
		for dep := range strings.FieldsSeq(deps) {
			d := v1alpha1.Dependency{Name: dep}
			if ns, n, ok := strings.Cut(dep, "/"); ok {
				d = v1alpha1.Dependency{Namespace: ns, Name: n}
			}
			j.Spec.DependsOn = append(j.Spec.DependsOn, d)
		}
		c.known[namespace+"/"+name] = j
	}
	return c
}

// TestRings are found from each of their members, and from nobody else.
func TestRings(t *testing.T) {
	for _, c := range []struct {
		name  string
		graph []string
		cross bool
		want  map[string]string
	}{
		{"none", []string{"a: b", "b: c", "c:"}, false, map[string]string{"a": "", "b": ""}},
		{"a missing one", []string{"a: b"}, false, map[string]string{"a": ""}},
		{"two", []string{"a: b", "b: a"}, false, map[string]string{"a": "a b a", "b": "b a b"}},
		{"three", []string{"a: b", "b: c", "c: a"}, false, map[string]string{"a": "a b c a", "b": "b c a b", "c": "c a b c"}},
		{"beside a ring", []string{"d: a", "a: b", "b: a"}, false, map[string]string{"d": ""}},
		{"the shortest way", []string{"a: b", "b: c a", "c: a"}, false, map[string]string{"a": "a b a"}},
		{"itself", []string{"a: team/a"}, false, map[string]string{"a": "a a"}},
		{"a diamond", []string{"a: b", "b: c d", "c: e", "d: e", "e:"}, false, map[string]string{"a": ""}},
		{"across namespaces", []string{"a: x/b", "x/b: team/a"}, true, map[string]string{"a": "a x/b a"}},
	} {
		cache := graph(c.graph...)
		r := &Reconciler{Client: cache, CrossNamespace: c.cross}
		for name, want := range c.want {
			j := cache.known["team/"+name]
			way, err := r.ring(t.Context(), j, dependencyKey(j, 0))
			if err != nil {
				t.Fatal(err)
			}
			same(t, c.name+": "+name, strings.Join(way, " "), want)
		}
	}
}

// TestDependencyFacts: what is told of each.
func TestDependencyFacts(t *testing.T) {
	cache := graph("a: b", "b:", "c: x/b", "x/b:")
	b := cache.known["team/b"]
	r := &Reconciler{Client: cache}
	r.init()
	look := func(name string) (out []bool) {
		t.Helper()
		d, err := r.dependency(t.Context(), cache.known["team/"+name], 0)
		if err != nil {
			t.Fatal(err)
		}
		return []bool{d.Exists, d.Current, d.Ready, d.Denied}
	}
	same(t, "fresh", look("a"), []bool{true, false, false, false})
	b.Status.ObservedGeneration = 2
	b.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionTrue}}
	same(t, "ready", look("a"), []bool{true, true, true, false})
	b.Generation = 3
	same(t, "edited", look("a"), []bool{true, false, true, false})
	b.DeletionTimestamp = new(at(0))
	same(t, "being deleted", look("a")[0], false)
	same(t, "of another namespace", look("c"), []bool{false, false, false, true})
	r.CrossNamespace = true
	same(t, "of another namespace, where that is allowed", look("c"), []bool{true, false, false, false})
	same(t, "the index", IndexDependencies(cache.known["team/c"]), []string{"x/b"})
	same(t, "the index, by its own namespace", IndexDependencies(cache.known["team/a"]), []string{"team/b"})
}
