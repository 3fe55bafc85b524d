package schedule

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/robfig/cron/v3"
)

// robfig is what batch/v1 makes of an expression in a zone: its controller
// parses with this library and recovers from its panics, as here.
func robfig(expression, zone string) (s cron.Schedule, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	if zone != "" {
		expression = "TZ=" + zone + " " + expression
	}
	return cron.ParseStandard(expression)
}

// expressions are some thousand texts, most of them made at random from the
// parts of the grammar, good and bad.
func expressions(t testing.TB) []string {
	f, err := os.Open("testdata/expressions.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var texts []string
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		texts = append(texts, scanner.Text())
	}
	if len(texts) < 3000 {
		t.Fatalf("only %d expressions", len(texts))
	}
	return texts
}

// TestRobfig asks robfig/cron v3.0.1 about the same expressions: what they mean,
// bit for bit, and when they fire where no clock is ever changed.
func TestRobfig(t *testing.T) {
	accepted := 0
	for i, text := range expressions(t) {
		theirs, refusal := robfig(text, "")
		s, err := Parse([]string{text}, "", "ns/name")
		switch {
		case errors.Is(err, ErrNeverFires):
			if refusal == nil && !theirs.Next(time.Unix(0, 0)).IsZero() {
				t.Errorf("%q is refused as one that never fires, robfig fires it", text)
			}
		case err != nil && strings.Contains(err.Error(), "names no value"):
			// a field of commas alone, which robfig takes for no value
		case err != nil && refusal == nil:
			t.Errorf("%q is refused, robfig accepts it: %v", text, err)
		case err == nil && refusal != nil:
			if !isExtension(text) {
				t.Errorf("%q is accepted, robfig refuses it: %v", text, refusal)
			}
		case err == nil:
			accepted++
			sameAsRobfig(t, text, s, theirs, int64(i))
		}
	}
	if accepted < 1000 {
		t.Fatalf("only %d expressions were accepted", accepted)
	}
}

func sameAsRobfig(t *testing.T, text string, s *Schedule, theirs cron.Schedule, n int64) {
	if ours, want := bitsOf(s.programs[0]), bitsOfRobfig(theirs); ours != want {
		t.Errorf("%q\n is %s\nnot %s", text, ours, want)
	}
	if _, ok := theirs.(cron.ConstantDelaySchedule); ok {
		return // which counts from any instant that it is asked about
	}
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n*7919) * time.Minute)
	for range 3 {
		next := s.Next(at)
		if want := theirs.Next(at); !next.Equal(want) && !want.IsZero() { // robfig gives up after five years
			t.Errorf("%q after %v: %v, robfig has %v", text, at, next, want)
		}
		at = next
	}
}

// bitsOfRobfig are second, minute, hour, day of month, month, day of week, with
// bit 63 for a star where it has an effect, or the period of @every.
func bitsOfRobfig(s cron.Schedule) string {
	const star = uint64(1 << 63)
	switch s := s.(type) {
	case cron.ConstantDelaySchedule:
		return s.Delay.String()
	case *cron.SpecSchedule:
		return fmt.Sprintf("%x %x %x %x %x %x", s.Second&^star, s.Minute&^star, s.Hour&^star, s.Dom, s.Month&^star, s.Dow)
	}
	return ""
}

// bitsOf is the same of ours.
func bitsOf(p program) string {
	switch p := p.(type) {
	case *every:
		return (time.Duration(p.period) * time.Second).String()
	case *calendar:
		star := func(starred bool, s set) uint64 {
			if starred {
				return uint64(s) | 1<<63
			}
			return uint64(s)
		}
		return fmt.Sprintf("%x %x %x %x %x %x", uint64(p.second), uint64(p.minute), uint64(p.hour),
			star(p.anyDom, p.dom), uint64(p.month), star(p.anyDow, p.dow))
	}
	return ""
}

func isExtension(text string) bool {
	fields := strings.Fields(text)
	if len(fields) == 6 {
		return true
	}
	days := strings.ToLower(fields[4])
	return strings.HasSuffix(days, "-sun") || strings.Contains(days, "-sun/") || strings.Contains(days, "-sun,")
}
