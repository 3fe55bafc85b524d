package schedule

import (
	"errors"
	"fmt"
	"math/rand"
	"os"
	"slices"
	"sort"
	"strconv"
	"testing"
	"time"
)

// perView is how many schedules share the oracle's look at a view.
const perView = 8

// TestAgainstOracle compares Next, Previous and Between with an oracle that
// looks at every second. STINT_SCHEDULES is the number of cases, schedule ×
// zone × window, and STINT_SEED the seed.
//
// What the tests are worth was tried by breaking the code. Each of these made a
// plain run fail, in this test unless another is named:
//
//   - calendar.next: "u >= s.start" (skipped times are lost)
//   - calendar.lowest: fixed times as intervals, intervals as fixed times
//   - stretch.instant: without the start (fires inside the gap)
//   - stretch.reached: asks no stretch before; keeps the oldest reading, not the
//     highest (TestSyntheticZones: no real zone tells them apart); memory of 30 minutes
//   - stretchAt: time.Time.ZoneBounds as it is (TestStretches)
//   - calendar.previous: lowest is not asked (repeated times fire twice)
//   - pattern.days: or for and; and for or; weeks one day off
//   - pattern.previousInDay: downFrom(minute) for downFrom(minute - 1)
//   - daysIn: 2100 as a leap year (TestLeapYears)
//   - field.parse: 7 dropped; field.plain: "N/step" as N, "*/2" as a star
//   - isInterval: only the minute is asked
//   - every.next: fires at the anchor
//   - Between: from inclusive
//   - bucket: the same for every purpose (TestHash)
//   - Blackouts.blocked: a window's end is blocked (TestBlocked); NextOpen: a
//     time at a window's end, or at notBefore, is lost (TestNextOpen); windows
//     of some days taken for unbroken (TestNextOpenGoesOn)
//   - identity: without the key (TestCache)
func TestAgainstOracle(t *testing.T) {
	cases, seed := envInt(t, "STINT_SCHEDULES", 1500), int64(envInt(t, "STINT_SEED", 20261120))
	rng := rand.New(rand.NewSource(seed))
	done, fired, wrong, refused := 0, 0, 0, 0
	for done < cases {
		v := randomView(rng)
		if v == nil {
			t.Fatal("a view by seconds always fits")
		}
		for range perView {
			c := randomCase(rng, v)
			if c == nil {
				refused++
				continue
			}
			done++
			fired += len(c.want)
			if err := c.check(rng); err != nil {
				if wrong++; wrong <= 5 {
					t.Errorf("%q in %s, key %q, from %d to %d: %v", c.texts, v.zone, c.key, v.from, v.to, err)
				}
			}
		}
	}
	t.Logf("schedule: %d cases, %d wrong, seed %d (%d times fired, %d impossible expressions refused)", done, wrong, seed, fired, refused)
}

func envInt(t testing.TB, name string, otherwise int) int {
	value := os.Getenv(name)
	if value == "" {
		return otherwise
	}
	n, err := strconv.Atoi(value)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// oracleCase is one schedule in one view and when it must fire.
type oracleCase struct {
	*view
	key      string
	texts    []string
	schedule *Schedule
	anchor   time.Time
	want     []int64
	err      error
}

// randomCase is nil if an expression can never fire, and was refused for that.
func randomCase(rng *rand.Rand, v *view) *oracleCase {
	c := &oracleCase{view: v, key: fmt.Sprintf("ns/%d", rng.Intn(1000))}
	var expressions []*written
	for range 1 + max(0, rng.Intn(8)-5) {
		w := randomExpression(rng, v, c.key)
		if w.every == 0 && !w.possible() {
			if _, err := Parse([]string{w.text}, v.zone, c.key); !errors.Is(err, ErrNeverFires) {
				c.err = fmt.Errorf("%q can never fire, but was answered with %w", w.text, err)
				return c
			}
			continue
		}
		expressions, c.texts = append(expressions, w), append(c.texts, w.text)
	}
	if len(expressions) == 0 {
		return nil
	}
	s, err := Parse(c.texts, v.zone, c.key)
	if err != nil {
		c.err = err
		return c
	}
	anchor := v.from + v.step*(rng.Int63n(9000)-8000) // one for all of an object's
	for _, w := range expressions {
		w.anchor = anchor
	}
	c.anchor = time.Unix(anchor, 0)
	c.schedule = s.Anchored(c.anchor)
	c.want = v.times(expressions)
	return c
}

func (c *oracleCase) check(rng *rand.Rand) error {
	if c.err != nil {
		return c.err
	}
	var got []int64
	for t := c.schedule.Next(time.Unix(c.from-1, 0)); !t.IsZero() && t.Unix() <= c.to; t = c.schedule.Next(t) {
		if got = append(got, t.Unix()); len(got) > len(c.want)+1 {
			break
		}
	}
	if err := same("Next", got, c.want); err != nil {
		return err
	}
	got = got[:0]
	for t := c.schedule.Previous(time.Unix(c.to, 999)); !t.IsZero() && t.Unix() >= c.from; t = c.schedule.Previous(t.Add(-1)) {
		if got = append(got, t.Unix()); len(got) > len(c.want)+1 {
			break
		}
	}
	slices.Reverse(got)
	if err := same("Previous", got, c.want); err != nil {
		return err
	}
	for range 4 {
		if err := c.probe(rng); err != nil {
			return err
		}
	}
	return nil
}

// probe asks about a span inside the view.
func (c *oracleCase) probe(rng *rand.Rand) error {
	a := c.from - 1 + rng.Int63n(c.to-c.from)
	b := a + rng.Int63n(c.to-a+1)
	if len(c.want) > 0 && rng.Intn(2) == 0 { // exactly at a time
		a = min(c.want[rng.Intn(len(c.want))], b)
	}
	first := sort.Search(len(c.want), func(i int) bool { return c.want[i] > a })
	after := sort.Search(len(c.want), func(i int) bool { return c.want[i] > b })
	inside := c.want[first:max(first, after)]
	limit := rng.Intn(6)
	times := c.schedule.Between(time.Unix(a, 0), time.Unix(b, 0), limit)
	if times.Count != min(len(inside), MaxCount) || times.More != (len(inside) > MaxCount) {
		return fmt.Errorf("Between(%d, %d) counts %d, more %v; want %d", a, b, times.Count, times.More, len(inside))
	}
	var newest []int64
	for _, t := range times.Newest {
		newest = append(newest, t.Unix())
	}
	if err := same(fmt.Sprintf("Between(%d, %d, %d)", a, b, limit), newest, inside[max(0, len(inside)-limit):]); err != nil {
		return err
	}
	if first < len(c.want) {
		if next := c.schedule.Next(time.Unix(a, 5)); next.Unix() != c.want[first] {
			return fmt.Errorf("Next(%d) = %d, want %d", a, next.Unix(), c.want[first])
		}
	}
	if after > 0 {
		if previous := c.schedule.Previous(time.Unix(b, 5)); previous.Unix() != c.want[after-1] {
			return fmt.Errorf("Previous(%d) = %d, want %d", b, previous.Unix(), c.want[after-1])
		}
	}
	return nil
}

func same(what string, got, want []int64) error {
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			return fmt.Errorf("%s misses %s", what, stamp(want[i]))
		case i >= len(want):
			return fmt.Errorf("%s has %s, which does not fire", what, stamp(got[i]))
		case got[i] != want[i]:
			return fmt.Errorf("%s has %s, want %s", what, stamp(got[i]), stamp(want[i]))
		}
	}
	return nil
}

func stamp(u int64) string { return time.Unix(u, 0).UTC().Format(time.RFC3339) }
