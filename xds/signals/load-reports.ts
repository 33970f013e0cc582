import { Listeners } from "../../common/listeners.ts";
import type { ClusterLoadReport, EndpointLoad, LoadReportSink } from "./load-report.ts";
import type { SignalSink } from "./signal.ts";

/** Rates are over so much of a client's reports, in ms: a tenth of a second holds too few requests to tell a rate. */
const RATE_MS = 1000;
/** A client's figures count for so many of its intervals without a new one, and no less than the time below. */
const INTERVALS_KEPT = 3;
const LEAST_KEPT_MS = 5000;
/** How often silent clients are looked for, in ms. */
const SWEEP_MS = 1000;
/** Rates are rounded to multiples of this power of two, in 1/s: sums of them are exact, also after some are taken out again. */
const RATE_STEP = 2 ** -20;

/** What is known of who reports on a cluster. */
export interface Coverage {
  /** Clients that report on it, with or without traffic. */
  readonly reporters: number;
  /** All of them have reported up to this time, in ms; minus infinity without any. */
  readonly untilMs: number;
}

/** What one client sends to one endpoint of one cluster. */
interface Traffic {
  requests: number;
  errors: number;
  inFlight: number;
  /** How many of the reports name it. */
  reports: number;
  /** The time of the last report that named it, in ms. */
  busyMs: number;
}

/** What one client told of one cluster in the last {@link RATE_MS}. */
interface Told {
  atMs: number;
  keptUntilMs: number;
  /** Newest last. */
  readonly reports: ClusterLoadReport[];
  /** Sum of their intervals, in ms. */
  spanMs: number;
  /** Their sums by endpoint. */
  readonly traffic: Map<string, Traffic>;
}

/** What all clients send to one endpoint. */
interface Sum {
  requestsPerSecond: number;
  errorsPerSecond: number;
  inFlight: number;
  /** The time of the last report that named it, in ms. */
  busyMs: number;
  /** How many clients it is the sum of, each counted once for each cluster. */
  tellers: number;
}

/**
 * Sums the load reports of all Envoys into one rate for each endpoint. Envoy leaves out what had no traffic, so an
 * endpoint that is missing from a client's next report on its cluster had none from that client.
 */
export class LoadReports implements LoadReportSink {
  readonly #sink: SignalSink;
  readonly #nowMs: () => number;
  /** By cluster, then by client. */
  readonly #clusters = new Map<string, Map<string, Told>>();
  /** The clusters that each client told of. */
  readonly #clients = new Map<string, Set<string>>();
  /** By endpoint. A client's report costs what it names itself, however many other clients there are. */
  readonly #sums = new Map<string, Sum>();
  readonly #listeners = new Listeners<[cluster: string]>();
  #sweptMs = Number.NEGATIVE_INFINITY;

  constructor(sink: SignalSink, nowMs: () => number = () => performance.now()) {
    this.#sink = sink;
    this.#nowMs = nowMs;
  }

  /** Who reports on this cluster just now. */
  coverage(cluster: string): Coverage {
    const nowMs = this.#nowMs();
    let reporters = 0;
    let untilMs = Number.POSITIVE_INFINITY;
    for (const { atMs, keptUntilMs } of this.#clusters.get(cluster)?.values() ?? []) {
      if (keptUntilMs < nowMs) continue;
      reporters += 1;
      untilMs = Math.min(untilMs, atMs);
    }
    return reporters === 0 ? { reporters, untilMs: Number.NEGATIVE_INFINITY } : { reporters, untilMs };
  }

  /** Calls back with the cluster of each report, after it was taken in. Returns the end of the subscription. */
  subscribe(listener: (cluster: string) => void): () => void {
    return this.#listeners.subscribe(listener);
  }

  record(reports: readonly ClusterLoadReport[]): void {
    const nowMs = this.#nowMs();
    const touched = new Set<string>();
    const usable = reports.filter(({ intervalMs }) => intervalMs > 0);
    for (const report of usable) this.#take(report, nowMs, touched);
    if (nowMs - this.#sweptMs >= SWEEP_MS) this.#sweep(nowMs, touched);
    this.#tell(touched, nowMs);
    for (const { cluster } of usable) this.#listeners.tell(cluster);
  }

