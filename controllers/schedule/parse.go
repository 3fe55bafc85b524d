package schedule

import (
	"fmt"
	"strings"
	"time"
)

// descriptors are batch/v1's, in the grammar. @every is apart.
var descriptors = map[string]string{
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
	"@monthly":  "0 0 1 * *",
	"@weekly":   "0 0 * * 0",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@hourly":   "0 * * * *",
}

// Parse reads the expressions of one object. zone is an IANA name, empty for
// UTC; key is the object's namespace/name and decides what H stands for.
// The error is a *ParseError. No input makes it panic.
//
// The grammar is batch/v1's (robfig/cron v3's standard parser), with a seconds
// field in front if there are six, H, and 7 for Sunday.
func Parse(expressions []string, zone, key string) (*Schedule, error) {
	loc, err := loadZone(zone)
	if err != nil {
		return nil, err
	}
	return parseIn(expressions, loc, key)
}

func parseIn(expressions []string, loc *time.Location, key string) (*Schedule, error) {
	if len(expressions) == 0 {
		return nil, &ParseError{Kind: ErrSyntax, Reason: "there is no expression; write one, such as 0 2 * * *"}
	}
	s := &Schedule{loc: loc, programs: make([]program, 0, len(expressions))}
	for i, expression := range expressions {
		p, err := parseOne(expression, loc, key)
		if err != nil {
			err.Index, err.Input = i, expression
			return nil, err
		}
		s.programs = append(s.programs, p)
	}
	return s, nil
}

func parseOne(expression string, loc *time.Location, key string) (program, *ParseError) {
	text := strings.TrimSpace(expression)
	if strings.Contains(text, "TZ") {
		return nil, refuse(ErrZonePrefix, "TZ= and CRON_TZ= cannot stand in a schedule; set spec.timeZone instead")
	}
	if strings.HasPrefix(text, "@every") {
		return parseEvery(text)
	}
	if strings.HasPrefix(text, "@") {
		plain, ok := descriptors[text]
		if !ok {
			return nil, refuse(ErrSyntax, "%s", unknownDescriptor(text))
		}
		text = plain
	}
	p, err := parsePattern(strings.Fields(text), key)
	if err != nil {
		return nil, err
	}
	if !p.possible() {
		return nil, refuse(ErrNeverFires, "never fires, since no month it names has such a day; change day of month or month")
	}
	return &calendar{pattern: *p, loc: loc}, nil
}

func unknownDescriptor(text string) string {
	const known = "use @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly or @every 1h30m"
	if text == "@reboot" {
		return "@reboot has no meaning in a cluster, where nothing boots; " + known
	}
	return "there is no such descriptor; " + known
}

// parseEvery reads @every as batch/v1 does: whole seconds, at least one.
func parseEvery(text string) (program, *ParseError) {
	value, ok := strings.CutPrefix(text, "@every ")
	if !ok {
		return nil, refuse(ErrSyntax, "@every needs a duration; write for example @every 1h30m")
	}
	period, err := time.ParseDuration(value)
	if err != nil {
		return nil, refuse(ErrSyntax, "%s is not a duration; write for example @every 1h30m", quote(value))
	}
	return &every{period: max(1, int64(period/time.Second))}, nil
}

// parsePattern reads five or six fields.
func parsePattern(texts []string, key string) (*pattern, *ParseError) {
	if n := len(texts); n != 5 && n != 6 {
		found := fmt.Sprintf("it has %d fields", n)
		if n == 0 {
			found = "it is empty"
		}
		return nil, refuse(ErrSyntax, "%s; write five (minute, hour, day of month, month, day of week) or six, with seconds in front", found)
	}
	if len(texts) == 5 {
		texts = append([]string{"0"}, texts...)
	}
	p := &pattern{interval: isInterval(texts[1]) || isInterval(texts[2])}
	var star [6]bool
	for i, values := range []*set{&p.second, &p.minute, &p.hour, &p.dom, &p.month, &p.dow} {
		var err *ParseError
		if *values, star[i], err = fields[i].parse(texts[i], key); err != nil {
			return nil, err
		}
	}
	p.anyDom, p.anyDow = star[3], star[5]
	return p, nil
}

// isInterval tells whether a minute or hour field makes its expression one that
// follows real time: rule 1 of CronBatchJob's. A question mark is a star.
//
// The seconds field has no say. Vixie's rule asks whether the author named an
// hour and a minute of the day; */10 30 2 * * * names one, half past two, and
// what happens within that minute does not make it a thing that goes on all day.
func isInterval(text string) bool {
	return strings.HasPrefix(text, "*") || strings.HasPrefix(text, "?") || strings.HasPrefix(text, "H/")
}
