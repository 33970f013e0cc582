import { type Command, is, type Values } from "../../common/settings.ts";
import project from "../../package.json" with { type: "json" };
import { countOrCpus, serverSettings } from "../server/settings.ts";

const { host, port, drainTimeout } = serverSettings({
  env: "EVENKEEL_CPU_LOAD",
  port: "8000",
  drainTimeout: "20s",
  accepts: "requests",
});

const settings = {
  host,
  port,
  duration: {
    flag: "duration",
    env: "EVENKEEL_CPU_LOAD_DURATION",
    parse: is.duration(1, 3_600_000),
    default: "5s",
    value: "TIME",
    help: "how long one request to /load burns CPU",
  },
  threads: {
    flag: "threads",
    env: "EVENKEEL_CPU_LOAD_THREADS",
    parse: countOrCpus(256),
    default: "auto",
    value: "N",
    help: "threads that burn; auto: one for each CPU of the limit",
  },
  concurrency: {
    flag: "concurrency",
    env: "EVENKEEL_CPU_LOAD_CONCURRENCY",
    parse: is.integer(1, 10_000),
    default: "40",
    value: "N",
    help: "requests to /load that burn at once; they share the threads",
  },
  queue: {
    flag: "queue",
    env: "EVENKEEL_CPU_LOAD_QUEUE",
    parse: is.integer(0, 100_000),
    default: "100",
    value: "N",
    help: "requests to /load that may wait beyond those that burn; more are refused with 503",
  },
  podName: {
    flag: "pod-name",
    env: "POD_NAME",
    parse: is.anyText,
    default: "unknown",
    value: "NAME",
    help: "the pod_name of /info",
  },
  appVersion: {
    flag: "app-version",
    env: "APP_VERSION",
    parse: is.anyText,
    default: project.version,
    value: "VERSION",
    help: "the app_version of /info",
  },
  drainTimeout,
} as const;

/** The settings of the CPU load app, read. */
export type CpuLoadSettings = Values<typeof settings>;

/** `evenkeel cpu-load`. */
export const CPU_LOAD_COMMAND: Command<typeof settings> = {
  name: "evenkeel cpu-load",
  summary: "An app for autoscalers to watch: each GET /load burns CPU for 5 s.",
  settings,
  examples: ["evenkeel cpu-load --port 8000", "curl http://127.0.0.1:8000/load"],
};
