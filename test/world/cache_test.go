package world

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

func ours(p *corev1.Pod) { p.Labels = map[string]string{v1alpha1.LabelJobUID: "uid-1"} }

func view(c *Cache) []string {
	var out []string
	for _, o := range sorted(c.view) {
		out = append(out, o.GetName())
	}
	return out
}

func notes(c *Cache) []string {
	var out []string
	for _, n := range c.untold {
		sign := "+"
		if n.gone {
			sign = "-"
		}
		out = append(out, sign+n.object.GetName())
	}
	c.untold = nil
	return out
}

func wantList(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestCacheLags(t *testing.T) {
	s, _ := newStore()
	a := mustCreate(t, s, pod("a", ours))
	c := NewCache(s, podKind, 1, tracked, nil)
	wantList(t, "the first list", notes(c), "+a")
	mustCreate(t, s, pod("b", ours))
	mustCreate(t, s, pod("foreign"))
	next := a.DeepCopy()
	next.Labels = nil
	mustUpdate(t, s, next, false)
	if c.Lag() != 3 {
		t.Errorf("lag %d", c.Lag())
	}
	wantList(t, "before", view(c), "a")
	c.Deliver(1)
	wantList(t, "after one event", view(c), "a", "b")
	c.Deliver(2)
	wantList(t, "after all", view(c), "b")
	wantList(t, "handlers", notes(c), "+b", "-a")
	old := NewCache(s, podKind, 1, tracked, nil)
	wantList(t, "an old first list", view(old), "a")
}

func TestRelistSkipsWhatCameAndWent(t *testing.T) {
	s, _ := newStore()
	a := mustCreate(t, s, pod("a", ours))
	b := mustCreate(t, s, pod("b", ours))
	c := NewCache(s, podKind, 2, tracked, nil)
	notes(c)
	mustCreate(t, s, pod("brief", ours))
	for _, name := range []string{"brief", "a", "b"} {
		if err := s.remove(somebody, podKind, types.NamespacedName{Namespace: "default", Name: name}, client.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	again := mustCreate(t, s, pod("b", ours))
	c.Relist(nil)
	wantList(t, "view", view(c), "b")
	wantList(t, "handlers", notes(c), "-a", "+b")
	if b.UID == again.UID || a.UID == again.UID || c.Lag() != 0 {
		t.Error("the new b is the old one, or the cache lags")
	}
}

// TestRelistInAnyOrder: bit by bit, and until the last of it the view says that
// it stands where it stood.
func TestRelistInAnyOrder(t *testing.T) {
	s, _ := newStore()
	mustCreate(t, s, pod("a", ours))
	c := NewCache(s, podKind, 1, tracked, nil)
	notes(c)
	for _, name := range []string{"b", "d", "c"} {
		mustCreate(t, s, pod(name, ours))
	}
	c.Relist(func(n []note) { slices.Reverse(n) })
	wantList(t, "view, at first", view(c), "a")
	mustCreate(t, s, pod("e", ours))
	if c.Lag() != 4 || c.version != 1 {
		t.Errorf("lag %d, version %d", c.Lag(), c.version)
	}
	c.Deliver(2)
	wantList(t, "view, in between", view(c), "a", "c", "d")
	wantList(t, "handlers, in between", notes(c), "+d", "+c")
	if c.version != 1 {
		t.Errorf("half a list makes version %d", c.version)
	}
	c.Deliver(1)
	if c.version != 4 {
		t.Errorf("a list makes version %d", c.version)
	}
	c.Deliver(1)
	wantList(t, "view, in the end", view(c), "a", "b", "c", "d", "e")
	if c.version != 5 || c.Lag() != 0 {
		t.Errorf("lag %d, version %d", c.Lag(), c.version)
	}
}

func TestCachedReads(t *testing.T) {
	w := New(Program{
		Start: func(*Process) Controller { return &nobody{} },
		PodIndexes: map[string]client.IndexerFunc{"job-uid": func(o client.Object) []string {
			return []string{o.GetLabels()[v1alpha1.LabelJobUID]}
		}},
	})
	mustCreate(t, w.Store, pod("a", ours))
	p := w.start(0, 1)
	ctx, cl := context.Background(), p.Client()
	var list corev1.PodList
	for _, tc := range []struct {
		name string
		opt  client.ListOption
		want int
	}{
		{"label", client.MatchingLabels{v1alpha1.LabelJobUID: "uid-1"}, 1},
		{"another label", client.MatchingLabels{v1alpha1.LabelJobUID: "uid-2"}, 0},
		{"index", client.MatchingFields{"job-uid": "uid-1"}, 1},
		{"namespace", client.InNamespace("other"), 0},
	} {
		if err := cl.List(ctx, &list, tc.opt); err != nil || len(list.Items) != tc.want {
			t.Errorf("%s: %d, %v", tc.name, len(list.Items), err)
		}
	}
	if err := cl.List(ctx, &list, client.MatchingFields{"spec.nodeName": "x"}); err == nil {
		t.Error("a field without an index can be selected")
	}
	var got corev1.Pod
	if err := cl.Get(ctx, types.NamespacedName{Namespace: "default", Name: "a"}, &got); err != nil {
		t.Fatal(err)
	}
	got.Labels["x"] = "y"
	if len(w.Store.Pods()[0].Labels) != 1 {
		t.Error("a reader changed the store")
	}
}

func TestQueueAndClock(t *testing.T) {
	c := NewClock()
	q := NewQueue(c)
	key := types.NamespacedName{Name: "a"}
	q.Add(key)
	q.Add(key)
	if q.Len() != 1 {
		t.Fatalf("a key waits %d times", q.Len())
	}
	q.Take(0)
	q.Retry(key)
	q.Retry(key)
	if d, ok := c.Next(); !ok || d != 5*time.Millisecond {
		t.Errorf("first retry in %v", d)
	}
	c.Advance(5 * time.Millisecond)
	if d, ok := c.Next(); !ok || d != 5*time.Millisecond || q.Len() != 1 {
		t.Errorf("second retry in %v, %d wait", d, q.Len())
	}
	q.Close()
	c.Advance(time.Minute)
	if q.Len() != 0 {
		t.Error("a dead process has work")
	}
}
