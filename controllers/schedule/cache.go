package schedule

import (
	"strconv"
	"strings"
	"time"
)

// Cache keeps parsed schedules. It has no influence on any answer: parsing is a
// function of its input. Zones are shared between schedules, which is most of
// their memory; schedules without an H are shared between objects. Refusals are
// kept as well. It takes no lock, as nothing here knows of goroutines: who
// shares one locks it. The schedules that it gives need none.
type Cache struct {
	schedules generations[parsed]
	zones     generations[*time.Location]
}

type parsed struct {
	schedule *Schedule
	err      error
}

// maxZones is more than the IANA database has.
const maxZones = 1_000

// NewCache makes a cache of at most size schedules.
func NewCache(size int) *Cache {
	return &Cache{
		schedules: generations[parsed]{half: max(1, size/2)},
		zones:     generations[*time.Location]{half: maxZones / 2},
	}
}

// Parse is the function Parse, remembered.
func (c *Cache) Parse(expressions []string, zone, key string) (*Schedule, error) {
	id := identity(expressions, zone, key)
	if p, ok := c.schedules.get(id); ok {
		return p.schedule, p.err
	}
	var p parsed
	loc, err := c.zone(zone)
	if err != nil {
		p.err = err
	} else {
		p.schedule, p.err = parseIn(expressions, loc, key)
	}
	c.schedules.put(id, p)
	return p.schedule, p.err
}

// Blackouts is ParseBlackouts with the windows' schedules remembered.
func (c *Cache) Blackouts(windows []Window, zone, key string) (*Blackouts, error) {
	return parseBlackouts(windows, func(expression string) (*Schedule, error) {
		return c.Parse([]string{expression}, zone, key)
	})
}

func (c *Cache) zone(name string) (*time.Location, *ParseError) {
	if loc, ok := c.zones.get(name); ok {
		return loc, nil
	}
	loc, err := loadZone(name)
	if err == nil {
		c.zones.put(name, loc)
	}
	return loc, err
}

// identity is the same for two inputs only if Parse answers both the same. The
// lengths keep apart what strings of any content would run together.
func identity(expressions []string, zone, key string) string {
	var id strings.Builder
	hashed := false
	for _, e := range append([]string{zone}, expressions...) {
		id.WriteString(strconv.Itoa(len(e)) + ":" + e)
		hashed = hashed || strings.Contains(e, "H")
	}
	if hashed {
		id.WriteString(";" + key)
	}
	return id.String()
}

// generations is a map that forgets: what was not asked for while half its size
// was filled anew goes.
type generations[V any] struct {
	half       int
	young, old map[string]V
}

func (g *generations[V]) get(id string) (V, bool) {
	if v, ok := g.young[id]; ok {
		return v, true
	}
	v, ok := g.old[id]
	if ok {
		g.put(id, v)
	}
	return v, ok
}

func (g *generations[V]) put(id string, v V) {
	if len(g.young) >= g.half {
		g.old, g.young = g.young, nil
	}
	if g.young == nil {
		g.young = make(map[string]V)
	}
	g.young[id] = v
}
