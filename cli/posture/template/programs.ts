import type { Desired } from "../../../common/kubernetes/apply.ts";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { NODE_QUERY, NODE_TIME_QUERY } from "../../../xds/scaler/sources/prometheus.ts";
import type { TemplateSettings } from "../settings.ts";
import { brokerCertificates, brokerEnv, brokerPlace } from "./broker.ts";
import { CONTAINER_SECURITY, CONTROLLER, HTTP_PORT, objectOf, POD_SECURITY, SCALER, SCALER_PORT } from "./marks.ts";
import { type MountedSecret, mountOf, volumeOf } from "./mounted-secret.ts";
import { secretEnv } from "./scaled-job.ts";

const TLS_FOLDER = "/tls";

/** The controller: Deployment and Service. */
export function controller(settings: TemplateSettings): readonly Desired[] {
  return program(settings, {
    name: CONTROLLER,
    replicas: 2,
    // One writes, the other tells as well.
    strategy: { type: "RollingUpdate" },
    args: ["cli/evenkeel.ts", "posture", "controller", "--assign-slots"],
    serviceAccountName: CONTROLLER,
    ports: [{ name: "http", port: HTTP_PORT }],
    env: [
      { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      ...plain({
        NAMESPACE: settings.namespace,
        EVENKEEL_POSTURE_CPU: settings.cpuSource,
        EVENKEEL_POSTURE_AGENT_PORT: String(settings.agentPort ?? "none"),
        ...figures(settings),
        ...prometheus(settings),
      }),
      ...(settings.prometheusUrl === "" ? [] : secretEnv(settings, ["PROM_TOKEN"])),
    ],
  });
}

/** The scaler: Deployment and Service. It has no access to the cluster: the controller tells it of the nodes. */
export function scaler(settings: TemplateSettings): readonly Desired[] {
  const { namespace, tlsSecret } = settings;
  const { host } = brokerPlace(settings);
  return program(settings, {
    name: SCALER,
    // Who was told yes is known to one process only, so there is never a second.
    replicas: 1,
    strategy: { type: "Recreate" },
    args: ["cli/evenkeel.ts", "scaler"],
    ports: [
      { name: "grpc", port: SCALER_PORT },
      { name: "http", port: HTTP_PORT },
    ],
    env: [
      ...plain({
        CONTROLLER_URL: `http://${CONTROLLER}.${namespace}.svc.cluster.local:${HTTP_PORT}`,
        LISTEN_PORT: String(SCALER_PORT),
        ...figures(settings),
        EVENKEEL_POSTURE_WORK: settings.work,
        ...(settings.work === "jetstream" && {
          NATS_MONITOR_URL: settings.natsUrl === "" ? `http://${host}:8222` : settings.natsUrl,
          ...brokerEnv(settings),
        }),
        ...(tlsSecret !== "" && {
          TLS_CERT_FILE: `${TLS_FOLDER}/tls.crt`,
          TLS_KEY_FILE: `${TLS_FOLDER}/tls.key`,
          TLS_CLIENT_CA_FILE: `${TLS_FOLDER}/ca.crt`,
        }),
      }),
      ...secretEnv(settings, ["MQTT_USERNAME", "MQTT_PASSWORD"]),
    ],
    secrets: [
      ...(tlsSecret === "" ? [] : [ownCertificate(tlsSecret)]),
      ...(settings.work === "jetstream" ? brokerCertificates(settings) : []),
    ],
  });
}

/** Where Prometheus is; its queries only when they are not the usual ones. */
function prometheus({ prometheusUrl, prometheusQuery, prometheusTimeQuery }: TemplateSettings): Record<string, string> {
  if (prometheusUrl === "") return {};
  return {
    PROM_URL: prometheusUrl,
    ...(prometheusQuery !== NODE_QUERY && { EVENKEEL_POSTURE_QUERY: prometheusQuery }),
    ...(prometheusTimeQuery !== NODE_TIME_QUERY && { EVENKEEL_POSTURE_TIME_QUERY: prometheusTimeQuery }),
  };
}

function figures({ threshold, metricName }: TemplateSettings): Record<string, string> {
  return { CPU_THRESHOLD: threshold.toFixed(2), METRIC_NAME: metricName };
}

function plain(values: Readonly<Record<string, string>>): readonly object[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

interface Program {
  readonly name: string;
  readonly replicas: number;
  readonly strategy: object;
  readonly args: readonly string[];
  readonly ports: readonly { readonly name: string; readonly port: number }[];
  readonly env: readonly object[];
  /** Absent: the pod has no token. */
  readonly serviceAccountName?: string;
  readonly secrets?: readonly MountedSecret[];
}

function program(settings: TemplateSettings, of: Program): readonly Desired[] {
  const place = { madeFor: settings.namespace, namespace: settings.namespace };
  const labels = { app: of.name };
  const service = {
    selector: labels,
    ports: of.ports.map(({ name, port }) => ({ name, port, targetPort: name })),
  };
  const deployment = {
    replicas: of.replicas,
    strategy: of.strategy,
    selector: { matchLabels: labels },
    template: { metadata: { labels, annotations: annotations() }, spec: podSpec(settings, of) },
  };
  return [
    { ...objectOf(RESOURCES.services, of.name, place, labels), spec: service } as Desired,
    { ...objectOf(RESOURCES.deployments, of.name, place, labels), spec: deployment } as Desired,
  ];
}

function annotations(): Record<string, string> {
  return { "prometheus.io/scrape": "true", "prometheus.io/port": String(HTTP_PORT) };
}

function podSpec(settings: TemplateSettings, of: Program): object {
  const { secrets = [] } = of;
  const probe = (path: string) => ({ httpGet: { path, port: "http" } });
  return {
    ...(of.serviceAccountName === undefined
      ? { automountServiceAccountToken: false }
      : { serviceAccountName: of.serviceAccountName }),
    securityContext: POD_SECURITY,
    containers: [
      {
        name: of.name,
        image: `${settings.scalerRepo}:${settings.tag}`,
        imagePullPolicy: "IfNotPresent",
        args: of.args,
        env: of.env,
        ports: of.ports.map(({ name, port }) => ({ name, containerPort: port })),
        startupProbe: { ...probe("/healthz"), periodSeconds: 1, failureThreshold: 60 },
        livenessProbe: { ...probe("/healthz"), periodSeconds: 10, timeoutSeconds: 5 },
        readinessProbe: { ...probe("/readyz"), periodSeconds: 5, timeoutSeconds: 5 },
        resources: { requests: { cpu: "50m", memory: "128Mi" }, limits: { memory: "512Mi" } },
        securityContext: CONTAINER_SECURITY,
        ...(secrets.length > 0 && { volumeMounts: secrets.map(mountOf) }),
      },
    ],
    ...(secrets.length > 0 && { volumes: secrets.map(volumeOf) }),
  };
}

/** KEDA's own key is not the scaler's business. */
function ownCertificate(secretName: string): MountedSecret {
  return { name: "tls", secretName, folder: TLS_FOLDER, keys: ["ca.crt", "tls.crt", "tls.key"] };
}
