package world

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/stint-dev/stint/api/v1alpha1"
)

// Cache is one process's informer of one kind: a view that follows the log at
// its own pace and knows how far it has come, and behind it the handlers, which
// hear of each event only after the view holds it.
type Cache struct {
	store *Store
	kind  *kind
	pos   int
	view  map[types.NamespacedName]client.Object
	// listed is the view by name; nil when that has changed.
	listed []client.Object
	// keep is the filter of the watch. An object that ceases to match is
	// deleted for all that this cache can tell.
	keep func(client.Object) bool
	// trim, if any, makes of an object what the view holds.
	trim func(any) (any, error)
	// version is the one that the view stands at: of every object it shows that
	// version's state or a later one.
	version int64
	// arriving is what a list that is being taken over has yet to bring.
	arriving []note
	// untold are events that the view holds and the handlers have not heard.
	untold []note
}

// note is one call of the handlers.
type note struct {
	object client.Object
	gone   bool
}

// NewCache starts with the list as it was after the first pos events of the
// log: a list served from a lagging API server may be old.
func NewCache(s *Store, k *kind, pos int, keep func(client.Object) bool, trim func(any) (any, error)) *Cache {
	c := &Cache{store: s, kind: k, keep: keep, trim: trim, view: map[types.NamespacedName]client.Object{}}
	for _, e := range s.logs[k][:pos] {
		c.apply(e)
	}
	c.pos, c.version, c.untold = pos, versionAt(s.logs[k], pos), nil
	for _, o := range c.list() {
		c.untold = append(c.untold, note{object: o})
	}
	return c
}

// versionAt is that of a list which shows the first n events.
func versionAt(log []Event, n int) int64 {
	if n == 0 {
		return 0
	}
	return log[n-1].RV
}

// Lag is how many events the view has not seen.
func (c *Cache) Lag() int { return len(c.arriving) + len(c.store.logs[c.kind]) - c.pos }

// Deliver takes the next n events into the view.
func (c *Cache) Deliver(n int) {
	for ; n > 0 && len(c.arriving) > 0; n-- {
		c.take(c.arriving[0])
		c.arriving = c.arriving[1:]
	}
	for _, e := range c.store.logs[c.kind][c.pos : c.pos+n] {
		c.apply(e)
	}
	c.pos += n
	if len(c.arriving) == 0 {
		c.version = versionAt(c.store.logs[c.kind], c.pos)
	}
}

// list returns the view by name. The slice is shared.
func (c *Cache) list() []client.Object {
	if c.listed == nil {
		c.listed = sorted(c.view)
	}
	return c.listed
}

// take takes one object of a list into the view.
func (c *Cache) take(n note) {
	c.listed = nil
	if key := client.ObjectKeyFromObject(n.object); n.gone {
		delete(c.view, key)
	} else {
		c.view[key] = n.object
	}
	c.untold = append(c.untold, n)
}

func (c *Cache) apply(e Event) {
	c.listed = nil
	key := client.ObjectKeyFromObject(e.Object)
	old, had := c.view[key]
	switch {
	case !e.Deleted && c.keep(e.Object):
		c.view[key] = c.trimmed(e.Object)
		c.untold = append(c.untold, note{object: c.view[key]})
	case had:
		delete(c.view, key)
		last := e.Object
		if !c.keep(last) {
			last = old
		}
		c.untold = append(c.untold, note{object: c.trimmed(last), gone: true})
	}
}

func (c *Cache) trimmed(o client.Object) client.Object {
	if c.trim == nil {
		return o
	}
	t, err := c.trim(o)
	if err != nil {
		panic(err)
	}
	return t.(client.Object)
}

// Relist takes all of the log at once, as a watch that broke does: what came
// and went in between is never heard of, a deletion shows the last state that
// the view had, and a new object of an old name looks like an update. With a
// shuffle, the objects arrive one after the other in any order, and until the
// last one has, the view is of no one moment and stands where it stood.
func (c *Cache) Relist(shuffle func([]note)) {
	fresh := NewCache(c.store, c.kind, len(c.store.logs[c.kind]), c.keep, c.trim)
	var news []note
	for _, o := range c.list() {
		if _, ok := fresh.view[client.ObjectKeyFromObject(o)]; !ok {
			news = append(news, note{object: o, gone: true})
		}
	}
	for _, o := range fresh.list() {
		was, ok := c.view[client.ObjectKeyFromObject(o)]
		if !ok || was.GetResourceVersion() != o.GetResourceVersion() {
			news = append(news, note{object: o})
		}
	}
	c.arriving, c.pos = news, fresh.pos
	if shuffle == nil {
		c.Deliver(len(news))
		return
	}
	shuffle(c.arriving)
}

// tracked is the filter of the pod cache: what carries our label.
func tracked(o client.Object) bool {
	_, ok := o.(*corev1.Pod).Labels[v1alpha1.LabelJobUID]
	return ok
}

func everything(client.Object) bool { return true }
