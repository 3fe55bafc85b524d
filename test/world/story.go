package world

import (
	"fmt"
	"strings"
	"time"
)

// Story is what happened, a line per step. Lines are put into words only if
// somebody asks, so their arguments must not change afterwards.
type Story struct {
	clock *Clock
	begin time.Time
	lines []line
	depth int
}

type line struct {
	at     time.Duration
	depth  int
	format string
	args   []any
}

// NewStory is an empty story.
func NewStory(c *Clock) *Story { return &Story{clock: c, begin: c.now} }

// endless is how many lines no history has that comes to an end.
const endless = 100_000

// Add appends a line. It fails the history that does not end.
func (s *Story) Add(format string, args ...any) {
	if len(s.lines) >= endless {
		panic(violation{fmt.Sprintf("the history does not end: %d steps", endless)})
	}
	s.lines = append(s.lines, line{at: s.clock.Since(s.begin), depth: s.depth, format: format, args: args})
}

// String is the whole story.
func (s *Story) String() string {
	var b strings.Builder
	for i, l := range s.lines {
		fmt.Fprintf(&b, "%4d %9.3fs %s%s\n", i, l.at.Seconds(), strings.Repeat("  ", l.depth), fmt.Sprintf(l.format, l.args...))
	}
	return b.String()
}

// Replay is the command that tells a history again.
func Replay(seed uint64, test string) string {
	return fmt.Sprintf("STINT_SEED=%d go test ./test/world -run '^%s$' -v", seed, test)
}
