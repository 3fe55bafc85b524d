// Command chart carries what is generated to the chart, and what the chart
// says to config/, so that `helm install` and `kubectl apply -k config/default`
// install the same objects and nothing is written down twice:
//
//	chart templates   config/crd/bases, config/rbac/role.yaml -> charts/stint/templates
//	chart argocd      charts/stint/argocd/*/*.lua -> charts/stint/argocd/*.yaml
//	chart readme      charts/stint/values.yaml -> the table in charts/stint/README.md
//	chart manifests   the rendered chart on stdin -> config/rbac, config/manager
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
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
	case len(args) == 1 && args[0] == "argocd":
		return writeArgoCD(argoDir)
	case len(args) == 1 && args[0] == "readme":
		return writeReadme()
	case len(args) == 1 && args[0] == "manifests":
		return writeManifests(stdin)
	}
	return errors.New("usage: chart templates | argocd | readme | manifests < rendered chart")
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
