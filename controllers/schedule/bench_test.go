package schedule

import (
	"fmt"
	"testing"
	"time"
)

var benchmarked = []struct{ name, zone, expression string }{
	{"minutely/UTC", "", "* * * * *"},
	{"minutely/Berlin", "Europe/Berlin", "* * * * *"},
	{"secondly/Berlin", "Europe/Berlin", "*/10 * * * * *"},
	{"daily/UTC", "", "30 2 * * *"},
	{"daily/NewYork", "America/New_York", "30 2 * * *"},
	{"hashed/NewYork", "America/New_York", "H H * * 1-5"},
	{"monthly/Cairo", "Africa/Cairo", "0 0 31 * *"},
	{"leapday/Berlin", "Europe/Berlin", "0 0 29 2 *"},
	{"every", "Europe/Berlin", "@every 90m"},
}

func BenchmarkNext(b *testing.B) {
	for _, c := range benchmarked {
		b.Run(c.name, func(b *testing.B) {
			s := parse(b, c.zone, c.expression)
			from := instant(b, "2026-11-20T21:00Z")
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.Next(from.Add(time.Duration(i%100_000) * 7 * time.Minute))
			}
		})
	}
}

func BenchmarkPrevious(b *testing.B) {
	for _, c := range benchmarked {
		b.Run(c.name, func(b *testing.B) {
			s := parse(b, c.zone, c.expression)
			from := instant(b, "2026-11-20T21:00Z")
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				s.Previous(from.Add(time.Duration(i%100_000) * 7 * time.Minute))
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for name, zone := range map[string]string{"UTC": "", "Berlin": "Europe/Berlin"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				parse(b, zone, "H/15 2-5 * * mon-fri")
			}
		})
	}
	b.Run("cached", func(b *testing.B) {
		c := NewCache(10)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.Parse([]string{"H/15 2-5 * * mon-fri"}, "Europe/Berlin", "ns/name"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRestart is what a restart has to work out: 100,000 next times, first
// with every schedule still to be parsed and then from the cache.
func BenchmarkRestart(b *testing.B) {
	const objects = 100_000
	from := instant(b, "2026-11-20T21:00Z")
	keys := make([]string, objects)
	for i := range keys {
		keys[i] = fmt.Sprintf("team-%d/job-%d", i%100, i)
	}
	all := func(c *Cache) {
		for i, key := range keys {
			k := benchmarked[i%len(benchmarked)]
			s, err := c.Parse([]string{k.expression}, k.zone, key)
			if err != nil {
				b.Fatal(err)
			}
			s.Next(from)
		}
	}
	b.Run("unparsed", func(b *testing.B) {
		for b.Loop() {
			all(NewCache(4 * objects))
		}
	})
	b.Run("cached", func(b *testing.B) {
		c := NewCache(4 * objects)
		all(c)
		for b.Loop() {
			all(c)
		}
	})
}
