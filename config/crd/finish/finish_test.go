package main

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"
)

const bases = "../bases"

// TestBasesAreFinished: what is committed has gone through this program, and a
// second time changes nothing.
func TestBasesAreFinished(t *testing.T) {
	files, _ := filepath.Glob(filepath.Join(bases, "*.yaml"))
	if len(files) != 2 {
		t.Fatalf("%d CRDs in %s, want 2", len(files), bases)
	}
	for _, file := range files {
		in, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		out, size, err := finishCRD(in)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(in), string(out)); diff != "" {
			t.Errorf("%s is not finished: run make generate\n%s", filepath.Base(file), diff)
		}
		if size > maxBytes {
			t.Errorf("%s has %d bytes", filepath.Base(file), size)
		}
	}
}

// crd wraps the properties of a spec into a CRD, and spec takes them out.
func crd(properties string) []byte {
	head := "spec:\n  versions:\n  - schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n          spec:\n            type: object\n            properties:\n"
	lines := strings.Split(strings.Trim(properties, "\n"), "\n")
	return []byte(head + "              " + strings.Join(lines, "\n              ") + "\n")
}

func spec(t *testing.T, text []byte) any {
	t.Helper()
	var out struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema struct {
						Properties map[string]map[string]any
					} `json:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"]["properties"]
}

// template is a pod template with one more property in its container.
func template(property string) string {
	return `
template:
  type: object
  description: kept
  properties:
    spec:
      type: object
      description: dropped
      properties:
        restartPolicy: {type: string, description: dropped, default: Always}
        containers:
          type: array
          x-kubernetes-list-type: map
          x-kubernetes-list-map-keys: [name]
          items:
            type: object
            required: [name]
            properties:
              name: {type: string}
              ` + property + "\n"
}

func templateWant(property string) string {
	return `
template:
  type: object
  nullable: true
  description: kept
  properties:
    spec:
      type: object
      nullable: true
      properties:
        restartPolicy: {type: string, nullable: true}
        containers:
          type: array
          nullable: true
          x-kubernetes-list-type: map
          x-kubernetes-list-map-keys: [name]
          items:
            type: object
            required: [name]
            properties:
              name: {type: string}
              ` + property + "\n"
}

func TestFinish(t *testing.T) {
	quantity := `{x-kubernetes-preserve-unknown-fields: true, pattern: '` + quantityPattern +
		`', not: {enum: [true, false]}, minItems: 1, maxItems: 0, minProperties: 1, maxProperties: 0}`
	date := `type: string, format: date-time, maxLength: 64, minItems: 1, maxItems: 0, pattern: '` + dateTimePattern + `'`
	for _, c := range []struct{ name, in, want string }{
		{"descriptions of our own stay", `a: {type: string, description: kept}`, `a: {type: string, description: kept, nullable: true}`},
		{"defaults of our own stay", `a: {type: string, default: x}`, `a: {type: string, default: x}`},
		{
			"no default inside a list", `a: {type: array, items: {type: object, properties: {b: {type: string, default: x}}}}`,
			`a: {type: array, nullable: true, items: {type: object, properties: {b: {type: string, nullable: true}}}}`,
		},
		{"int32", `a: {type: integer, format: int32}`, `a: {type: integer, format: int32, nullable: true, minimum: -2147483648, maximum: 2147483647}`},
		{
			"narrower bounds stay", `a: {type: integer, format: int32, minimum: 0, maximum: 9}`,
			`a: {type: integer, format: int32, nullable: true, minimum: 0, maximum: 9}`,
		},
		{"int64", `a: {type: integer, format: int64, minimum: 0}`, `a: {type: integer, format: int64, nullable: true, minimum: 0}`},
		{"date", `a: {type: string, format: date-time}`, `a: {nullable: true, ` + date + `}`},
		{
			"metadata", `metadata: {type: object, properties: {labels: {type: object, additionalProperties: {type: string}}}}`,
			`metadata: {type: object, nullable: true, properties: {labels: {type: object, nullable: true, additionalProperties: {type: string}}, creationTimestamp: {nullable: true, ` + date + `}}}`,
		},
		{"template", template("image: {type: string, description: dropped, default: x}"), templateWant("image: {type: string, nullable: true}")},
		{
			"zero may be left out", template("sleep: {type: object, required: [seconds], properties: {seconds: {type: integer, format: int64}}}"),
			templateWant("sleep: {type: object, nullable: true, properties: {seconds: {type: integer, format: int64, nullable: true}}}"),
		},
		{
			"zero may be left out of an item",
			template("httpHeaders: {type: array, items: {type: object, required: [name, value], properties: {name: {type: string}, value: {type: string}}}}"),
			templateWant("httpHeaders: {type: array, nullable: true, items: {type: object, required: [name], properties: {name: {type: string}, value: {type: string, nullable: true}}}}"),
		},
		{
			"duplicates", template("env: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [name], items: {type: string}}"),
			templateWant("env: {type: array, nullable: true, x-kubernetes-list-type: atomic, items: {type: string}}"),
		},
		{
			"unique keys", template("volumeMounts: {type: array, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [mountPath], items: {type: string}}"),
			templateWant("volumeMounts: {type: array, nullable: true, x-kubernetes-list-type: map, x-kubernetes-list-map-keys: [mountPath], items: {type: string}}"),
		},
		{
			"quantity", template("limits: {type: object, additionalProperties: {x-kubernetes-int-or-string: true, pattern: p, anyOf: [{type: integer}, {type: string}]}}"),
			templateWant("limits: {type: object, nullable: true, additionalProperties: " + quantity + "}"),
		},
		{
			"int or string", template("port: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}"),
			templateWant("port: {x-kubernetes-int-or-string: true, minimum: -2147483648, maximum: 2147483647, anyOf: [{type: integer}, {type: string}]}"),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, _, err := finishCRD(crd(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(spec(t, crd(c.want)), spec(t, out)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestUnknown: what this program was not told about stops it, for somebody to
// look up what Go decodes there.
func TestUnknown(t *testing.T) {
	for _, c := range []struct{ name, in, words string }{
		{"number", `a: {type: number}`, "spec.a: has type number"},
		{"no type", `a: {}`, "spec.a: has no type"},
		{"integer without format", `a: {type: integer}`, "spec.a: is an integer of format <nil>"},
		{"string of a format", `a: {type: string, format: byte}`, "spec.a: is a string of format byte"},
		{
			"list-map", template("novelties: {type: array, x-kubernetes-list-type: map, items: {type: string}}"),
			"containers.[].novelties: is a list-map",
		},
		{"too large", `a: {type: string, description: ` + strings.Repeat("x", maxBytes) + `}`, "above 262144"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, _, err := finishCRD(crd(c.in)); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("want an error with %q, got %v", c.words, err)
			}
		})
	}
	if _, _, err := finishCRD([]byte("kind: ConfigMap")); err == nil {
		t.Error("an object that is no CRD is taken")
	}
}

// TestQuantityPattern: no wider than the parser, and no narrower than what
// people write.
func TestQuantityPattern(t *testing.T) {
	pattern := regexp.MustCompile(quantityPattern)
	for _, text := range []string{"0", "1", "100m", "1.5", ".5", "5.", "+1", "-1", "1e3", "1E3", "1e-3", "12e+6", "1Ki", "1.5Gi", "2Ei", "1n", "1u", "1k", "1M", "1E"} {
		if !pattern.MatchString(text) {
			t.Errorf("%s is refused", text)
		}
	}
	taken := 0
	r := rand.New(rand.NewPCG(1, 2))
	for range 300_000 {
		text := random(r, "00123456789..eEinumkKMGTP+- ", 10)
		if !pattern.MatchString(text) {
			continue
		}
		taken++
		if _, err := resource.ParseQuantity(text); err != nil {
			t.Errorf("%q is admitted and cannot be parsed: %v", text, err)
		}
	}
	for _, text := range []string{strings.Repeat("9", 64) + "." + strings.Repeat("9", 64) + "Ei", strings.Repeat("9", 64) + "e99", "." + strings.Repeat("0", 64) + "e-99"} {
		start := time.Now()
		q, err := resource.ParseQuantity(text)
		if err != nil || !pattern.MatchString(text) {
			t.Errorf("%s: %v", text, err)
		}
		_, _ = q.Value(), q.String()
		if d := time.Since(start); d > time.Second {
			t.Errorf("%s: arithmetic takes %s", text, d)
		}
	}
	if taken < 1000 {
		t.Errorf("only %d random texts were admitted", taken)
	}
}

// TestDateTimePattern takes the pattern together with the server's own check
// that the day exists (kube-openapi, strfmt.IsDate).
func TestDateTimePattern(t *testing.T) {
	pattern := regexp.MustCompile(dateTimePattern)
	for _, text := range []string{"2026-11-20T20:00:00Z", "2026-11-20T20:00:00.5Z", "2026-11-20T20:00:00.123456789+14:00", "2024-02-29T23:59:59-12:00"} {
		if !pattern.MatchString(text) {
			t.Errorf("%s is refused", text)
		}
	}
	taken := 0
	r := rand.New(rand.NewPCG(3, 4))
	valid := "2026-01-29T23:59:59.25+14:00"
	for range 300_000 {
		text := []rune(valid)
		for range 1 + r.IntN(3) {
			text[r.IntN(len(text))] = []rune(random(r, "0123456789TtZz:+-. ", 1))[0]
		}
		s := string(text)
		if !pattern.MatchString(s) {
			continue
		}
		if _, err := time.Parse(time.DateOnly, s[:10]); err != nil {
			continue
		}
		taken++
		if _, err := time.Parse(time.RFC3339, s); err != nil {
			t.Errorf("%q is admitted and cannot be parsed: %v", s, err)
		}
	}
	if taken < 1000 {
		t.Errorf("only %d random texts were admitted", taken)
	}
}

// TestDurationPatterns: those stand at the fields (api/v1alpha1).
func TestDurationPatterns(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(bases, "batch.stint.dev_cronbatchjobs.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	patterns := map[string]bool{}
	for _, m := range regexp.MustCompile(`pattern: (\S*ms\|s\|m\|h\S*)`).FindAllStringSubmatch(string(text), -1) {
		patterns[m[1]] = true
	}
	if len(patterns) != 1 {
		t.Fatalf("patterns of durations: %v, want one", patterns)
	}
	for p := range patterns {
		pattern := regexp.MustCompile(p)
		r := rand.New(rand.NewPCG(5, 6))
		taken := 0
		for range 300_000 {
			text := random(r, "0123456789..nuµmmssh -", 8)
			if !pattern.MatchString(text) {
				continue
			}
			taken++
			if _, err := time.ParseDuration(text); err != nil {
				t.Errorf("%q is admitted and cannot be parsed: %v", text, err)
			}
		}
		if longest := strings.Repeat("99999.999h", 4); !pattern.MatchString(longest) || taken < 1000 {
			t.Errorf("%d random texts were admitted", taken)
		} else if _, err := time.ParseDuration(longest); err != nil {
			t.Error(err)
		}
	}
}

func random(r *rand.Rand, alphabet string, longest int) string {
	letters := []rune(alphabet)
	out := make([]rune, 1+r.IntN(longest))
	for i := range out {
		out[i] = letters[r.IntN(len(letters))]
	}
	return string(out)
}
