{{- define "gatehouse.name" -}}
{{- if contains "gatehouse" .Release.Name }}{{ .Release.Name }}{{ else }}{{ printf "%s-gatehouse" .Release.Name }}{{ end -}}
{{- end }}

{{- define "gatehouse.selector" -}}
app.kubernetes.io/name: gatehouse
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gatehouse.labels" -}}
{{ include "gatehouse.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "gatehouse.metadata" -}}
name: {{ include "gatehouse.name" . }}
namespace: {{ .Release.Namespace }}
labels:
  {{- include "gatehouse.labels" . | nindent 2 }}
{{- end }}

{{- define "gatehouse.secret" -}}
{{ .Values.secret.existing | default (include "gatehouse.name" .) }}
{{- end }}

{{- define "gatehouse.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{- /* A decision that has begun ends within auth.timeout_in_ms, and gatehouse waits 5 s longer. */ -}}
{{- define "gatehouse.grace" -}}
{{- $timeout := (.Values.config.auth | default dict).timeout_in_ms | default 5000 | int -}}
{{ add .Values.preStopSeconds (div (add $timeout 999) 1000) 5 10 }}
{{- end }}
