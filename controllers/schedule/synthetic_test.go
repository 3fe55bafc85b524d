package schedule

import (
	"encoding/binary"
	"math/rand"
	"testing"
	"time"
)

// TestSyntheticZones asks the oracle about zones that change their offset every
// few minutes or hours, by seconds or by a day: what no government has done yet,
// such as a gap inside of a repeated hour.
func TestSyntheticZones(t *testing.T) {
	rng := rand.New(rand.NewSource(3))
	began := instant(t, "2026-05-30T00:00Z").Unix()
	for range envInt(t, "STINT_SCHEDULES", 1500) / 20 {
		loc := syntheticZone(t, rng, began)
		v := newView("UTC", loc, began+3600, began+3600+rng.Int63n(40*3600), 1, began+10*3600)
		for range 4 {
			c := randomCase(rng, v)
			if c == nil || c.err != nil {
				continue
			}
			s, err := parseIn(c.texts, loc, c.key)
			if err != nil {
				t.Fatal(err)
			}
			c.schedule = s.Anchored(c.anchor)
			if err := c.check(rng); err != nil {
				t.Fatalf("%q: %v", c.texts, err)
			}
		}
	}
}

// syntheticZone changes some times in the two days after an instant.
func syntheticZone(t *testing.T, rng *rand.Rand, began int64) *time.Location {
	const types = 5
	changes := 2 + rng.Intn(6)
	data := make([]byte, 20, 200)
	copy(data, "TZif")
	for _, count := range []int{0, 0, 0, changes, types, 4} {
		data = binary.BigEndian.AppendUint32(data, uint32(count))
	}
	at := began
	for range changes {
		at += 60 * (1 + rng.Int63n(600))
		data = binary.BigEndian.AppendUint32(data, uint32(at))
	}
	for range changes {
		data = append(data, byte(rng.Intn(types)))
	}
	unit := []int{1, 60, 1800, 3600, 7200}[rng.Intn(5)]
	for range types {
		offset := int32(unit * (rng.Intn(13) - 6))
		if rng.Intn(8) == 0 {
			offset += 43200
		}
		data = append(binary.BigEndian.AppendUint32(data, uint32(offset)), 0, 0)
	}
	loc, err := time.LoadLocationFromTZData("synthetic", append(data, "XXX\x00"...))
	if err != nil {
		t.Fatal(err)
	}
	return loc
}
