import type { EndpointLoadReport, LoadReportSink } from "./load-report.ts";
import type { SignalSink } from "./signal.ts";

/** A client's figures count for so many of its intervals without a new one, and no less than the time below. */
const INTERVALS_KEPT = 3;
const LEAST_KEPT_MS = 5000;
/** How often silent figures are looked for, in ms. */
const SWEEP_MS = 1000;

/** What one client told of one endpoint of one cluster. */
interface Share {
  readonly cluster: string;
  readonly endpointKey: string;
  readonly inFlight: number;
  readonly requestsPerSecond: number;
  readonly errorsPerSecond: number;
  readonly untilMs: number;
}

/**
 * Sums the load reports of all Envoys into one rate for each endpoint. Envoy leaves out what had no traffic, so an
 * endpoint that is missing from a client's next report on its cluster has none from that client.
 */
export class LoadReports implements LoadReportSink {
  readonly #sink: SignalSink;
  readonly #nowMs: () => number;
  /** By client, then by cluster and endpoint. */
  readonly #clients = new Map<string, Map<string, Share>>();
  /** By endpoint, then the same shares by client, cluster and endpoint. */
  readonly #endpoints = new Map<string, Map<string, Share>>();
  #sweptMs = Number.NEGATIVE_INFINITY;

  constructor(sink: SignalSink, nowMs: () => number = () => performance.now()) {
    this.#sink = sink;
    this.#nowMs = nowMs;
  }

  record(reports: readonly EndpointLoadReport[]): void {
    const nowMs = this.#nowMs();
    const touched = new Set<string>();
    const told = new Map<string, Set<string>>();
    for (const report of reports) {
      if (!(report.intervalMs > 0)) continue;
      const clusters = told.get(report.client) ?? new Set();
      told.set(report.client, clusters.add(report.cluster));
    }
    for (const [client, clusters] of told) this.#drop(client, touched, (share) => clusters.has(share.cluster));
    for (const report of reports) if (report.intervalMs > 0) this.#add(report, nowMs, touched);
    this.#sweep(nowMs, touched);
    this.#tell(touched, nowMs);
  }

  clientGone(client: string): void {
    const touched = new Set<string>();
    this.#drop(client, touched, () => true);
    this.#tell(touched, this.#nowMs());
  }

  #add(report: EndpointLoadReport, nowMs: number, touched: Set<string>): void {
    const { client, cluster, endpointKey, intervalMs } = report;
    const share: Share = {
      cluster,
      endpointKey,
      inFlight: report.inFlight,
      requestsPerSecond: (report.requests * 1000) / intervalMs,
      errorsPerSecond: (report.errors * 1000) / intervalMs,
      untilMs: nowMs + Math.max(LEAST_KEPT_MS, INTERVALS_KEPT * intervalMs),
    };
    const id = `${cluster}\n${endpointKey}`;
    inner(this.#clients, client).set(id, share);
    inner(this.#endpoints, endpointKey).set(`${client}\n${id}`, share);
    touched.add(endpointKey);
  }

  #drop(client: string, touched: Set<string>, isOver: (share: Share) => boolean): void {
    const shares = this.#clients.get(client);
    if (shares === undefined) return;
    for (const [id, share] of shares) {
      if (!isOver(share)) continue;
      shares.delete(id);
      const ofEndpoint = this.#endpoints.get(share.endpointKey);
      ofEndpoint?.delete(`${client}\n${id}`);
      if (ofEndpoint?.size === 0) this.#endpoints.delete(share.endpointKey);
      touched.add(share.endpointKey);
    }
    if (shares.size === 0) this.#clients.delete(client);
  }

  #sweep(nowMs: number, touched: Set<string>): void {
    if (nowMs - this.#sweptMs < SWEEP_MS) return;
    this.#sweptMs = nowMs;
    for (const client of [...this.#clients.keys()]) this.#drop(client, touched, (share) => share.untilMs < nowMs);
  }

  #tell(endpointKeys: ReadonlySet<string>, atMs: number): void {
    for (const key of endpointKeys) {
      const sum = { inFlight: 0, requestsPerSecond: 0, errorsPerSecond: 0, atMs };
      for (const share of this.#endpoints.get(key)?.values() ?? []) {
        sum.inFlight += share.inFlight;
        sum.requestsPerSecond += share.requestsPerSecond;
        sum.errorsPerSecond += share.errorsPerSecond;
      }
      this.#sink.recordLoad(key, sum);
    }
  }
}

function inner<T>(outer: Map<string, Map<string, T>>, key: string): Map<string, T> {
  let found = outer.get(key);
  if (found === undefined) {
    found = new Map();
    outer.set(key, found);
  }
  return found;
}
