import { type Command, is, type Values } from "../../common/settings.ts";
import { SCOPES } from "./scope.ts";

/** A number of cores: `2`, `0.5` or, as Kubernetes writes it, `500m`. */
function cores(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(m?)$/.exec(text);
  const value = Number(match?.[1]) / (match?.[2] === "m" ? 1000 : 1);
  if (!(value > 0 && value <= 4096)) throw new Error("is not a number of cores above 0, such as 2, 0.5 or 500m");
  return value;
}

const auto =
  <T>(parse: (text: string) => T) =>
  (text: string): T | undefined =>
    text === "auto" ? undefined : parse(text);

const optional =
  <T>(parse: (text: string) => T) =>
  (text: string): T | undefined =>
    text === "" ? undefined : parse(text);

const settings = {
  orcaPort: {
    flag: "orca-port",
    env: "EVENKEEL_ORCA_PORT",
    parse: is.port({ zero: true }),
    default: "9091",
    help: "port of the ORCA and gRPC health services; 0 takes a free one and logs it",
    value: "PORT",
  },
  host: {
    flag: "host",
    env: "EVENKEEL_AGENT_HOST",
    parse: is.text,
    default: "0.0.0.0",
    help: "address to listen on",
    value: "ADDRESS",
  },
  scope: {
    flag: "scope",
    env: "EVENKEEL_AGENT_SCOPE",
    parse: is.choice(...SCOPES),
    default: "auto",
    help: `what to measure: ${SCOPES.join(", ")}; the log gives the reason of auto's choice`,
    value: "SCOPE",
  },
  pid: {
    flag: "pid",
    env: "EVENKEEL_AGENT_PID",
    parse: optional(is.integer(1, 2 ** 31 - 1)),
    default: "",
    help: "measure this process and all below it (scope tree)",
    value: "PID",
  },
  cgroup: {
    flag: "cgroup",
    env: "EVENKEEL_AGENT_CGROUP",
    parse: optional(is.text),
    default: "",
    help: "measure this cgroup: a folder, or a path as /proc/PID/cgroup shows it (scope cgroup; default the agent's own)",
    value: "PATH",
  },
  cpus: {
    flag: "cpus",
    env: "EVENKEEL_AGENT_CPUS",
    parse: auto(cores),
    default: "auto",
    help: "cores that count as all: 2, 0.5, 500m; auto takes the quota, else the cores of the cpuset",
    value: "CORES",
  },
  interval: {
    flag: "interval",
    env: "EVENKEEL_AGENT_INTERVAL",
    parse: is.duration(50, 10_000),
    default: "100ms",
    help: "time between two measurements; a client may ask for reports as often as each 50ms",
    value: "TIME",
  },
  whenGone: {
    flag: "when-gone",
    env: "EVENKEEL_AGENT_WHEN_GONE",
    parse: is.choice("exit", "stay"),
    default: "exit",
    help: "what to do when the process of --pid or the cgroup has ended: exit with an error, or stay and answer UNAVAILABLE",
    value: "exit|stay",
  },
  healthPort: {
    flag: "health-port",
    env: "EVENKEEL_AGENT_HEALTH_PORT",
    parse: optional(is.port({ zero: true })),
    default: "",
    help: "port of GET /health and /metrics over HTTP; none unless given",
    value: "PORT",
  },
  tlsCert: {
    flag: "tls-cert",
    env: "EVENKEEL_AGENT_TLS_CERT",
    parse: optional(is.text),
    default: "",
    help: "certificate chain (PEM) of the ORCA port, with --tls-key; without it the port speaks plain text",
    value: "FILE",
  },
  tlsKey: {
    flag: "tls-key",
    env: "EVENKEEL_AGENT_TLS_KEY",
    parse: optional(is.text),
    default: "",
    help: "private key (PEM) of --tls-cert",
    value: "FILE",
  },
  tlsCa: {
    flag: "tls-ca",
    env: "EVENKEEL_AGENT_TLS_CA",
    parse: optional(is.text),
    default: "",
    help: "certificates (PEM) of who may ask: with it every client must show one",
    value: "FILE",
  },
};

export const AGENT: Command<typeof settings> = {
  name: "evenkeel agent",
  summary:
    "Tells how busy a pod, a process tree or a machine is, 10 times a second, over ORCA (gRPC, xds.service.orca.v3.OpenRcaService).\n" +
    "CPU counts as wanted: used, plus waited for, over what it may use. It measures only while somebody listens.",
  settings,
  examples: [
    "evenkeel agent --pid 4711 --cpus 1",
    "evenkeel agent --cpus 500m            (sidecar in a pod with shareProcessNamespace: true)",
    "evenkeel agent --cgroup /sys/fs/cgroup/kubepods.slice/kubepods-pod1.slice",
  ],
};

export type AgentSettings = Values<typeof settings>;
