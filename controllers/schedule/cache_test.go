package schedule

import (
	"errors"
	"fmt"
	"testing"
)

// TestCache: the cache answers as Parse does, shares what is the same, keeps
// apart what is not, and stays small.
func TestCache(t *testing.T) {
	c := NewCache(100)
	get := func(zone, key string, expressions ...string) *Schedule {
		t.Helper()
		s, err := c.Parse(expressions, zone, key)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	a := get("Europe/Berlin", "a/a", "0 2 * * *")
	if get("Europe/Berlin", "b/b", "0 2 * * *") != a {
		t.Error("two objects with one schedule do not share it")
	}
	if b := get("Europe/Berlin", "b/b", "0 3 * * *"); b == a || b.loc != a.loc {
		t.Error("another schedule in the same zone must be another, in the same zone")
	}
	if get("Europe/Paris", "a/a", "0 2 * * *") == a || get("Europe/Berlin", "a/a", "0 2 * * *", "0 2 * * *") == a {
		t.Error("different schedules are one")
	}
	if get("", "a/a", "H 2 * * *") == get("", "b/b", "H 2 * * *") {
		t.Error("H is shared between keys")
	}
	if _, err := c.Parse([]string{"0 2 * * *\x000 3 * * *"}, "", ""); err == nil {
		t.Error("a separator in an expression is taken for two")
	}
	for range 2 {
		if _, err := c.Parse([]string{"61 * * * *"}, "", ""); !errors.Is(err, ErrSyntax) {
			t.Error(err)
		}
		if _, err := c.Parse([]string{"* * * * *"}, "Mars/Olympus", ""); !errors.Is(err, ErrUnknownZone) {
			t.Error(err)
		}
	}
	for i := range 10_000 {
		get("", fmt.Sprint(i), "H H * * *")
	}
	if n := len(c.schedules.young) + len(c.schedules.old); n > 100 {
		t.Errorf("%d schedules are kept", n)
	}
	if NewCache(-1).schedules.half < 1 {
		t.Error("a cache of nothing")
	}
}