  clientGone(client: string): void {
    const touched = new Set<string>();
    for (const cluster of this.#clients.get(client) ?? []) this.#drop(client, cluster, touched);
    this.#tell(touched, this.#nowMs());
  }

  #take(report: ClusterLoadReport, nowMs: number, touched: Set<string>): void {
    const told = this.#told(report.client, report.cluster);
    this.#count(told, -1);
    told.atMs = nowMs;
    told.keptUntilMs = nowMs + Math.max(LEAST_KEPT_MS, INTERVALS_KEPT * report.intervalMs);
    // The rate of every endpoint changes with the time that the reports span.
    for (const [key, traffic] of told.traffic) {
      traffic.inFlight = 0;
      touched.add(key);
    }
    for (const load of report.endpoints) {
      this.#add(told, load, nowMs);
      touched.add(load.endpointKey);
    }
    told.reports.push(report);
    told.spanMs += report.intervalMs;
    while (told.spanMs - (told.reports[0] as ClusterLoadReport).intervalMs >= RATE_MS) this.#outdate(told);
    this.#count(told, 1);
  }

  /** Adds a client's figures to the sums, or takes the same figures out of them. */
  #count({ traffic, spanMs }: Told, times: 1 | -1): void {
    for (const [key, own] of traffic) {
      const sum = this.#sums.get(key) ?? newSum();
      sum.requestsPerSecond += times * ratePerSecond(own.requests, spanMs);
      sum.errorsPerSecond += times * ratePerSecond(own.errors, spanMs);
      sum.inFlight += times * own.inFlight;
      sum.busyMs = Math.max(sum.busyMs, own.busyMs);
      sum.tellers += times;
      this.#sums.set(key, sum);
    }
  }

  #add(told: Told, { endpointKey, requests, errors, inFlight }: EndpointLoad, nowMs: number): void {
    const traffic = told.traffic.get(endpointKey) ?? { requests: 0, errors: 0, inFlight: 0, reports: 0, busyMs: nowMs };
    traffic.requests += requests;
    traffic.errors += errors;
    traffic.inFlight = inFlight;
    traffic.reports += 1;
    traffic.busyMs = nowMs;
    told.traffic.set(endpointKey, traffic);
  }

  /** Takes the oldest report out of the sums. */
  #outdate(told: Told): void {
    const oldest = told.reports.shift() as ClusterLoadReport;
    told.spanMs -= oldest.intervalMs;
    for (const { endpointKey, requests, errors } of oldest.endpoints) {
      const traffic = told.traffic.get(endpointKey) as Traffic;
      traffic.requests -= requests;
      traffic.errors -= errors;
      traffic.reports -= 1;
      if (traffic.reports === 0) told.traffic.delete(endpointKey);
    }
  }

  #drop(client: string, cluster: string, touched: Set<string>): void {
    const clients = this.#clusters.get(cluster);
    const told = clients?.get(client);
    if (clients === undefined || told === undefined) return;
    this.#count(told, -1);
    for (const key of told.traffic.keys()) touched.add(key);
    clients.delete(client);
    if (clients.size === 0) this.#clusters.delete(cluster);
    const clusters = this.#clients.get(client);
    clusters?.delete(cluster);
    if (clusters?.size === 0) this.#clients.delete(client);
  }

  #sweep(nowMs: number, touched: Set<string>): void {
    this.#sweptMs = nowMs;
    for (const [cluster, clients] of this.#clusters)
      for (const [client, { keptUntilMs }] of clients) if (keptUntilMs < nowMs) this.#drop(client, cluster, touched);
  }

  #tell(endpointKeys: ReadonlySet<string>, atMs: number): void {
    for (const key of endpointKeys) {
      if (this.#sums.get(key)?.tellers === 0) this.#sums.delete(key);
      const { tellers: _, ...load } = this.#sums.get(key) ?? newSum();
      this.#sink.recordLoad(key, { ...load, atMs });
    }
  }

  #told(client: string, cluster: string): Told {
    const clients = this.#clusters.get(cluster) ?? new Map<string, Told>();
    this.#clusters.set(cluster, clients);
    this.#clients.set(client, (this.#clients.get(client) ?? new Set()).add(cluster));
    let told = clients.get(client);
    if (told === undefined) {
      told = { atMs: 0, keptUntilMs: 0, reports: [], spanMs: 0, traffic: new Map() };
      clients.set(client, told);
    }
    return told;
  }
}

function newSum(): Sum {
  return { requestsPerSecond: 0, errorsPerSecond: 0, inFlight: 0, busyMs: Number.NEGATIVE_INFINITY, tellers: 0 };
}

function ratePerSecond(count: number, spanMs: number): number {
  return Math.round((count * 1000) / spanMs / RATE_STEP) * RATE_STEP;
}
