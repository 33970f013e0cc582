import { EvenkeelError } from "../../common/errors.ts";
import { kubeSettings } from "../../common/kubernetes/config.ts";
import { LOG_LEVELS } from "../../common/log.ts";
import { type Command, is, type Parser, type Values } from "../../common/settings.ts";
import { type BrokerName, brokerName } from "../../workloads/analyzer/broker-address.ts";
import { MQTT_SETTINGS } from "../../workloads/analyzer/mqtt-settings.ts";
import { NODE_QUERY, NODE_TIME_QUERY } from "./sources/prometheus.ts";

const share: Parser<number> = (text) => {
  const value = Number(text);
  if (text.trim() === "" || !(value > 0 && value <= 1))
    throw new Error("is not a share above 0 and up to 1, e.g. 0.70");
  return value;
};

const metricName: Parser<string> = (text) => {
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(text)) throw new Error("is not a metric's name (letters, digits, _ and :)");
  return text;
};

const optionalBroker: Parser<BrokerName | undefined> = (text) => (text === "" ? undefined : brokerName(text));

const portOrNone: Parser<number | undefined> = (text) => (text === "none" ? undefined : is.port()(text));

/** Where the figures of nodes come from: the scaler's settings, and the controller's. */
export const nodeSettings = {
  ...kubeSettings,
  namespace: {
    flag: "namespace",
    env: "NAMESPACE",
    value: "NAMESPACE",
    parse: is.text,
    default: "posture",
    help: "where the analysers' pods are",
  },
  threshold: {
    flag: "cpu-threshold",
    env: "CPU_THRESHOLD",
    value: "SHARE",
    parse: share,
    default: "0.70",
    help: "a node whose CPU over the last 30 s is at this share of all its cores or above is busy",
  },
  metricName: {
    flag: "metric-name",
    env: "METRIC_NAME",
    value: "NAME",
    parse: metricName,
    default: "available_node_count_30s",
    help: "name of the metric of triggers and of the gauge at /metrics",
  },
  cpuSource: {
    flag: "cpu-source",
    env: "EVENKEEL_POSTURE_CPU",
    value: "SOURCE",
    parse: is.choice("auto", "agent", "kubelet", "metrics-api", "prometheus"),
    default: "auto",
    help: "where nodes' CPU figures come from; auto: agents on the nodes, and Prometheus if PROM_URL is set, else the metrics API",
  },
  agentPort: {
    flag: "agent-port",
    env: "EVENKEEL_POSTURE_AGENT_PORT",
    value: "PORT",
    parse: portOrNone,
    default: "none",
    help: "port of `evenkeel agent --scope machine` on every eligible node; none: only on those with the annotation evenkeel.io/agent-port",
  },
  prometheusUrl: {
    flag: "prometheus-url",
    env: "PROM_URL",
    value: "URL",
    parse: is.optionalUrl,
    default: "",
    help: "a Prometheus with the node exporter's figures, e.g. http://prometheus.monitoring:9090",
  },
  prometheusQuery: {
    flag: "prometheus-query",
    env: "EVENKEEL_POSTURE_QUERY",
    value: "PROMQL",
    parse: is.text,
    default: NODE_QUERY,
    help: "used share of each node's CPU, by the label instance, node or nodename",
  },
  prometheusTimeQuery: {
    flag: "prometheus-time-query",
    env: "EVENKEEL_POSTURE_TIME_QUERY",
    value: "PROMQL",
    parse: is.anyText,
    default: NODE_TIME_QUERY,
    help: "when each was measured, in seconds since the epoch, by the same label",
  },
  refresh: {
    flag: "refresh",
    env: "EVENKEEL_POSTURE_REFRESH",
    value: "TIME",
    parse: is.duration(100, 30_000),
    default: "5s",
    help: "how often CPU figures are read that do not come by themselves",
  },
  maxAge: {
    flag: "max-age",
    env: "EVENKEEL_POSTURE_MAX_AGE",
    value: "TIME",
    parse: is.duration(1000, 600_000),
    default: "60s",
    help: "an older CPU figure is none, and a cluster that was not heard of for longer is not known",
  },
  httpHost: {
    flag: "http-host",
    env: "EVENKEEL_HTTP_HOST",
    value: "ADDRESS",
    parse: is.text,
    default: "0.0.0.0",
    help: "where /metrics, /healthz, /readyz and /nodes listen",
  },
  httpPort: {
    flag: "http-port",
    env: "EVENKEEL_HTTP_PORT",
    value: "PORT",
    parse: is.port({ zero: true }),
    default: "8081",
    help: "their port; 0: a free one",
  },
  logLevel: {
    flag: "log-level",
    env: "EVENKEEL_LOG_LEVEL",
    value: "LEVEL",
    parse: is.choice(...LOG_LEVELS),
    default: "info",
    help: LOG_LEVELS.join(", "),
  },
} as const;

