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

{{- define "stint.labels" -}}
{{ include "stint.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "stint.serviceAccountName" -}}
{{- default (include "stint.fullname" .) .Values.serviceAccount.name -}}
{{- end -}}

{{- define "stint.image" -}}
{{- $image := printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- if .Values.image.digest }}{{ $image = printf "%s@%s" $image .Values.image.digest }}{{ end -}}
{{- $image -}}
{{- end -}}

{{/* Shared by the CRD templates, which are generated. */}}
{{- define "stint.crdAnnotations" -}}
{{- if .Values.crds.keep }}
helm.sh/resource-policy: keep
{{- end }}
{{- with .Values.crds.annotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}
