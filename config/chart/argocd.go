package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// argoDir holds the Lua by kind, and what is made of it.
const argoDir = "charts/stint/argocd"

// argoActions in the order in which Argo CD is told of them.
var argoActions = []string{"run-now", "suspend", "resume"}

const (
	argoConfigMap = `# For Argo CD: health and actions of BatchJobs and CronBatchJobs.
# Generated from the Lua beside it by ` + "`make generate`" + `.
#
#   kubectl --namespace argocd patch configmap argocd-cm --patch-file argocd-cm.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
  labels:
    app.kubernetes.io/name: argocd-cm
    app.kubernetes.io/part-of: argocd
`
	argoValues = `# For the chart argo-cd: health and actions of BatchJobs and CronBatchJobs.
# Generated from the Lua beside it by ` + "`make generate`" + `.
#
#   helm upgrade argocd argo/argo-cd --namespace argocd --reuse-values --values values.yaml
`
)

// writeArgoCD makes of the Lua in dir the ConfigMap that Argo CD reads, and the
// values with which its chart makes the same.
func writeArgoCD(dir string) error {
	data := map[string]string{}
	for _, kind := range []string{"BatchJob", "CronBatchJob"} {
		script := func(name string) (string, error) {
			text, err := os.ReadFile(filepath.Join(dir, kind, name+".lua"))
			return string(text), err
		}
		health, err := script("health")
		if err != nil {
			return err
		}
		actions, err := argoActionsOf(script)
		if err != nil {
			return err
		}
		data["resource.customizations.health.batch.stint.dev_"+kind] = health
		data["resource.customizations.actions.batch.stint.dev_"+kind] = actions
	}
	for file, content := range map[string]struct {
		header string
		body   map[string]any
	}{
		"argocd-cm.yaml": {argoConfigMap, map[string]any{"data": data}},
		"values.yaml":    {argoValues, map[string]any{"configs": map[string]any{"cm": data}}},
	} {
		text, err := yaml.Marshal(content.body)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, file), append([]byte(content.header), text...), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// argoActionsOf is the YAML in which Argo CD takes the actions of one kind.
func argoActionsOf(script func(string) (string, error)) (string, error) {
	var out strings.Builder
	discovery, err := script("discovery")
	if err != nil {
		return "", err
	}
	fmt.Fprintf(&out, "discovery.lua: |\n%sdefinitions:\n", indented("  ", discovery))
	for _, name := range argoActions {
		text, err := script(name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "- name: %s\n  action.lua: |\n%s", name, indented("    ", text))
	}
	return out.String(), nil
}

func indented(by, text string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return by + strings.Join(lines, "\n"+by) + "\n"
}
