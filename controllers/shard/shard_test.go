package shard

import (
	"reflect"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

func of(t *testing.T, selector string) Shard {
	t.Helper()
	parsed, err := labels.Parse(selector)
	if err != nil {
		t.Fatal(err)
	}
	return New(selector, parsed)
}

func with(l map[string]string) *metav1.ObjectMeta { return &metav1.ObjectMeta{Labels: l} }

type set = map[string]string

// TestHas: whose an object is.
func TestHas(t *testing.T) {
	for selector, c := range map[string][]struct {
		labels set
		want   bool
	}{
		"":                {{nil, true}, {set{"key": "one"}, true}},
		"key=one":         {{nil, false}, {set{"key": "one"}, true}, {set{"key": "two"}, false}},
		"key in (one)":    {{nil, false}, {set{"key": "one", "app": "db"}, true}, {set{"key": "two"}, false}},
		"!key":            {{nil, true}, {set{"key": ""}, false}, {set{"app": "db"}, true}},
		"key,key!=one":    {{nil, false}, {set{"key": "one"}, false}, {set{"key": "two"}, true}},
		"key notin (one)": {{nil, true}, {set{"key": "one"}, false}},
	} {
		s := of(t, selector)
		if s.Name() != selector || s.Whole() != (selector == "") {
			t.Errorf("%q: name %q, whole %t", selector, s.Name(), s.Whole())
		}
		for _, o := range c {
			if got := s.Has(with(o.labels)); got != o.want {
				t.Errorf("%q has %v: %t", selector, o.labels, got)
			}
		}
	}
}

// TestFollow: a run is in the shard of its schedule, whatever its template says.
func TestFollow(t *testing.T) {
	for name, c := range map[string]struct {
		selector          string
		run, owner, after set
		differ            map[string]any
	}{
		"all objects": {"", set{"key": "two"}, set{"key": "one"}, set{"key": "two"}, nil},
		"it lacks the label": {"key=one", set{"app": "db"}, set{"key": "one", "team": "a"}, set{"app": "db", "key": "one"},
			map[string]any{"key": "one"}},
		"it has another value": {"key in (one)", set{"key": "two"}, set{"key": "one"}, set{"key": "one"}, map[string]any{"key": "one"}},
		"its owner has none":   {"!key", set{"key": "two", "app": "db"}, nil, set{"app": "db"}, map[string]any{"key": nil}},
		"an empty value":       {"key", set{}, set{"key": ""}, set{"key": ""}, map[string]any{"key": ""}},
		"it follows":           {"key=one,!other", set{"key": "one"}, set{"key": "one"}, set{"key": "one"}, nil},
		"two keys": {"key=one,zone=a", set{"key": "two", "zone": "a"}, set{"key": "one", "zone": "b"}, set{"key": "one", "zone": "b"},
			map[string]any{"key": "one", "zone": "b"}},
	} {
		s, run, owner := of(t, c.selector), with(c.run), with(c.owner)
		if got := s.Differences(run, owner); !reflect.DeepEqual(got, c.differ) {
			t.Errorf("%s: differences %v", name, got)
		}
		if s.Follow(run, owner); !reflect.DeepEqual(run.Labels, c.after) {
			t.Errorf("%s: %v", name, run.Labels)
		}
	}
}
