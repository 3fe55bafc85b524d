package main

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestSchemaRefuses: a bad value is refused, and the message names it.
func TestSchemaRefuses(t *testing.T) {
	for set, name := range map[string]string{
		"replica=1":                                   "replica",
		"replicas=-1":                                 "replicas",
		"image.tags=x":                                "tags",
		"image.repository=":                           "repository",
		"image.digest=sha256:abc":                     "digest",
		"image.pullPolicy=always":                     "pullPolicy",
		"imagePullSecrets={pull}":                     "imagePullSecrets",
		"fullnameOverride=Not_A_Name":                 "fullnameOverride",
		"commonLabels.team=not a label":               "team",
		"commonAnnotations.a.b=c":                     "commonAnnotations",
		"crds.install=true":                           "install",
		"crds.keep=maybe":                             "keep",
		"serviceAccount.create=false":                 "name",
		"rbac.aggregate=1":                            "aggregate",
		"watchAllNamespaces=team-a":                   "watchAllNamespaces",
		"concurrency=0":                               "concurrency",
		"logLevel=verbose":                            "logLevel",
		"eventsAddr=notification-controller":          "eventsAddr",
		"networkPolicy.eventsPorts={0}":               "eventsPorts",
		"extraArgs={concurrent}":                      "extraArgs",
		"extraEnv[0].value=x":                         "extraEnv",
		"extraVolumes[0].emptyDir=x":                  "extraVolumes",
		"extraVolumeMounts[0].name=x":                 "extraVolumeMounts",
		"resources.claims.cpu=1":                      "claims",
		"podLabels.x=a/b":                             "podLabels",
		"podDisruptionBudget.minAvailable=1":          "minAvailable",
		"podDisruptionBudget.maxUnavailable=half":     "maxUnavailable",
		"networkPolicy.metricsFrom={a}":               "metricsFrom",
		"networkPolicy.apiServerPorts=null":           "apiServerPorts",
		"networkPolicy.apiServerPorts={0}":            "apiServerPorts",
		"flowSchema.matchingPrecedence=0":             "matchingPrecedence",
		"metrics.serviceMonitor.interval=often":       "interval",
		"metrics.serviceMonitor.enabled=yes-please":   "enabled",
		"metrics.rules.runbookURL=wiki":               "runbookURL",
		"metrics.dashboard.label=x":                   "label",
		"kubeStateMetrics.enable=true":                "enable",
		"extraObjects={1}":                            "extraObjects",
		"metrics.serviceMonitor.relabelings.action=x": "relabelings",
	} {
		_, err := helm(t, "template", "stint", chart, "--set", set)
		if err == nil || !strings.Contains(err.Error(), "schema") || !strings.Contains(err.Error(), name) {
			t.Errorf("--set %s: want a refusal by the schema that names %q, got %v", set, name, err)
		}
	}
}

// TestSchemaKnowsEveryValue: the schema, the values and the file that sets them
// all have the same names.
func TestSchemaKnowsEveryValue(t *testing.T) {
	read := func(path string, into any) {
		t.Helper()
		text, err := os.ReadFile(path)
		if err == nil {
			err = yaml.Unmarshal(text, into)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var schema, values, all map[string]any
	read(chart+"/values.schema.json", &schema)
	read(chart+"/values.yaml", &values)
	read(allSet, &all)
	sameNames(t, "", schema, values)
	changed(t, "", values, all)
}

func sameNames(t *testing.T, at string, schema, values map[string]any) {
	t.Helper()
	properties, _ := schema["properties"].(map[string]any)
	if properties == nil {
		return
	}
	if schema["additionalProperties"] != false {
		t.Errorf("%q takes names that it does not know", at)
	}
	delete(properties, "global") // Helm's own
	want, got := slices.Sorted(maps.Keys(properties)), slices.Sorted(maps.Keys(values))
	if !slices.Equal(want, got) {
		t.Errorf("%q: the schema has %v, values.yaml %v", at, want, got)
	}
	for name, inner := range properties {
		s, _ := inner.(map[string]any)
		v, _ := values[name].(map[string]any)
		sameNames(t, at+"."+name, s, v)
	}
}

// changed fails for a value that the file with every value leaves as it is.
func changed(t *testing.T, at string, values, all map[string]any) {
	t.Helper()
	for name, before := range values {
		after, set := all[name]
		if at+name == "crds.enabled" {
			continue // without them there is less to look at
		}
		if !set {
			t.Errorf("%s does not set %s", allSet, at+name)
			continue
		}
		inner, isMap := before.(map[string]any)
		if isMap && len(inner) > 0 && !slices.Contains(wholes, at+name) {
			changed(t, at+name+".", inner, after.(map[string]any))
			continue
		}
		a, _ := json.Marshal(before)
		b, _ := json.Marshal(after)
		if string(a) == string(b) {
			t.Errorf("%s sets %s to its default", allSet, at+name)
		}
	}
}

// TestReadmeTellsOfEveryValue: a value without a comment is one whose name, or
// whose group, says it all.
func TestReadmeTellsOfEveryValue(t *testing.T) {
	text, err := os.ReadFile(chart + "/values.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rows, err := valueRows(text)
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(chart + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) < 50 {
		t.Errorf("only %d rows", len(rows))
	}
	for _, row := range rows {
		if !strings.Contains(string(readme), row) {
			t.Errorf("README.md lacks %s; run `make generate`", row)
		}
	}
	got, err := valueRows([]byte("# A <b>|\n# c.\na:\n  # d\n  b: [1]\ne: {}\n"))
	want := []string{"| `a` | | A &lt;b&gt;\\| c. |\n", "| `a.b` | `[1]` | d |\n", "| `e` | `{}` |  |\n"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}
