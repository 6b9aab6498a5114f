{{- define "credence.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "credence.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}
{{- else if contains (include "credence.name" .) .Release.Name }}
{{- .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "credence.name" .) | trunc 52 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "credence.selectorLabels" -}}
app.kubernetes.io/name: {{ include "credence.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "credence.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "credence.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "credence.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}
{{- end }}

{{- /* What the server is started with: the values' options, and those that are the chart's. */}}
{{- define "credence.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $_ := set $config "data" "/var/lib/credence/ledger" }}
{{- $_ := set $config "listen" "0.0.0.0:7700" }}
{{- $_ := set $config "http" "0.0.0.0:7701" }}
{{- $_ := set $config "access" "required" }}
{{- $_ := set $config "tls-cert" "/etc/credence/tls/tls.crt" }}
{{- $_ := set $config "tls-key" "/etc/credence/tls/tls.key" }}
{{- if .Values.tls.clientAuthoritySecretName }}
{{- $_ := set $config "tls-client-ca" "/etc/credence/client-ca/ca.crt" }}
{{- end }}
{{- if .Values.signingKey.secretName }}
{{- $_ := set $config "key-file" "/etc/credence/key/ledger.key" }}
{{- end }}
{{- if .Values.backup.enabled }}
{{- $_ := set $config "backup-dir" "/var/lib/credence-backups/backups" }}
{{- $_ := set $config "backup-minutes" .Values.backup.minutes }}
{{- end }}
{{- toYaml $config }}
{{- end }}

{{- /* What is wrong with values that each by itself is right. */}}
{{- define "credence.check" -}}
{{- if and (index .Values.config "require-client-cert") .Values.probes.enabled }}
{{- fail "config.require-client-cert: the kubelet shows no certificate, so probes.enabled must be false" }}
{{- end }}
{{- if and (index .Values.config "require-client-cert") (not .Values.tls.clientAuthoritySecretName) }}
{{- fail "config.require-client-cert: needs tls.clientAuthoritySecretName" }}
{{- end }}
{{- if le (int .Values.terminationGracePeriodSeconds) (int (index .Values.config "drain-seconds" | default 10)) }}
{{- fail "terminationGracePeriodSeconds: must be longer than config.drain-seconds, or calls under way are cut off" }}
{{- end }}
{{- end }}

{{- define "credence.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "credence.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "credence.mounts" -}}
- {name: config, mountPath: /etc/credence/credence.yaml, subPath: credence.yaml, readOnly: true}
- {name: tls, mountPath: /etc/credence/tls, readOnly: true}
{{- if .Values.tls.clientAuthoritySecretName }}
- {name: client-ca, mountPath: /etc/credence/client-ca, readOnly: true}
{{- end }}
{{- if .Values.signingKey.secretName }}
- {name: key, mountPath: /etc/credence/key, readOnly: true}
{{- end }}
- {name: ledger, mountPath: /var/lib/credence}
{{- if .Values.backup.enabled }}
- {name: backups, mountPath: /var/lib/credence-backups}
{{- end }}
- {name: tmp, mountPath: /tmp}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "credence.claim" -}}
- metadata:
    name: {{ .name }}
  spec:
    accessModes: {{- toYaml .claim.accessModes | nindent 6 }}
    {{- with .claim.storageClassName }}
    storageClassName: {{ . }}
    {{- end }}
    resources:
      requests:
        storage: {{ .claim.size }}
{{- end }}
