import { kubeSettings } from "../../common/kubernetes/config.ts";
import { type Command, is, type Parser, type Values } from "../../common/settings.ts";
import packageJson from "../../package.json" with { type: "json" };
import { type BrokerName, brokerName } from "../../workloads/analyzer/broker-address.ts";
import { MQTT_SETTINGS } from "../../workloads/analyzer/mqtt-settings.ts";
import { nodeSettings } from "../../xds/scaler/settings.ts";

const name: Parser<string> = (text) => {
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text))
    throw new Error("is not a name of small letters, digits and -");
  return text;
};

const optionalName: Parser<string> = (text) => (text === "" ? text : name(text));

const optionalBroker: Parser<BrokerName | undefined> = (text) => (text === "" ? undefined : brokerName(text));

/** As Docker writes it: registry, path, no tag. */
const repository: Parser<string> = (text) => {
  if (!/^[a-z0-9]([a-z0-9._/-]|:\d+\/)*[a-z0-9]$/.test(text))
    throw new Error("is not an image repository (without a tag)");
  return text;
};

const topic: Parser<string> = (text) => {
  if (!text.includes("{n}") || /\s/.test(text))
    throw new Error("does not hold {n}: jobs that share a topic would each get every image");
  return text;
};

const { namespace, threshold, metricName, cpuSource, agentPort } = nodeSettings;
const { prometheusUrl, prometheusQuery, prometheusTimeQuery } = nodeSettings;

const template = {
  namespace: { ...namespace, parse: name, help: "where everything lives" },
  analyzerRepo: {
    flag: "analyzer-repo-base",
    env: "ANALYZER_REPO_BASE",
    value: "REPOSITORY",
    parse: repository,
    default: "evenkeel",
    help: "the analyser's image is REPOSITORY/analyzer:TAG",
  },
  scalerRepo: {
    flag: "scaler-image-repo",
    env: "SCALER_IMAGE_REPO",
    value: "REPOSITORY",
    parse: repository,
    default: "evenkeel/scaler",
    help: "the scaler's and the controller's image is REPOSITORY:TAG",
  },
  tag: {
    flag: "tag",
    env: "IMAGE_TAG",
    value: "TAG",
    parse: is.text,
    default: packageJson.version,
    help: "tag of both images",
  },
  kedaNamespace: {
    flag: "keda-namespace",
    env: "KEDA_NAMESPACE",
    value: "NAME",
    parse: name,
    default: "keda",
    help: "where KEDA runs: nobody else may ask the scaler",
  },
  jobs: {
    flag: "jobs",
    env: "EVENKEEL_POSTURE_JOBS",
    value: "COUNT",
    parse: is.integer(1, 100),
    default: "10",
    help: "analysers: posture-analyzer-job-0 and so on",
  },
  threshold,
  metricName,
  cpuSource,
  agentPort,
  prometheusUrl,
  prometheusQuery,
  prometheusTimeQuery,
  work: {
    flag: "work",
    env: "EVENKEEL_POSTURE_WORK",
    value: "WAY",
    parse: is.choice("jetstream", "capacity"),
    default: "jetstream",
    help: "jetstream: as many jobs as images wait in NATS; capacity: one for every free node, images or not",
  },
  broker: {
    flag: "mqtt-broker",
    env: "MQTT_BROKER",
    value: "HOST",
    parse: optionalBroker,
    default: "",
    help: "the broker, as pods reach it: HOST, HOST:PORT, or mqtts://HOST:PORT; empty: nats.NAMESPACE.svc.cluster.local",
  },
  brokerPort: MQTT_SETTINGS.port,
  brokerTls: MQTT_SETTINGS.tls,
  brokerTlsSecret: {
    flag: "mqtt-tls-secret",
    env: "MQTT_TLS_SECRET",
    value: "NAME",
    parse: optionalName,
    default: "",
    help: "Secret whose ca.crt signs the broker's certificate; empty: one of the system's authorities does. Means TLS",
  },
  brokerClientCert: {
    flag: "mqtt-client-cert",
    env: "MQTT_CLIENT_CERT",
    parse: is.flag,
    help: "that Secret holds tls.crt and tls.key too, our own certificate for a broker that wants one",
  },
  natsUrl: {
    flag: "nats-monitor-url",
    env: "NATS_MONITOR_URL",
    value: "URL",
    parse: is.anyText,
    default: "",
    help: "the broker's monitoring address; empty: http://HOST:8222",
  },
  topic: {
    flag: "mqtt-topic",
    env: "MQTT_TOPIC",
    value: "TOPIC",
    parse: topic,
    default: "images/{n}/#",
    help: "what analyser {n} subscribes to",
  },
  workers: {
    flag: "num-workers",
    env: "NUM_WORKERS",
    value: "COUNT",
    parse: is.integer(1, 64),
    default: "1",
    help: "images that one analyser works on at once",
  },
  outputClaim: {
    flag: "output-claim",
    env: "OUTPUT_CLAIM",
    value: "NAME",
    parse: optionalName,
    default: "",
    help: "a PersistentVolumeClaim (ReadWriteMany) for results; empty: they go with the pod",
  },
  database: {
    flag: "db-enabled",
    env: "DB_ENABLED",
    parse: is.flag,
    help: "results also go to PostgreSQL; DB_HOST, DB_NAME, DB_USER, DB_PORT and DB_SSLMODE are taken from the environment",
  },
  databaseTlsSecret: {
    flag: "db-tls-secret",
    env: "DB_TLS_SECRET",
    value: "NAME",
    parse: optionalName,
    default: "",
    help: "Secret whose ca.crt signs the database's certificate; DB_SSLMODE is then verify-full unless it is set",
  },
  secret: {
    flag: "secret",
    env: "POSTURE_SECRET",
    value: "NAME",
    parse: name,
    default: "posture-secrets",
    help: "Secret with MQTT_USERNAME, MQTT_PASSWORD, DB_PASSWORD and PROM_TOKEN, each as needed; apply makes it from the environment",
  },
  tlsSecret: {
    flag: "tls-secret",
    env: "TLS_SECRET",
    value: "NAME",
    parse: optionalName,
    default: "",
    help: "Secret with ca.crt, tls.crt and tls.key (the scaler's), client.crt and client.key (KEDA's): mTLS between them",
  },
} as const;

