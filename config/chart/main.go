// Command chart carries what is generated to the chart, and what the chart
// says to config/, so that `helm install` and `kubectl apply -k config/default`
// install the same objects and nothing is written down twice:
//
//	chart templates   config/crd/bases, config/rbac/role.yaml -> charts/stint/templates
//	chart manifests   the rendered chart on stdin -> config/rbac, config/manager
package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

const (
	crdBases     = "config/crd/bases"
	roleFile     = "config/rbac/role.yaml"
	templatesDir = "charts/stint/templates"
)

func main() {
	if err := run(os.Args[1:], os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "chart:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader) error {
	switch {
	case len(args) == 1 && args[0] == "templates":
		return errors.Join(writeCRDTemplates(), writeRoleTemplate())
	case len(args) == 1 && args[0] == "manifests":
		return writeManifests(stdin)
	}
	return errors.New("usage: chart templates | chart manifests < rendered chart")
}

const templateHeader = "{{- /* Generated from %s by `make generate`. */ -}}\n"

func writeCRDTemplates() error {
	bases, err := filepath.Glob(crdBases + "/*.yaml")
	if err != nil || len(bases) == 0 {
		return fmt.Errorf("no CRDs in %s (%w)", crdBases, err)
	}
	for _, base := range bases {
		text, err := os.ReadFile(base)
		if err != nil {
			return err
		}
		template, err := crdTemplate(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", base, err)
		}
		// batch.stint.dev_batchjobs.yaml is crds/batchjobs.yaml in the chart.
		_, name, _ := strings.Cut(filepath.Base(base), "_")
		header := fmt.Sprintf(templateHeader, base)
		if err := os.WriteFile(filepath.Join(templatesDir, "crds", name), []byte(header+template), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const crdMetadata = `    {{- with include "stint.crdAnnotations" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "stint.labels" . | nindent 4 }}
`

// crdTemplate makes a CRD a template: Helm's delimiters in its text (CEL and
// descriptions may have them) are kept from Helm, the switches of values.yaml
// are added.
func crdTemplate(text string) (string, error) {
	text = strings.TrimPrefix(text, "---\n")
	text = strings.ReplaceAll(text, "{{", `{{ "{{" }}`)
	before, after, found := strings.Cut(text, "\nmetadata:\n  annotations:\n")
	if !found {
		return "", errors.New("metadata does not begin with annotations")
	}
	annotations, rest, found := strings.Cut(after, "\n  name: ")
	if !found {
		return "", errors.New("metadata.name does not follow the annotations")
	}
	return "{{- if .Values.crds.enabled }}\n" +
		before + "\nmetadata:\n  annotations:\n" + annotations + "\n" + crdMetadata + "  name: " + rest +
		"{{- end }}\n", nil
}

const roleMetadata = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: {{ include "stint.fullname" . }}
  labels:
    {{- include "stint.labels" . | nindent 4 }}
`

func writeRoleTemplate() error {
	text, err := os.ReadFile(roleFile)
	if err != nil {
		return err
	}
	_, rules, found := strings.Cut(string(text), "\nrules:\n")
	if !found {
		return fmt.Errorf("%s has no rules", roleFile)
	}
	out := fmt.Sprintf(templateHeader, roleFile) + roleMetadata + "rules:\n" + rules
	return os.WriteFile(filepath.Join(templatesDir, "clusterrole.yaml"), []byte(out), 0o644)
}

const manifestHeader = "# Generated from charts/stint and its default values by `make generate`.\n"

// manifestFiles says where each kind of the rendered chart goes. CRDs and the
// operator's ClusterRole came from config/ in the first place.
var manifestFiles = map[string]string{
	"ServiceAccount":     "config/rbac/access.yaml",
	"ClusterRole":        "config/rbac/access.yaml",
	"ClusterRoleBinding": "config/rbac/access.yaml",
	"Role":               "config/rbac/access.yaml",
	"RoleBinding":        "config/rbac/access.yaml",
	"Service":            "config/manager/manager.yaml",
	"Deployment":         "config/manager/manager.yaml",
}

func writeManifests(rendered io.Reader) error {
	text, err := io.ReadAll(rendered)
	if err != nil {
		return err
	}
	files := map[string]*bytes.Buffer{}
	for doc := range strings.SplitSeq("\n"+string(text), "\n---\n") {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(doc), &object); err != nil {
			return err
		}
		kind, _ := object["kind"].(string)
		if object == nil || kind == "CustomResourceDefinition" || isOperatorRole(object) {
			continue
		}
		file, known := manifestFiles[kind]
		if !known {
			return fmt.Errorf("no file for kind %q: add it to manifestFiles", kind)
		}
		dropHelmLabels(object)
		out, err := yaml.Marshal(object)
		if err != nil {
			return err
		}
		if files[file] == nil {
			files[file] = bytes.NewBufferString(manifestHeader)
		}
		fmt.Fprintf(files[file], "---\n%s", out)
	}
	for file, content := range files {
		if err := os.WriteFile(file, content.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func isOperatorRole(object map[string]any) bool {
	metadata, _ := object["metadata"].(map[string]any)
	return object["kind"] == "ClusterRole" && metadata["name"] == "stint-controller"
}

// dropHelmLabels takes off what is only true of a Helm release.
func dropHelmLabels(object map[string]any) {
	metadata, _ := object["metadata"].(map[string]any)
	labels, _ := metadata["labels"].(map[string]any)
	delete(labels, "helm.sh/chart")
	delete(labels, "app.kubernetes.io/managed-by")
	if len(labels) == 0 {
		delete(metadata, "labels")
	}
}