export type NodeSettings = Values<typeof nodeSettings>;

/** @throws EvenkeelError EK_SETTING_INVALID when Prometheus is chosen and none is named */
export function requirePrometheusUrl({
  cpuSource,
  prometheusUrl,
}: Pick<NodeSettings, "cpuSource" | "prometheusUrl">): void {
  if (cpuSource === "prometheus" && prometheusUrl === "")
    throw new EvenkeelError("EK_SETTING_INVALID", "the CPU source is prometheus, and no Prometheus is named", {
      where: "PROM_URL",
      next: "give --prometheus-url (PROM_URL), e.g. http://prometheus.monitoring:9090, or another --cpu-source",
    });
}

const settings = {
  ...nodeSettings,
  controllerUrl: {
    flag: "controller-url",
    env: "CONTROLLER_URL",
    value: "URL",
    parse: is.optionalUrl,
    default: "",
    help: "a posture controller that tells of the nodes (GET /nodes); the scaler then needs no access to the cluster. Empty: the scaler looks itself",
  },
  host: {
    flag: "host",
    env: "EVENKEEL_SCALER_HOST",
    value: "ADDRESS",
    parse: is.text,
    default: "0.0.0.0",
    help: "where KEDA is served",
  },
  listenPort: {
    flag: "listen-port",
    env: "LISTEN_PORT",
    value: "PORT",
    parse: is.port({ zero: true }),
    default: "8080",
    help: "its port (gRPC); 0: a free one",
  },
  work: {
    flag: "work",
    env: "EVENKEEL_POSTURE_WORK",
    value: "WAY",
    parse: is.choice("jetstream", "capacity"),
    default: "jetstream",
    help: "jetstream: as many jobs as images wait in NATS; capacity: one for every free node, images or not",
  },
  natsUrl: {
    flag: "nats-monitor-url",
    env: "NATS_MONITOR_URL",
    value: "URL",
    parse: is.optionalUrl,
    default: "",
    help: "monitoring address of the NATS server, e.g. http://nats:8222; needed with --work jetstream",
  },
  natsAccount: {
    flag: "nats-account",
    env: "NATS_ACCOUNT",
    value: "NAME",
    parse: is.anyText,
    default: "",
    help: "the NATS account of the MQTT clients; empty: all accounts",
  },
  // Where sessions are made that the broker does not have yet: the analysers' own names, all optional here.
  ...MQTT_SETTINGS,
  broker: {
    ...MQTT_SETTINGS.broker,
    parse: optionalBroker,
    default: "",
    help: "where sessions are made that the broker does not have yet: HOST, HOST:PORT, or mqtts://HOST:PORT; empty: nowhere",
  },
  deadline: {
    flag: "deadline",
    env: "EVENKEEL_SCALER_DEADLINE",
    value: "TIME",
    parse: is.duration(50, 60_000),
    default: "2s",
    help: "for every look-up that KEDA waits for; KEDA itself gives up after 3s",
  },
  push: {
    flag: "push-interval",
    env: "EVENKEEL_SCALER_PUSH",
    value: "TIME",
    parse: is.duration(50, 60_000),
    default: "2s",
    help: "how often the state of push triggers (external-push) is looked at",
  },
  tlsCert: {
    flag: "tls-cert",
    env: "TLS_CERT_FILE",
    value: "FILE",
    parse: is.anyText,
    default: "",
    help: "certificate chain (PEM), with --tls-key; without it KEDA is served in plain text",
  },
  tlsKey: {
    flag: "tls-key",
    env: "TLS_KEY_FILE",
    value: "FILE",
    parse: is.anyText,
    default: "",
    help: "private key (PEM) of --tls-cert",
  },
  tlsClientCa: {
    flag: "tls-client-ca",
    env: "TLS_CLIENT_CA_FILE",
    value: "FILE",
    parse: is.anyText,
    default: "",
    help: "certificates (PEM) that sign KEDA's: with it every client must show one (mTLS)",
  },
} as const;

export const SCALER: Command<typeof settings> = {
  name: "evenkeel scaler",
  summary: "KEDA's external scaler: releases a posture job when an image waits for it and a node has CPU to spare.",
  settings,
  examples: [
    "evenkeel scaler --nats-monitor-url http://nats.posture:8222 --mqtt-broker nats.posture",
    "CONTROLLER_URL=http://posture-controller.posture:8081 NATS_MONITOR_URL=http://nats.posture:8222 evenkeel scaler",
    "evenkeel scaler --work capacity",
  ],
};

export type ScalerSettings = Values<typeof settings>;
