{{/* The name of every object: <release>-controller, or with "stint" in it where the release has not. 46 leaves room for the suffixes. */}}
{{- define "stint.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $release := .Release.Name | trunc 30 | trimSuffix "-" -}}
{{- ternary $release (printf "%s-stint" $release) (contains "stint" $release) }}-controller
{{- end -}}
{{- end -}}

{{- define "stint.selectorLabels" -}}
app.kubernetes.io/name: stint
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* What the chart says of itself; merged so that no common label can contradict it. */}}
{{- define "stint.labels" -}}
{{- $own := include "stint.selectorLabels" . | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_") -}}
{{- merge $own .Values.commonLabels | toYaml -}}
{{- end -}}

{{/*
The metadata of an object. Takes root, and of these what is not empty: name or
suffix (put behind the full name), namespaced, labels, annotations.
*/}}
{{- define "stint.metadata" -}}
metadata:
  name: {{ default (printf "%s%s" (include "stint.fullname" .root) (default "" .suffix)) .name }}
  {{- if .namespaced }}
  namespace: {{ .root.Release.Namespace }}
  {{- end }}
  labels:
    {{- merge (include "stint.labels" .root | fromYaml) (default dict .labels) | toYaml | nindent 4 }}
  {{- with merge (dict) (default dict .annotations) .root.Values.commonAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{- define "stint.serviceAccountName" -}}
{{- default (include "stint.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "stint.subjects" -}}
- kind: ServiceAccount
  name: {{ include "stint.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{- define "stint.image" -}}
{{- $image := printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- if .Values.image.digest }}{{ $image = printf "%s@%s" $image .Values.image.digest }}{{ end -}}
{{- $image -}}
{{- end -}}

{{/* Shared by the CRD templates, which are generated. */}}
{{- define "stint.crdAnnotations" -}}
{{- $annotations := merge (dict) .Values.crds.annotations .Values.commonAnnotations -}}
{{- if .Values.crds.keep }}{{ $_ := set $annotations "helm.sh/resource-policy" "keep" }}{{ end -}}
{{- if $annotations }}{{ toYaml $annotations }}{{ end -}}
{{- end -}}

{{/* Without the right to work in other namespaces, a Role does. */}}
{{- define "stint.roleKind" -}}
{{- ternary "ClusterRole" "Role" .Values.watchAllNamespaces -}}
{{- end -}}

{{/* What `stint-controller release` needs to run as the operator does, for `kubectl run`. */}}
{{- define "stint.releasePod" -}}
{{- $container := dict "name" "stint-release" "securityContext" (dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" true "capabilities" (dict "drop" (list "ALL"))) -}}
{{- $spec := dict "serviceAccountName" (include "stint.serviceAccountName" .) "securityContext" .Values.podSecurityContext "containers" (list $container) -}}
{{- with .Values.imagePullSecrets }}{{ $_ := set $spec "imagePullSecrets" . }}{{ end -}}
{{- dict "spec" $spec | toJson -}}
{{- end -}}
