package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

const manifestHeader = "# Generated from charts/stint and its default values by `make generate`.\n"

// manifestFiles says where each kind of the rendered chart goes. CRDs and the
// operator's own rules came from config/ in the first place.
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

// isOperatorRole: role.yaml has all rules of the operator in one, so that the
// binding of it is enough.
func isOperatorRole(object map[string]any) bool {
	metadata, _ := object["metadata"].(map[string]any)
	name := metadata["name"]
	return object["kind"] == "ClusterRole" && name == "stint-controller" || name == "stint-controller-metrics-auth"
}

// dropHelmLabels takes off what is only true of a Helm release.
func dropHelmLabels(object map[string]any) {
	metadata, _ := object["metadata"].(map[string]any)
	labels, _ := metadata["labels"].(map[string]any)
	delete(labels, "helm.sh/chart")
	delete(labels, "app.kubernetes.io/managed-by")
}
