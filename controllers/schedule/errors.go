package schedule

import (
	"errors"
	"fmt"
	"strconv"
)

// The kinds of refusal, for errors.Is. The text for people is in ParseError.
var (
	// ErrSyntax: the expression is not in the grammar.
	ErrSyntax = errors.New("not in the grammar")
	// ErrNeverFires: the grammar allows it, the calendar has no such date.
	ErrNeverFires = errors.New("never fires")
	// ErrZonePrefix: a TZ= or CRON_TZ= in the expression.
	ErrZonePrefix = errors.New("zone in the expression")
	// ErrUnknownZone: the zone database has no such zone.
	ErrUnknownZone = errors.New("unknown zone")
	// ErrBadWindow: a blackout that is no window.
	ErrBadWindow = errors.New("not a window")
)

// ParseError is what Parse and ParseBlackouts refuse with: what was refused,
// where in it, why, and what to write instead.
type ParseError struct {
	// Index of the expression in the list, or of the window; -1 for the zone.
	Index int
	// Input is the expression or the zone as it was given.
	Input string
	// Field is minute, hour and so on, or empty for the whole.
	Field string
	// Reason ends with what to do.
	Reason string
	// Kind is one of the errors above.
	Kind error
}

// longestQuote bounds what of a hostile input is repeated in a condition.
const longestQuote = 80

// Error is one line for a condition's message.
func (e *ParseError) Error() string {
	text := e.Reason
	if e.Field != "" {
		text = e.Field + ": " + text
	}
	return quote(e.Input) + ": " + text
}

// Unwrap gives the kind.
func (e *ParseError) Unwrap() error { return e.Kind }

// quote makes any input printable and short.
func quote(s string) string {
	if len(s) > longestQuote {
		return strconv.QuoteToASCII(s[:longestQuote]) + "…"
	}
	return strconv.Quote(s)
}

// refuse begins a refusal; the caller knows index, input and field and fills
// them in on the way up.
func refuse(kind error, format string, args ...any) *ParseError {
	return &ParseError{Kind: kind, Reason: fmt.Sprintf(format, args...)}
}
