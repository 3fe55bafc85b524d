package schedule

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// refusals is the list of bad input, with what people read.
var refusals = []struct {
	expression, zone string
	kind             error
	says             string
}{
	{"TZ=0", "", ErrZonePrefix, `"TZ=0": TZ= and CRON_TZ= cannot stand in a schedule; set spec.timeZone instead`},
	{"TZ=UTC", "", ErrZonePrefix, "set spec.timeZone"},
	{"CRON_TZ=UTC * * * * *", "", ErrZonePrefix, "set spec.timeZone"},
	{"0 0 31 2 *", "", ErrNeverFires, `"0 0 31 2 *": never fires`},
	{"0 0 30 2 *", "", ErrNeverFires, "change day of month or month"},
	{"0 0 31 4,6,9,11 *", "", ErrNeverFires, "no month it names has such a day"},
	{"0 0 30-31 2 ?", "", ErrNeverFires, "never fires"},
	{"0 0 30 2 *  ", "", ErrNeverFires, "never fires"},
	{"0 0 0 30 2 *", "", ErrNeverFires, "never fires"},
	{"61 * * * *", "", ErrSyntax, `"61 * * * *": minute: "61" is out of range; use 0 to 59`},
	{"* 24 * * *", "", ErrSyntax, `hour: "24" is out of range; use 0 to 23`},
	{"* * 0 * *", "", ErrSyntax, "day of month"},
	{"* * 32 * *", "", ErrSyntax, "use 1 to 31"},
	{"* * * 13 *", "", ErrSyntax, "use 1 to 12 or JAN to DEC"},
	{"* * * * 8", "", ErrSyntax, `day of week: "8" is out of range; use 0 to 7 or SUN to SAT`},
	{"60 * * * * *", "", ErrSyntax, "second:"},
	{"99999999999999999999 * * * *", "", ErrSyntax, "out of range"},
	{"5-1 * * * *", "", ErrSyntax, "begins after its end; split it in two, such as 5-59,0-1"},
	{"* * * * sat-mon", "", ErrSyntax, "split it in two"},
	{"*/0 * * * *", "", ErrSyntax, "step"},
	{"*/-1 * * * *", "", ErrSyntax, "step"},
	{"*/x * * * *", "", ErrSyntax, "is not a number above 0"},
	{"1/2/3 * * * *", "", ErrSyntax, "step"},
	{", * * * *", "", ErrSyntax, "minute:"},
	{"", "", ErrSyntax, "it is empty; write five"},
	{"  \t ", "", ErrSyntax, "it is empty"},
	{"* * * *", "", ErrSyntax, "it has 4 fields; write five (minute, hour, day of month, month, day of week) or six"},
	{"* * * * * * *", "", ErrSyntax, "it has 7 fields"},
	{"@reboot", "", ErrSyntax, "@reboot has no meaning in a cluster"},
	{"@Daily", "", ErrSyntax, "no such descriptor; use @yearly"},
	{"@every", "", ErrSyntax, "@every needs a duration"},
	{"@every 1d", "", ErrSyntax, `"1d" is not a duration; write for example @every 1h30m`},
	{"@everything", "", ErrSyntax, "@every"},
	{"0 0 L * *", "", ErrSyntax, "from another scheduler's grammar"},
	{"0 0 15W * *", "", ErrSyntax, "L, W and #"},
	{"0 0 * * 5#2", "", ErrSyntax, "L, W and #"},
	{"h * * * *", "", ErrSyntax, "H is a capital letter"},
	{"H/90 * * * *", "", ErrSyntax, "larger than its range of 60 values"},
	{"H(50-70) * * * *", "", ErrSyntax, "use 0 to 59"},
	{"H(9-5) * * * *", "", ErrSyntax, "begins after its end"},
	{"H(5) * * * *", "", ErrSyntax, "write H, H/15, H(0-59)"},
	{"H(1-5 * * * *", "", ErrSyntax, "is no H"},
	{"H-5 * * * *", "", ErrSyntax, "is no H"},
	{"0 0 H(30-31) 2 *", "", ErrNeverFires, "never fires"},
	{"* * * * *", "Mars/Olympus", ErrUnknownZone, `"Mars/Olympus": the IANA zone database has no such zone; check the spelling`},
	{"* * * * *", "Local", ErrUnknownZone, "zone of the machine"},
	{"* * * * *", "lOcAl", ErrUnknownZone, "zone of the machine"},
	{"* * * * *", "../../etc/passwd", ErrUnknownZone, "not a name"},
	{"* * * * *", "/etc/localtime", ErrUnknownZone, "not a name"},
	{"* * * * *", "Europe", ErrUnknownZone, "IANA"},
	{"* * * * *", "europe berlin", ErrUnknownZone, "not a name"},
}

func TestRefused(t *testing.T) {
	for _, c := range refusals {
		_, err := Parse([]string{"0 2 * * *", c.expression}, c.zone, "ns/name")
		var refused *ParseError
		if !errors.As(err, &refused) || !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q in %q: %v; want %v saying %q", c.expression, c.zone, err, c.kind, c.says)
			continue
		}
		if want := 1; c.zone == "" && refused.Index != want {
			t.Errorf("%q: index %d", c.expression, refused.Index)
		}
		if c.zone != "" && refused.Index != -1 {
			t.Errorf("zone %q: index %d", c.zone, refused.Index)
		}
	}
	if _, err := Parse(nil, "", ""); !errors.Is(err, ErrSyntax) {
		t.Errorf("no expressions: %v", err)
	}
	if _, err := Parse([]string{strings.Repeat("x\x00", 10000)}, "", ""); err == nil || len(err.Error()) > 1000 {
		t.Errorf("a long input is repeated in full: %v", err)
	}
}

