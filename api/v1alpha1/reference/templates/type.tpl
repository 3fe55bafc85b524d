{{- define "body" -}}
{{- $type := . }}
{{ $type.Doc }}
{{ with index $type.Markers "kubebuilder:validation:XValidation" }}
Rules of the API server:
{{ range . }}
- {{ .Message }}
{{- end }}
{{ end }}
{{- if $type.References }}
Appears in
{{- range $i, $ref := $type.SortedReferences }}{{ if $i }},{{ end }} {{ markdownRenderTypeLink $ref }}{{ end }}.
{{ end }}
{{- if $type.Members }}
| Field | Description | Default | Validation |
| --- | --- | --- | --- |
{{- if $type.GVK }}
| `apiVersion` _string_ | `{{ $type.GVK.Group }}/{{ $type.GVK.Version }}` | | |
| `kind` _string_ | `{{ $type.GVK.Kind }}` | | |
{{- end }}
{{- range $type.Members }}
| `{{ .Name }}` _{{ markdownRenderType .Type }}_ | {{ .Doc | default "The metadata of every Kubernetes object." | replace "|" "\\|" | replace "\n" " " }} | {{ with .Default }}`{{ . | replace " " "" }}`{{ end }} | {{ template "rules" . }} |
{{- end }}
{{ end }}
{{- if $type.EnumValues }}
| Value | Meaning |
| --- | --- |
{{- range $type.EnumValues }}
| `{{ .Name }}` | {{ .Doc | replace "|" "\\|" | replace "\n" " " }} |
{{- end }}
{{ end }}
{{- end -}}

{{- define "rules" -}}
{{- $rules := list -}}
{{- range .Validation -}}
{{- if hasPrefix "Required" . -}}{{- $rules = append $rules "required" -}}
{{- else if hasPrefix "Enum: " . -}}{{- $rules = append $rules (trimPrefix "Enum: " . | replace "[" "" | replace "]" "" | replace " " ", ") -}}
{{- else if hasPrefix "Minimum: " . -}}{{- $rules = append $rules (printf "at least %s" (trimPrefix "Minimum: " .)) -}}
{{- else if hasPrefix "Maximum: " . -}}{{- $rules = append $rules (printf "at most %s" (trimPrefix "Maximum: " .)) -}}
{{- else if hasPrefix "MinItems: " . -}}{{- $rules = append $rules (printf "at least %s items" (trimPrefix "MinItems: " .)) -}}
{{- else if hasPrefix "MaxItems: " . -}}{{- $rules = append $rules (printf "at most %s items" (trimPrefix "MaxItems: " .)) -}}
{{- else if hasPrefix "MaxLength: " . -}}{{- $rules = append $rules (printf "at most %s characters" (trimPrefix "MaxLength: " .)) -}}
{{- else if hasPrefix "MinLength: 1" . -}}{{- $rules = append $rules "not empty" -}}
{{- else if contains "(ms|s|m|h)" . -}}{{- $rules = append $rules "up to four numbers with the units h, m, s and ms" -}}
{{- else if hasPrefix "Pattern: " . -}}{{- $rules = append $rules (trimPrefix "Pattern: " . | replace "|" "\\|") -}}
{{- end -}}
{{- end -}}
{{- $type := .Type -}}
{{- if $type.UnderlyingType -}}{{- $type = $type.UnderlyingType -}}{{- end -}}
{{- /* The rules of a type stand with the type. */ -}}
{{- if not (index $type.Markers "kubebuilder:validation:XValidation") -}}
{{- range index .Markers "kubebuilder:validation:XValidation" -}}{{- $rules = append $rules .Message -}}{{- end -}}
{{- end -}}
{{- join "; " $rules -}}
{{- end -}}
