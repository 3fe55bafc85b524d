//go:build integration

package integration

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// templateDifferences are variations of a template about which we mean to say
// something else than batch/v1; api/v1alpha1/reference.md has them for users.
var templateDifferences = []struct {
	name string
	is   func(change) bool
}{
	{"a null in a list, which batch/v1 takes for an empty item", func(c change) bool {
		_, inList := c.path[len(c.path)-1].(int)
		return inList && c.value == nil
	}},
	{"a feature that the API server has turned off, which batch/v1 drops unseen", func(c change) bool {
		return strings.Contains(fieldAt(c.path), ".clusterTrustBundle")
	}},
}

const (
	turnedOff  = "belongs to a feature that is off by default"
	lookedUp   = "names a class that admission looks up, or is set by it"
	ofNone     = "no template may have it at all, as a change of templateMore shows"
	nullByTool = "comes from tools, as null"
)

// notTried are fields of a template that no part has, and why.
var notTried = map[string]string{
	"metadata.creationTimestamp": nullByTool,
	"spec.ephemeralContainers[]": ofNone,
	"spec.resources.claims[]":    ofNone,
	"spec.overhead":              lookedUp,
	"spec.priority":              lookedUp,
	"spec.runtimeClassName":      lookedUp,
	"spec.schedulingGroup":       turnedOff,
	"spec.volumes[].ephemeral.volumeClaimTemplate.metadata.creationTimestamp":   nullByTool,
	"spec.volumes[].ephemeral.volumeClaimTemplate.spec.dataSourceRef.namespace": turnedOff,
	"spec.volumes[].projected.sources[].clusterTrustBundle.name":                turnedOff,
	"spec.volumes[].projected.sources[].podCertificate":                         turnedOff,
}

// templateMore are changes, beside those of each field, that put into a part what
// no template may have.
var templateMore = map[string][]change{
	"pod": {
		{path: []any{"spec", "ephemeralContainers"}, value: []any{map[string]any{"name": "debug", "image": "busybox"}}},
		{path: []any{"spec", "resources", "claims"}, value: []any{map[string]any{"name": "c"}}},
	},
	"ephemeral": {
		{path: ofClaim("name"), value: "a"},
		{path: ofClaim("namespace"), value: "a"},
		{path: ofClaim("finalizers"), value: []any{"example.com/hold"}},
	},
}

func ofClaim(field string) []any {
	return []any{"spec", "volumes", int(0), "ephemeral", "volumeClaimTemplate", "metadata", field}
}

// oneType have one type, so that what is tried in one holds for the others.
var oneType = strings.NewReplacer("initContainers[]", "containers[]", "livenessProbe", "probe", "readinessProbe", "probe", "startupProbe", "probe",
	"postStart", "handler", "preStop", "handler")

// jobOf is a job of the mode with the template.
func jobOf(t *testing.T, mode string, template map[string]any) *unstructured.Unstructured {
	t.Helper()
	object := manifest(t, minimalJob)
	spec := map[string]any{"template": template, "completions": int64(1)}
	if mode != "" {
		spec["completionMode"] = mode
	}
	object.Object["spec"] = spec
	return object
}

// wantAllFields fails for each field of the schema that was not tried.
func wantAllFields(t *testing.T, tried map[string]bool) {
	t.Helper()
	number := regexp.MustCompile(`\[\d+\]`)
	seen := map[string]bool{}
	for at := range tried {
		field, _, _ := strings.Cut(strings.TrimPrefix(at, "Indexed"), " ")
		seen[oneType.Replace(number.ReplaceAllString(field, "[]"))] = true
	}
	schema := specSchema(t, "batchjobs", "template")
	for _, field := range slices.Sorted(maps.Keys(fieldsBelow(schema, ""))) {
		left := slices.ContainsFunc(slices.Collect(maps.Keys(notTried)), func(prefix string) bool { return partOf(field, prefix) })
		field = oneType.Replace(field)
		if left == seen[field] {
			t.Errorf("template.%s: tried %t, said to be left out %t", field, seen[field], left)
		}
	}
}

// fieldsBelow are all that have a name in the schema.
func fieldsBelow(schema map[string]any, path string) map[string]bool {
	all := map[string]bool{}
	properties, _ := schema["properties"].(map[string]any)
	for name, property := range properties {
		at := strings.TrimPrefix(path+"."+name, ".")
		all[at] = true
		maps.Copy(all, fieldsBelow(property.(map[string]any), at))
	}
	if items, ok := schema["items"].(map[string]any); ok {
		maps.Copy(all, fieldsBelow(items, path+"[]"))
	}
	return all
}

// specSchema is that of a field of the spec in a CRD.
func specSchema(t *testing.T, resource, field string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(crdDir, "batch.stint.dev_"+resource+".yaml"))
	if err != nil {
		t.Fatal(err)
	}
	crd := map[string]any{}
	if err := yaml.Unmarshal(text, &crd); err != nil {
		t.Fatal(err)
	}
	versions, _, _ := unstructured.NestedSlice(crd, "spec", "versions")
	schema, found, err := unstructured.NestedMap(versions[0].(map[string]any), "schema", "openAPIV3Schema", "properties", "spec", "properties", field)
	if err != nil || !found {
		t.Fatalf("no schema of spec.%s: %v", field, err)
	}
	return schema
}
