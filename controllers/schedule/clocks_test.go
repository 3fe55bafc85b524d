package schedule

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const clocksFile = "clocks.md"

// TestClocks holds clocks.md, the table for people: what TestChangesOfClocks
// has found to be right, beside what batch/v1's CronJob does. STINT_UPDATE=1
// writes it anew.
func TestClocks(t *testing.T) {
	var doc strings.Builder
	doc.WriteString(clocksHead)
	shown := 0
	for _, c := range changes {
		fmt.Fprintf(&doc, "\n## %s, %s\n\n| schedule | Stint runs at | batch/v1's CronJob |\n| --- | --- | --- |\n", c.zone, c.what)
		for _, row := range c.rows {
			expression, _, _ := strings.Cut(row, "|")
			if expression = strings.TrimSpace(expression); slices.Contains(shownInClocks, expression) {
				fmt.Fprintf(&doc, "| `%s` | %s |\n", expression, c.answers(t, expression))
				shown++
			}
		}
	}
	if want := len(changes) * (len(shownInClocks) - 1); shown < want {
		t.Errorf("%d rows are shown, not %d: a change lacks one of %q", shown, want, shownInClocks)
	}
	if os.Getenv("STINT_UPDATE") != "" {
		if err := os.WriteFile(clocksFile, []byte(doc.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(clocksFile); err != nil || string(have) != doc.String() {
		t.Errorf("%s is not what the calendar does (%v): STINT_UPDATE=1 go test -run 'TestClocks$' ./controllers/schedule", clocksFile, err)
	}
}

// shownInClocks are fixed times, then intervals; the last is in some rows only.
var shownInClocks = []string{"30 2 * * *", "0 0 * * *", "0 1-5 * * *", "*/30 2 * * *", "0 */2 * * *", "*/30 * * * *", "@daily"}

// answers are ours, and batch/v1's where they are others.
func (c *change) answers(t *testing.T, expression string) string {
	from, to := instant(t, c.from), instant(t, c.to)
	ours := clock(parse(t, c.zone, expression).Between(from, to, 1000).Newest)
	s, err := robfig(expression, c.zone)
	if err != nil {
		t.Fatal(err)
	}
	var times []time.Time
	for at := s.Next(from); !at.IsZero() && !at.After(to); at = s.Next(at) {
		times = append(times, at.In(parse(t, c.zone, expression).Location()))
	}
	theirs := clock(times)
	if theirs == ours {
		theirs = "the same"
	}
	return ours + " | " + theirs
}

// clock is what wall clocks show at some times, with the universal time of each
// where that is not clear from its neighbours.
func clock(times []time.Time) string {
	if len(times) == 0 {
		return "never"
	}
	var text []string
	offset := 1
	for _, at := range times {
		_, now := at.Zone()
		show := at.Format("15:04")
		if now != offset {
			show += at.UTC().Format(" (15:04Z)")
		}
		text, offset = append(text, show), now
	}
	return strings.Join(text, ", ")
}

const clocksHead = `# When clocks change

What a schedule does in the hours around real changes of clocks, as the calendar
answers, beside what batch/v1's CronJob does with the same schedule and timeZone.
A test keeps this page true.

Times are those that a clock on the wall shows; the first of each row, and the
first after a change, have the universal time beside them.

- A **fixed time** (neither the minute nor the hour field begins with ` + "`*`" + `)
  that is skipped runs when the clock goes on; several in one gap are one run. One
  that comes twice runs the first time only. Where midnight does not exist, or a
  whole day, its run is not lost.
- An **interval** (one of them begins with ` + "`*` or `H/`" + `) follows real time:
  hours that come twice run twice, hours that are skipped do not exist.
`
