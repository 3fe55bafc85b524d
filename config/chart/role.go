package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// roleTemplate is the operator's role: in one namespace a Role does for all but
// the questions that the metrics endpoint asks, which are a role of their own.
const roleTemplate = `apiVersion: rbac.authorization.k8s.io/v1
kind: {{ include "stint.roleKind" . }}
{{ include "stint.metadata" (dict "root" . "namespaced" (not .Values.watchAllNamespaces)) }}
rules:
%s{{- if .Values.metrics.secure }}
---
# Who asks for the metrics, and whether they may.
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
{{ include "stint.metadata" (dict "root" . "suffix" "-metrics-auth") }}
rules:
%s{{- end }}
`

// reviews are the groups whose resources are questions to the API server.
var reviews = []string{"authentication.k8s.io", "authorization.k8s.io"}

func writeRoleTemplate() error {
	text, err := os.ReadFile(roleFile)
	if err != nil {
		return err
	}
	var role rbacv1.ClusterRole
	if err := yaml.UnmarshalStrict(text, &role); err != nil {
		return fmt.Errorf("%s: %w", roleFile, err)
	}
	var work, questions []rbacv1.PolicyRule
	for _, rule := range role.Rules {
		if slices.ContainsFunc(rule.APIGroups, func(group string) bool { return slices.Contains(reviews, group) }) {
			questions = append(questions, rule)
		} else {
			work = append(work, rule)
		}
	}
	if len(work) == 0 || len(questions) == 0 {
		return fmt.Errorf("%s: want rules for the work and for %v", roleFile, reviews)
	}
	workText, err := yaml.Marshal(work)
	if err != nil {
		return err
	}
	questionText, err := yaml.Marshal(questions)
	if err != nil {
		return err
	}
	out := fmt.Sprintf(templateHeader, roleFile) + fmt.Sprintf(roleTemplate, workText, questionText)
	return os.WriteFile(filepath.Join(templatesDir, "role.yaml"), []byte(out), 0o644)
}
