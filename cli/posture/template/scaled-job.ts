import type { Desired } from "../../../common/kubernetes/apply.ts";
import { RESOURCES } from "../../../common/kubernetes/resource-type.ts";
import { BUSY_LABEL, ELIGIBLE_LABEL, SLOT_LABEL, SLOTS } from "../../../xds/scaler/names.ts";
import type { TemplateSettings } from "../settings.ts";
import { brokerCertificates, brokerEnv } from "./broker.ts";
import { databaseCertificates, databaseEnv } from "./database.ts";
import { CONTAINER_SECURITY, objectOf, POD_SECURITY, SCALER, SCALER_PORT } from "./marks.ts";
import { type MountedSecret, mountOf, volumeOf } from "./mounted-secret.ts";

export const ANALYZER = "posture-analyzer";
const TLS_AUTHENTICATION = "posture-scaler-tls";
const DATA = "/data";
/** An analyser finishes or gives back what it holds when it is told to end. */
const GRACE_SECONDS = 60;

/** The ScaledJob of analyser `number`, from 0. @param env says where the database is */
export function scaledJob(
  settings: TemplateSettings,
  number: number,
  env: NodeJS.ProcessEnv,
): Desired & { spec: object } {
  const { namespace } = settings;
  const name = `${ANALYZER}-job-${number}`;
  const labels = { app: ANALYZER };
  return {
    ...objectOf(RESOURCES.scaledJobs, name, { madeFor: namespace, namespace }, labels),
    spec: {
      pollingInterval: 10,
      maxReplicaCount: 1,
      successfulJobsHistoryLimit: 1,
      failedJobsHistoryLimit: 1,
      // A changed template waits for the job that runs.
      rollout: { strategy: "gradual" },
      triggers: [trigger(settings, number)],
      jobTargetRef: {
        parallelism: 1,
        completions: 1,
        backoffLimit: 4,
        template: {
          metadata: { labels },
          spec: {
            // A pod that failed is made anew, where CPU is free then.
            restartPolicy: "Never",
            automountServiceAccountToken: false,
            terminationGracePeriodSeconds: GRACE_SECONDS,
            securityContext: { ...POD_SECURITY, fsGroup: 1000 },
            affinity: affinity(),
            containers: [container(settings, name, topicOf(settings, number), env)],
            volumes: [
              settings.outputClaim === ""
                ? { name: "data", emptyDir: {} }
                : { name: "data", persistentVolumeClaim: { claimName: settings.outputClaim } },
              { name: "tmp", emptyDir: {} },
              ...certificates(settings).map(volumeOf),
            ],
          },
        },
      },
    },
  };
}

/** KEDA's credentials for the scaler, when there are any. */
export function tlsAuthentication({ namespace, tlsSecret }: TemplateSettings): readonly Desired[] {
  if (tlsSecret === "") return [];
  const keys = { caCert: "ca.crt", tlsClientCert: "client.crt", tlsClientKey: "client.key" };
  const spec = {
    secretTargetRef: Object.entries(keys).map(([parameter, key]) => ({ parameter, name: tlsSecret, key })),
  };
  const place = { madeFor: namespace, namespace };
  return [{ ...objectOf(RESOURCES.triggerAuthentications, TLS_AUTHENTICATION, place), spec } as Desired];
}

function trigger(settings: TemplateSettings, number: number): object {
  const { namespace, metricName, threshold, tlsSecret } = settings;
  return {
    type: "external",
    metadata: {
      scalerAddress: `${SCALER}.${namespace}.svc.cluster.local:${SCALER_PORT}`,
      metricName,
      cpuThreshold: threshold.toFixed(2),
      mqttTopic: topicOf(settings, number),
      ...(tlsSecret !== "" && { enableTLS: "true" }),
    },
    ...(tlsSecret !== "" && { authenticationRef: { name: TLS_AUTHENTICATION } }),
  };
}

function topicOf({ topic }: TemplateSettings, number: number): string {
  return topic.replaceAll("{n}", String(number));
}

function affinity(): object {
  const preferred = Array.from({ length: SLOTS }, (_, index) => ({
    weight: 100 - 10 * index,
    preference: { matchExpressions: [{ key: SLOT_LABEL, operator: "In", values: [`slot-${index + 1}`] }] },
  }));
  const required = [
    { key: ELIGIBLE_LABEL, operator: "In", values: ["true"] },
    // Set by the controller; the scheduler itself does not know how busy a node is.
    { key: BUSY_LABEL, operator: "NotIn", values: ["true"] },
  ];
  return {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: required }] },
      preferredDuringSchedulingIgnoredDuringExecution: preferred,
    },
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels: { app: ANALYZER } } },
      ],
    },
  };
}

function container(settings: TemplateSettings, name: string, topic: string, env: NodeJS.ProcessEnv): object {
  const plain: Record<string, string> = {
    ...brokerEnv(settings),
    MQTT_TOPIC: topic,
    // The session that the scaler counts: it outlives the pod.
    MQTT_CLIENT_ID: name,
    OUTPUT_DIR: `${DATA}/analyzed_images`,
    // A file of its own: a volume that analysers share may not append for two at once.
    CSV_PATH: `${DATA}/${name}.csv`,
    NUM_WORKERS: String(settings.workers),
    ...databaseEnv(settings, env),
  };
  return {
    name: ANALYZER,
    image: `${settings.analyzerRepo}/analyzer:${settings.tag}`,
    imagePullPolicy: "IfNotPresent",
    args: ["cli/evenkeel.ts", "analyzer"],
    env: [
      { name: "NODE_NAME", valueFrom: { fieldRef: { fieldPath: "spec.nodeName" } } },
      { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      ...Object.entries(plain).map(([key, value]) => ({ name: key, value })),
      ...secretEnv(settings, ["MQTT_USERNAME", "MQTT_PASSWORD", ...(settings.database ? ["DB_PASSWORD"] : [])]),
    ],
    resources: {
      // The release looks at the CPU that is really free; a request of a whole CPU would keep pods off idle nodes.
      requests: { cpu: "100m", memory: "256Mi" },
      limits: { cpu: "1", memory: "512Mi" },
    },
    securityContext: CONTAINER_SECURITY,
    volumeMounts: [
      { name: "data", mountPath: DATA },
      { name: "tmp", mountPath: "/tmp" },
      ...certificates(settings).map(mountOf),
    ],
  };
}

function certificates(settings: TemplateSettings): readonly MountedSecret[] {
  return [...brokerCertificates(settings), ...databaseCertificates(settings)];
}

/** Variables out of the Secret; what is not in it is not set. */
export function secretEnv({ secret }: Pick<TemplateSettings, "secret">, keys: readonly string[]): readonly object[] {
  return keys.map((key) => ({ name: key, valueFrom: { secretKeyRef: { name: secret, key, optional: true } } }));
}
