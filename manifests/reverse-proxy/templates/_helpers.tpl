{{- define "reverse-proxy.labels" -}}
run: reverse-proxy-app
app.kubernetes.io/name: reverse-proxy
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* The services of the given file, or those of the values. */}}
{{- define "reverse-proxy.services" -}}
{{- if .Values.config }}
{{- $file := fromYaml .Values.config }}
{{- if hasKey $file "Error" }}{{ fail (printf "config is not YAML: %s" $file.Error) }}{{ end }}
{{- $services := dig "proxy" "services" list $file }}
{{- if not $services }}{{ fail "config has no proxy.services" }}{{ end }}
{{- toYaml $services }}
{{- else }}
{{- toYaml (required "config has no services: give services, or config as a file" .Values.services) }}
{{- end }}
{{- end }}
