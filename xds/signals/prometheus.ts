import { EvenkeelError } from "../../common/errors.ts";
import type { Fleet } from "../fleet/fleet.ts";
import type { PodRecorder } from "./kubernetes/recorder.ts";
import { readingStatus, type SourceStatus } from "./kubernetes/source-status.ts";

/** What the query's values are. */
export type PrometheusUnit =
  /** Cores in use: divided by what the pod may use. */
  | "cores"
  /** A share from 0 to 1 already. */
  | "utilisation";

export interface PrometheusOptions {
  /** Of the server, e.g. `http://prometheus.monitoring:9090`; a path in it stays. */
  readonly url: string;
  /** Its answer has the labels `namespace` and `pod`, or `instance` (an endpoint's `ADDRESS:PORT`, or its address). */
  readonly query: string;
  readonly unit: PrometheusUnit;
  /** How old the query's figures are when it is answered: half its window and the scrape interval, in ms. */
  readonly ageMs: number;
  readonly bearerToken?: string;
}

/** Cores by pod, over the last minute, as cAdvisor counts them. */
export const PROMETHEUS_QUERY =
  'sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{container!="",pod!=""}[1m]))';

/**
 * The least time that a figure counts as a mean over, in ms: Prometheus scrapes each 15 s by its examples. A query does not
 * say its window. Of the usual four scrapes it is a little more than the stated age, half a window and a scrape.
 */
const LEAST_OVER_MS = 15_000;

/** For one answer, in ms. */
const TIMEOUT_MS = 10_000;

/** One element of an instant vector. */
export interface PrometheusSeries {
  readonly metric: Readonly<Record<string, string>>;
  /** Seconds since the epoch, and the value as a text. */
  readonly value: readonly [number, string];
}

/** Asks Prometheus once. @throws EvenkeelError EK_PROMETHEUS_FAILED */
export async function readPrometheus(
  options: PrometheusOptions,
  fleet: () => Fleet | undefined,
  recorder: PodRecorder,
  signal: AbortSignal,
): Promise<SourceStatus> {
  const pods = recorder.pods();
  const instances = instancesOf(fleet());
  if (instances.size === 0)
    return { source: "prometheus", state: "idle", detail: "the fleet has no endpoints", next: "" };
  let known = 0;
  for (const { metric, value } of await queryPrometheus(options, signal)) {
    const figure = Number(value[1]);
    // An answer carries the time of the question, not of what was measured.
    const measured = { wallMs: value[0] * 1000 - options.ageMs, overMs: Math.max(LEAST_OVER_MS, options.ageMs) };
    const pod = pods.get(`${metric.namespace}/${metric.pod}`);
    const endpointKeys = pod?.endpointKeys ?? instances.get(metric.instance ?? "");
    if (endpointKeys === undefined) continue;
    known += 1;
    if (options.unit === "utilisation") recorder.recordUtilisation(endpointKeys, figure, measured);
    else if (pod !== undefined) recorder.recordCores(pod, figure, measured);
    else for (const each of podsAt(endpointKeys, pods)) recorder.recordCores(each, figure, measured);
  }
  return readingStatus("prometheus", `${known} series of the fleet`, known, recorder.take());
}

/** Asks for an instant vector, now. @throws EvenkeelError EK_PROMETHEUS_FAILED */
export async function queryPrometheus(
  { url, query: text, bearerToken }: Pick<PrometheusOptions, "url" | "query" | "bearerToken">,
  signal: AbortSignal,
): Promise<readonly PrometheusSeries[]> {
  const target = new URL(`${url.replace(/\/+$/, "")}/api/v1/query`);
  target.searchParams.set("query", text);
  let body: string;
  let code: number;
  try {
    const response = await fetch(target, {
      headers: bearerToken === undefined ? {} : { authorization: `Bearer ${bearerToken}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    code = response.status;
    body = await response.text();
  } catch (cause) {
    const reason = (cause as Error).cause ?? cause;
    throw failed(`it cannot be reached: ${(reason as Error).message || String(reason)}`, url, cause);
  }
  const answer = parse(body);
  if (code !== 200 || answer?.status !== "success") throw failed(answer?.error ?? `it answered HTTP ${code}`, url);
  if (answer.data?.resultType !== "vector" || !Array.isArray(answer.data.result))
    throw failed(`the query gives a ${answer.data?.resultType ?? "nothing"}, not an instant vector`, url);
  return answer.data.result.filter(isSeries);
}

interface Answer {
  readonly status?: string;
  readonly error?: string;
  readonly data?: { readonly resultType?: string; readonly result?: unknown };
}

function parse(body: string): Answer | undefined {
  try {
    const answer: unknown = JSON.parse(body);
    return typeof answer === "object" && answer !== null ? answer : undefined;
  } catch {
    return undefined;
  }
}

function isSeries(value: unknown): value is PrometheusSeries {
  const { metric, value: pair } = (value ?? {}) as { metric?: unknown; value?: unknown };
  return typeof metric === "object" && metric !== null && Array.isArray(pair) && typeof pair[0] === "number";
}

/** Endpoints by `ADDRESS:PORT` and by address. */
function instancesOf(fleet: Fleet | undefined): ReadonlyMap<string, ReadonlySet<string>> {
  const instances = new Map<string, Set<string>>();
  for (const cluster of fleet?.clusters.values() ?? [])
    for (const { key, address } of cluster.endpoints)
      for (const name of [key, address]) instances.set(name, (instances.get(name) ?? new Set()).add(key));
  return instances;
}

function podsAt(endpointKeys: ReadonlySet<string>, pods: ReturnType<PodRecorder["pods"]>) {
  return [...pods.values()].filter((pod) => [...pod.endpointKeys].some((key) => endpointKeys.has(key)));
}

function failed(what: string, url: string, cause?: unknown): EvenkeelError {
  return new EvenkeelError("EK_PROMETHEUS_FAILED", what, { where: url, cause });
}
