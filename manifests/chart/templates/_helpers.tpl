{{- define "evenkeel.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: evenkeel
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{- /* Objects of a file that stand for the namespace evenkeel, in the release's. */}}
{{- define "evenkeel.file" -}}
{{- .root.Files.Get .path | replace "namespace: evenkeel\n" (printf "namespace: %s\n" .root.Release.Namespace) }}
{{- end }}

{{- /* Confinement of every container. */}}
{{- define "evenkeel.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "evenkeel.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "evenkeel.spread" -}}
- maxSkew: 1
  topologyKey: kubernetes.io/hostname
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      app.kubernetes.io/name: {{ . }}
{{- end }}
