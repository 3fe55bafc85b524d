//go:build integration

package integration

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
)

// raw is a JSON text that is sent as it stands: numbers too large, too fine or
// oddly written would not survive Go's own types.
type raw = json.RawMessage

func texts(values ...string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

func raws(values ...string) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = raw(v)
	}
	return out
}

// misfits are of the wrong type nearly everywhere.
var misfits = raws(`null`, `true`, `{}`, `[]`, `""`, `{"a":1}`, `[1]`, `0.5`)

var (
	integers = append(raws(`0`, `1`, `-1`, `2`, `255`, `2147483647`, `2147483648`, `-2147483648`, `-2147483649`,
		`9223372036854775807`, `9223372036854775808`, `-9223372036854775808`, `-9223372036854775809`,
		`9007199254740991`, `9007199254740993`, `1.0`, `1e2`, `1e9`, `1e10`, `1e19`, `1e300`, `1.5`,
		`1.0000000001`, `0.9999999999`, `2147483647.0000001`, `-0`, `-0.0`), texts("1")...)

	numbersOrText = append(append([]any{}, integers...), texts("http", "", "80", "2147483648", "1.5", "a b", "50%")...)

	quantities = append(append([]any{}, integers...), append(raws(`0.1`, `1e-7`, `1e21`, `1.7976931348623157e308`, `5e-324`, `123456789.123456789`),
		texts("1", "1.5", ".5", "5.", "5.e3", ".", "+.5", "1e3", "1E3", "1e+3", "1e-3", "1e1.5", "1e.5", "1e", "1E", "1e+",
			"1Ki", "1ki", "1Ei", "1KI", "1K", "1k", "1n", "1u", "1m", "1mm", "1Mi5", "1 Mi", " 1", "1 ", "\n1", "1\n",
			"+1", "-1", "--1", "+-1", "00001", "0x10", "1_000", "1,5", "١", "infinity", "NaN", "null",
			"1e99", "1e100", "1e-100", "1e99999", "1e-99999", "1e2147483647", "1e2147483648", "1e9223372036854775808",
			"999999999999999999999999Ei", "0.0000000000000000000000001", "0.1Ki", "1.0000000000000000000000001Gi",
			strings.Repeat("9", 64), strings.Repeat("9", 65), strings.Repeat("9", 64)+"Ei", strings.Repeat("9", 64)+"e99",
			"0."+strings.Repeat("0", 63)+"1", strings.Repeat("0", 64)+"e99")...)...)

	dates = texts("2026-01-01T00:00:00Z", "2026-01-01t00:00:00z", "2026-01-01T00:00:00z", "2026-01-01T00:00:00Zjunk",
		"2026-02-30T00:00:00Z", "2026-02-29T00:00:00Z", "2024-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-32T00:00:00Z",
		"2026-01-01T24:00:00Z", "2026-01-01T23:59:60Z", "2026-01-01T23:60:00Z", "2026-01-01T00:00:00", "2026-01-01", "12:00:00",
		"2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+23:59", "2026-01-01T00:00:00-23:59", "2026-01-01T00:00:00+99:99",
		"2026-01-01T00:00:00-00:00", "2026-01-01T00:00:00+0100", "2026-01-01T00:00:00+14:00", "2026-01-01T00:00:00 UTC",
		"2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.1234567890Z", "2026-01-01T00:00:00.Z",
		"2026-01-01T00:00:00,5Z", "2026-01-01 00:00:00Z", "2026-1-1T0:0:0Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z", "2026-01-01T00:00:00Z2026-01-01T00:00:00Z",
		"\n2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z\n", "now", "", "0")

	durations = texts("1s", "1.5h", "1h30m", "0s", "0", "-1s", "+1s", "1d", "1us", "1µs", "1ns", "100ms", "99999h99999h99999h99999h",
		"9999999h", "2562047h47m16.854775807s", "2562047h47m16.854775808s", "1h1", "1e3s", ".5s", "5.s", "1.9999s", " 1s", "1s ",
		"1S", "1 s", "1.5.5s", "99999.999h", "1m1m1m1m", "1m1m1m1m1m", "", "s", "ms")

	words = append(raws(`"\u0000"`, `"\ud800"`, `"\ufeff"`, `"é"`, `"e\u0301"`, `1`, `true`, `null`),
		texts("", "a", "A", "-", ".", "a/b", "null", "true", "1", "1e3", "a b", "\n", "日本語", strings.Repeat("x", 300), strings.Repeat("ä", 64))...)

	booleans = append(raws(`0`, `1`, `"true"`, `null`), true, false, true, false)
)

// nasty is a value at the edge of what the schema takes, sometimes beyond.
func nasty(r *rand.Rand, schema map[string]any) any {
	if r.IntN(12) == 0 {
		return pick(r, misfits)
	}
	if enum, ok := schema["enum"].([]any); ok && r.IntN(4) > 0 {
		return pick(r, enum)
	}
	switch kindOf(schema) {
	case "quantity":
		if r.IntN(2) == 0 {
			return scramble(r, "00123456789..eEinumkKMGTP+-", 8)
		}
		return pick(r, quantities)
	case "int-or-string":
		return pick(r, numbersOrText)
	case "date":
		return pick(r, dates)
	case "duration":
		if r.IntN(2) == 0 {
			return scramble(r, "0123459..nuµmsh", 6)
		}
		return pick(r, durations)
	case "integer":
		return pick(r, integers)
	case "boolean":
		return pick(r, booleans)
	case "string":
		return pick(r, words)
	case "map":
		values, _ := schema["additionalProperties"].(map[string]any)
		return map[string]any{"cpu": nasty(r, values), "a/b": nasty(r, values)}
	case "array":
		items, _ := schema["items"].(map[string]any)
		return []any{nasty(r, items), nasty(r, items)}[:r.IntN(3)]
	}
	return pick(r, misfits)
}

func pick(r *rand.Rand, values []any) any { return values[r.IntN(len(values))] }

func scramble(r *rand.Rand, alphabet string, longest int) string {
	letters := []rune(alphabet)
	out := make([]rune, 1+r.IntN(longest))
	for i := range out {
		out[i] = letters[r.IntN(len(letters))]
	}
	return string(out)
}

// kindOf tells what Go decodes a value of this schema with.
func kindOf(schema map[string]any) string {
	pattern, _ := schema["pattern"].(string)
	switch {
	case strings.Contains(pattern, "KMGTPE"):
		return "quantity"
	case schema["x-kubernetes-int-or-string"] == true:
		return "int-or-string"
	case schema["format"] == "date-time":
		return "date"
	case strings.Contains(pattern, "ms|s|m|h"):
		return "duration"
	case schema["additionalProperties"] != nil:
		return "map"
	}
	kind, _ := schema["type"].(string)
	return kind
}
