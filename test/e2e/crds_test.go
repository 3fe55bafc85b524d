//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
)

// R9: kubectl, and Argo CD where it is not told otherwise, keep a copy of each
// manifest in an annotation, which holds 262,144 bytes.

// embeddedJob makes a CRD whose spec is batch/v1's JobSpec, in the words of
// the API server itself.
func embeddedJob(s *space) {
	raw := s.kubectl("get", "--raw", "/openapi/v3/apis/batch/v1")
	var doc struct {
		Components struct {
			Schemas map[string]map[string]any `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(raw), &doc); err != nil {
		s.Fatal(err)
	}
	spec := inline(doc.Components.Schemas["io.k8s.api.batch.v1.JobSpec"], doc.Components.Schemas)
	crd, err := json.Marshal(map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "works.example.com"},
		"spec": map[string]any{
			"group": "example.com", "scope": "Namespaced", "names": map[string]any{"plural": "works", "singular": "work", "kind": "Work", "listKind": "WorkList"},
			"versions": []any{map[string]any{"name": "v1", "served": true, "storage": true, "schema": map[string]any{
				"openAPIV3Schema": map[string]any{"type": "object", "properties": map[string]any{"spec": spec}}}}},
		}})
	if err != nil {
		s.Fatal(err)
	}
	out, err := s.try("apply", "--dry-run=server", "-f", "-", string(crd))
	if err == nil || !strings.Contains(out, "must have at most 262144 bytes") && !strings.Contains(out, "Too long") {
		s.Fatalf("a CRD of %d bytes: %v\n%s", len(crd), err, lastWords(out))
	}
	if out, err := s.try("apply", "--server-side", "--dry-run=server", "-f", "-", string(crd)); err != nil {
		s.Errorf("server-side apply refuses it too, so that its size is not what is wrong: %s", lastWords(out))
	}
	s.saw("a CRD with JobSpec in it, %d bytes, is refused: %s", len(crd), lastWords(out))
}

// inline replaces references by what they refer to, and leaves out what a CRD
// may not say.
func inline(schema map[string]any, all map[string]map[string]any) map[string]any {
	out := maps.Clone(schema)
	for k := range out {
		if strings.HasPrefix(k, "x-kubernetes") || k == "default" {
			delete(out, k)
		}
	}
	ref, _ := out["$ref"].(string)
	if refs, ok := out["allOf"].([]any); ok && len(refs) == 1 {
		ref, _ = refs[0].(map[string]any)["$ref"].(string)
	}
	if ref != "" {
		whole := inline(all[strings.TrimPrefix(ref, "#/components/schemas/")], all)
		if description, ok := out["description"]; ok {
			whole["description"] = description
		}
		return whole
	}
	if alternatives, ok := out["oneOf"].([]any); ok && len(alternatives) == 2 {
		// A quantity or a port: a number or a text.
		delete(out, "oneOf")
		out["x-kubernetes-int-or-string"] = true
	}
	if items, ok := out["items"].(map[string]any); ok {
		out["items"] = inline(items, all)
	}
	if more, ok := out["additionalProperties"].(map[string]any); ok {
		out["additionalProperties"] = inline(more, all)
	}
	if properties, ok := out["properties"].(map[string]any); ok {
		inlined := map[string]any{}
		for k, v := range properties {
			inlined[k] = inline(v.(map[string]any), all)
		}
		out["properties"] = inlined
	}
	return out
}

func ownCRDs(s *space) {
	files, err := filepath.Glob("../../config/crd/bases/*.yaml")
	if err != nil || len(files) != 2 {
		s.Fatalf("CRDs %q: %v", files, err)
	}
	var sizes []string
	for _, file := range files {
		// As a new object: what somebody has applied here before must not matter.
		b, err := os.ReadFile(file)
		if err != nil {
			s.Fatal(err)
		}
		manifest := string(b)
		for _, plural := range []string{"cronbatchjobs", "batchjobs"} {
			manifest = strings.ReplaceAll(manifest, plural+".batch.stint.dev", plural+".size.stint.dev")
		}
		manifest = strings.ReplaceAll(manifest, "group: batch.stint.dev", "group: size.stint.dev")
		if out, err := s.try("apply", "--dry-run=server", "-f", "-", manifest); err != nil {
			s.Errorf("kubectl apply of %s: %s", file, lastWords(out))
		}
		sizes = append(sizes, fmt.Sprint(len(b)))
	}
	s.saw("client-side apply takes both of ours (%s bytes of YAML)", strings.Join(sizes, " and "))
}
