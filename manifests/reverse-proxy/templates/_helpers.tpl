{{- define "reverse-proxy.labels" -}}
run: reverse-proxy-app
{{ include "reverse-proxy.common-labels" (dict "name" "reverse-proxy" "root" .) }}
{{- end }}

{{- define "reverse-proxy.common-labels" -}}
{{- $name := .name }}
{{- with .root -}}
app.kubernetes.io/name: {{ $name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}
{{- end }}

{{- /* Where the pods ask what to serve; empty: nowhere. Values of a release before 2.1 have no controlPlane. */}}
{{- define "reverse-proxy.xds" -}}
{{- with .Values.controlPlane }}
{{- if .enabled }}
{{- .address | default (printf "reverse-proxy-control-plane.%s.svc:18000" $.Release.Namespace) }}
{{- else if .address }}
{{- fail "controlPlane.address is given, and controlPlane.enabled is false: set it to true, or give no address" }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Who reads the services: pods, the chart's own control plane, or (empty) a control plane that is there already. */}}
{{- define "reverse-proxy.reader" -}}
{{- if not (include "reverse-proxy.xds" .) }}pods
{{- else if not .Values.controlPlane.address }}control-plane
{{- end }}
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