export type TemplateSettings = Values<typeof template>;

const buildSettings = {
  ...template,
  output: {
    flag: "output",
    short: "o",
    env: "EVENKEEL_POSTURE_OUTPUT",
    value: "FOLDER",
    parse: is.text,
    default: "posture-manifests",
    help: "where the manifests are written",
  },
  images: {
    flag: "images",
    env: "EVENKEEL_POSTURE_IMAGES",
    value: "WAY",
    parse: is.choice("load", "push", "skip"),
    default: "load",
    help: "load: build for this machine's Docker; push: for amd64 and arm64, into the registry; skip: manifests only",
  },
} as const;

export const BUILD: Command<typeof buildSettings> = {
  name: "evenkeel posture build",
  summary: "Builds the images, and writes scaledjob.yaml, scaledjobs-all.yaml and what they need.",
  settings: buildSettings,
  examples: [
    "evenkeel posture build --images skip",
    "NAMESPACE=posture ANALYZER_REPO_BASE=registry.example.com/me SCALER_IMAGE_REPO=registry.example.com/me/scaler evenkeel posture build --images push",
  ],
};
export type BuildSettings = Values<typeof buildSettings>;

const applySettings = { ...kubeSettings, ...template } as const;

export const APPLY: Command<typeof applySettings> = {
  name: "evenkeel posture apply",
  summary: "Puts the controller, the scaler and the ScaledJobs into a cluster that has KEDA.",
  settings: applySettings,
  examples: ["evenkeel posture apply", "DB_ENABLED=true DB_HOST=db DB_PASSWORD=… evenkeel posture apply"],
};
export type ApplySettings = Values<typeof applySettings>;

const placeSettings = { ...kubeSettings, namespace: template.namespace } as const;

export const STOP: Command<typeof placeSettings> = {
  name: "evenkeel posture stop",
  summary: "Removes everything that apply and the controller made, and nothing else.",
  settings: placeSettings,
};
export const STATUS: Command<typeof placeSettings> = {
  name: "evenkeel posture status",
  summary: "Shows the ScaledJobs, the nodes, and why each job does or does not start.",
  settings: placeSettings,
};
export type PlaceSettings = Values<typeof placeSettings>;
