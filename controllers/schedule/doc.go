// Package schedule is the calendar: when an expression fires, in every zone.
//
// It sees no client, context, logger, clock or random number; a Schedule never
// changes, and the same input always gives the same times.
//
//	parse.go       expressions, descriptors and @every
//	field.go       one field: lists, ranges, steps, names, H
//	errors.go      what is refused, where, why, and what to write instead
//	schedule.go    Next, Previous, Between over several expressions
//	expression.go  one expression in one zone; the rules for changed clocks
//	pattern.go     which wall clock readings an expression names
//	civil.go       days, months and sets of numbers
//	zone.go        zones, and the stretches in which their offset stays
//	jitter.go      stable offsets: jitter and H
//	blackout.go    windows in which nothing starts
//	opening.go     validity, and the next time outside of all windows
//	cache.go       parsed once, shared by many
//
// # When clocks change
//
// An expression whose minute or hour field begins with * (or ?, or H/) is an
// interval: it fires at every instant whose wall clock reading matches. Hours
// that come twice fire twice, readings that are skipped do not exist, and the
// pauses between runs stay what they are.
//
// All else names fixed times. One that is skipped fires right after the gap, at
// the instant at which the clock goes on; several in one gap are one firing.
// One that is repeated fires the first time only. That is Vixie cron's rule
// without its limit of three hours: where a zone skips a whole day, the day's
// times fire once when the next day begins, so that a monthly run is not lost.
// clocks.md shows it for real changes, beside batch/v1's answers.
//
// # The grammar
//
// It is batch/v1's, which is that of robfig/cron v3: a test asks that library
// about thousands of expressions and compares. It is not underneath, as it
// panics on some input, loses and doubles times when clocks change, cannot go
// back in time and does not see that a date is impossible.
// What is more here: seconds, H, 7 and a final SUN for Sunday. What is less:
// zones in the expression, and expressions that never fire, which it can only
// guess by searching five years.
package schedule