// TestGrammar: what is written in two ways means the same.
func TestGrammar(t *testing.T) {
	for _, c := range [][2]string{
		{"* * * * 7", "* * * * 0"},
		{"0 0 * * 5-7", "0 0 * * 0,5,6"},
		{"0 0 * * 7,1", "0 0 * * 0-1"},
		{"0 0 * * fri-sun", "0 0 * * 0,5,6"},
		{"0 0 * * 5-7/2", "0 0 * * 0,5"},
		{"0 0 * * 1/2", "0 0 * * 1,3,5"}, // to Saturday, as batch/v1 has it
		{"0 0 * * 7/2", "0 0 * * 0"},
		{"0 0 1 * 0-7", "0 0 1 * 0-6"},
		{"0 5 4 * * *", "5 4 * * *"},
		{"@hourly", "0 * * * *"},
		{" @daily ", "0 0 * * *"},
		{"@weekly", "0 0 * * SUN"},
		{"? ? ? ? ?", "* * * * *"},
		{"1,,2 * * * *", "1,2 * * * *"},
		{"H/1 * * * *", "0-59 * * * *"},
		{"@every 0s", "@every 1s"},
		{"@every 1ms", "@every 1s"},
		{"@every 90.9s", "@every 1m30s"},
	} {
		a, err := Parse(c[:1], "", "ns/name")
		b, err2 := Parse(c[1:], "", "ns/name")
		if err != nil || err2 != nil {
			t.Errorf("%q: %v; %q: %v", c[0], err, c[1], err2)
		} else if bitsOf(a.programs[0]) != bitsOf(b.programs[0]) {
			t.Errorf("%q is %s, %q is %s", c[0], bitsOf(a.programs[0]), c[1], bitsOf(b.programs[0]))
		}
	}
}

// TestInterval is rule 1: what follows real time, and what names fixed times.
func TestInterval(t *testing.T) {
	for expression, want := range map[string]bool{
		"* * * * *": true, "*/30 2 * * *": true, "30 */2 * * *": true, "0 * * * *": true, "@hourly": true,
		"H/15 3 * * *": true, "5 H/6 * * *": true, "? 3 * * *": true, "*/5,3 4 * * *": true, "0 */10 2 * * *": true,
		"30 2 * * *": false, "0 1-5 * * *": false, "0,30 2 * * *": false, "0/30 2 * * *": false, "H 3 * * *": false,
		"H(0-29)/10 3 * * *": false, "@daily": false, "*/10 30 2 * * *": false, "3,*/5 4 * * *": false,
	} {
		s, err := Parse([]string{expression}, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if got := s.programs[0].(*calendar).interval; got != want {
			t.Errorf("%q: interval is %v", expression, got)
		}
	}
}

// TestHash: the values of H are seen by people and must never change.
func TestHash(t *testing.T) {
	for _, c := range []struct{ key, expression, want string }{
		{"default/backup", "H H * * *", "49 5 * * *"},
		{"default/report", "H H * * *", "20 10 * * *"},
		{"shop/db-migration", "H H * * *", "49 16 * * *"},
		{"default/backup", "H H H H H H", "13 49 5 1 3 1"},
		{"default/backup", "H/15 * * * *", "4,19,34,49 * * * *"},
		{"default/backup", "H(0-29)/10 H(9-17) * * *", "9,19,29 11 * * *"},
		{"default/backup", "H(0-29),H(30-59) 1 * * *", "19,49 1 * * *"},
		{"", "H H * * *", "38 11 * * *"},
	} {
		hashed, err := Parse([]string{c.expression}, "", c.key)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := Parse([]string{c.want}, "", "")
		if err != nil {
			t.Fatal(err)
		}
		if got, want := bitsOf(hashed.programs[0]), bitsOf(plain.programs[0]); got != want {
			t.Errorf("%q for %q is not %q but %s", c.expression, c.key, c.want, got)
		}
	}
}

// TestHashSpreads: a thousand jobs do not start on the same second, and those
// that share a minute do not share their hour.
func TestHashSpreads(t *testing.T) {
	const keys = 24 * 60 * 20
	var minutes [60]int
	var both [24 * 60]int
	for i := range keys {
		s, err := Parse([]string{"H H * * *"}, "", fmt.Sprintf("team-%d/job-%d", i%7, i))
		if err != nil {
			t.Fatal(err)
		}
		p := s.programs[0].(*calendar)
		minutes[p.minute.from(0)]++
		both[p.hour.from(0)*60+p.minute.from(0)]++
	}
	for i, n := range minutes {
		if n < 370 || n > 590 { // 480, five sigma
			t.Errorf("minute %d has %d of %d", i, n, keys)
		}
	}
	for i, n := range both {
		if n < 2 || n > 50 { // 20
			t.Errorf("%02d:%02d has %d of %d", i/60, i%60, n, keys)
		}
	}
}
