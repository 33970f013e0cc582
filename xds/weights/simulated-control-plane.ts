import { RequestHistory } from "../signals/request-history.ts";
import type { CpuSignal, LoadSample } from "../signals/signal.ts";
import { addSlowFigure } from "../signals/slow-figures.ts";
import { SMOOTHING_MS, smooth } from "../signals/smoothing.ts";
import { PUSH_INTERVAL_MS } from "./cluster-weights.ts";
import { computeWeights } from "./law.ts";
import type { LawState } from "./law-input.ts";
import { type Random, seededRandom } from "./random.ts";
import type { Scenario } from "./scenario.ts";
import type { SimulatedEnvoy } from "./simulated-envoy.ts";
import type { SimulatedWorker } from "./simulated-worker.ts";
import { TUNING } from "./tuning.ts";

/** The agents' interval, in ms. */
export const SAMPLE_MS = 100;

/** Load reports are summed up over so much time, in ms. */
const RATE_MS = 1000;

/** What was measured at one time, on its way to the control plane. */
interface Measurement {
  readonly atMs: number;
  readonly utilisations: readonly number[];
  readonly speeds: readonly number[];
}

/** A figure of one worker by a slow source, on its way. */
interface SlowMeasurement {
  readonly worker: number;
  readonly atMs: number;
  readonly arrivesMs: number;
  readonly utilisation: number;
}

/** Agents, signals, law and pushes, with the dead time between them. */
export class SimulatedControlPlane {
  readonly #scenario: Scenario;
  readonly #workers: readonly SimulatedWorker[];
  readonly #proxies: readonly SimulatedEnvoy[];
  readonly #inFlight: Measurement[] = [];
  readonly #slowInFlight: SlowMeasurement[] = [];
  /** When each worker is measured next by a slow source, in ms. */
  readonly #slowDueMs: number[];
  readonly #requests: readonly RequestHistory[];
  /** Of its own, so that slow sources change nothing else in a scenario. */
  readonly #random: Random;
  readonly #cpu: (CpuSignal | undefined)[];
  readonly #load: (LoadSample | undefined)[];
  #state: LawState | undefined;
  #pushedMs = Number.NEGATIVE_INFINITY;
  #reportedMs = 0;
  /** Of each worker, in the last reports. */
  readonly #arrivals: number[][] = [];
  #pushes = 0;
  #flips = 0;
  #equalMs = 0;
  #lastMs = 0;

  constructor(scenario: Scenario, workers: readonly SimulatedWorker[], proxies: readonly SimulatedEnvoy[]) {
    this.#scenario = scenario;
    this.#workers = workers;
    this.#proxies = proxies;
    this.#cpu = workers.map(() => undefined);
    this.#load = workers.map(() => undefined);
    this.#random = seededRandom(scenario.seed + 1_000_000);
    this.#slowDueMs = workers.map(() => this.#random() * (scenario.slow?.overMs ?? 0));
    this.#requests = workers.map(() => new RequestHistory());
  }

  tick(nowMs: number): void {
    const { policy, deadTimeMs, loadReportMs, silentFromMs = Number.POSITIVE_INFINITY } = this.#scenario;
    if (this.#state === undefined || this.#state.equal) this.#equalMs += nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    if (policy === "none") return;
    if (loadReportMs !== undefined && nowMs - this.#reportedMs >= loadReportMs) this.#reportLoad(nowMs);
    if (this.#scenario.slow !== undefined) this.#tellSlowly(nowMs, silentFromMs);
    else if (nowMs < silentFromMs) this.#inFlight.push(this.#measure(nowMs));
    let newest: Measurement | undefined;
    while ((this.#inFlight[0]?.atMs ?? Number.POSITIVE_INFINITY) <= nowMs - deadTimeMs) {
      newest = this.#inFlight.shift() as Measurement;
      this.#record(newest);
    }
    if (nowMs - this.#pushedMs < (this.#scenario.pushIntervalMs ?? PUSH_INTERVAL_MS)) return;
    const next = policy === "law" ? this.#law(nowMs) : newest && this.#fromSpeeds(newest.speeds);
    if (next === undefined) return;
    this.#pushedMs = nowMs;
    this.#pushes += 1;
    if (next.equal !== (this.#state?.equal ?? true)) this.#flips += 1;
    this.#state = next;
    const weights = this.#workers.map((_, index) => next.weights.get(String(index)) ?? 1);
    for (const proxy of this.#proxies) proxy.update(weights);
  }

  result(durationMs: number) {
    return {
      pushes: this.#pushes,
      flips: this.#flips,
      equalShare: this.#equalMs / durationMs,
      final: this.#state ?? { weights: new Map(), equal: true },
    };
  }

  #measure(nowMs: number): Measurement {
    const windowMs = this.#scenario.sampleMs ?? SAMPLE_MS;
    return {
      atMs: nowMs,
      utilisations: this.#workers.map((worker) => worker.measure(nowMs, windowMs)),
      speeds: this.#workers.map((worker) => worker.rate),
    };
  }

  #record({ atMs, utilisations }: Measurement): void {
    for (const [index, utilisation] of utilisations.entries())
      this.#cpu[index] = smooth(
        this.#cpu[index],
        { source: "agent", utilisation, atMs, overMs: this.#scenario.sampleMs ?? SAMPLE_MS },
        this.#scenario.smoothingMs ?? SMOOTHING_MS,
      );
  }

  #tellSlowly(nowMs: number, silentFromMs: number): void {
    const { slow = { overMs: SAMPLE_MS, lateMs: 0 }, deadTimeMs } = this.#scenario;
    for (const [worker, dueMs] of this.#slowDueMs.entries()) {
      if (dueMs > nowMs) continue;
      this.#slowDueMs[worker] = dueMs + slow.overMs;
      const utilisation = this.#workers[worker]?.measure(nowMs, slow.overMs) ?? 0;
      const arrivesMs = nowMs + deadTimeMs + this.#random() * slow.lateMs;
      if (nowMs < silentFromMs) this.#slowInFlight.push({ worker, atMs: nowMs, arrivesMs, utilisation });
    }
    for (const measurement of [...this.#slowInFlight]) {
      if (measurement.arrivesMs > nowMs) continue;
      this.#slowInFlight.splice(this.#slowInFlight.indexOf(measurement), 1);
      const { worker, atMs, utilisation } = measurement;
      const sample = { source: "metrics-api", utilisation, atMs, overMs: slow.overMs } as const;
      const requestsPerSecond = this.#requests[worker]?.mean(atMs - slow.overMs, atMs);
      const previous = this.#cpu[worker];
      if (previous === undefined || atMs > previous.atMs)
        this.#cpu[worker] = addSlowFigure(previous, sample, requestsPerSecond);
    }
  }

  #reportLoad(nowMs: number): void {
    const intervalMs = nowMs - this.#reportedMs;
    const reports = Math.max(1, Math.round(RATE_MS / intervalMs));
    for (const [index, worker] of this.#workers.entries()) {
      const { inFlight } = worker;
      const arrivals = worker.countArrivals();
      const last = [...(this.#arrivals[index] ?? []), arrivals].slice(-reports);
      this.#arrivals[index] = last;
      const requests = last.reduce((sum, count) => sum + count, 0);
      const requestsPerSecond = (requests * 1000) / (last.length * intervalMs);
      if (this.#scenario.slow !== undefined) this.#requests[index]?.note(requestsPerSecond, nowMs);
      this.#load[index] = {
        inFlight,
        requestsPerSecond,
        errorsPerSecond: 0,
        busyMs: inFlight + arrivals > 0 ? nowMs : (this.#load[index]?.busyMs ?? Number.NEGATIVE_INFINITY),
        atMs: nowMs,
      };
    }
    this.#reportedMs = nowMs;
  }

  #law(nowMs: number): LawState | undefined {
    const endpoints = this.#workers.map((_, index) => {
      const cpu = this.#cpu[index];
      const load = this.#load[index];
      const signal = { ...(cpu === undefined ? {} : { cpu }), ...(load === undefined ? {} : { load }) };
      return { key: String(index), state: "ready" as const, signal };
    });
    const { proxies } = this.#scenario;
    const coverage =
      this.#load[0] === undefined
        ? { reporters: 0, untilMs: Number.NEGATIVE_INFINITY }
        : { reporters: proxies, untilMs: this.#reportedMs };
    const result = computeWeights(
      { endpoints, previous: this.#state, proxies, coverage, nowMs },
      this.#scenario.tuning,
    );
    return result.changed ? result : undefined;
  }

  #fromSpeeds(speeds: readonly number[]): LawState | undefined {
    const exponent = (this.#scenario.tuning ?? TUNING).exponent;
    const weights = new Map(speeds.map((speed, index) => [String(index), Math.round(1000 * speed ** exponent)]));
    const held = this.#state?.weights;
    if (held !== undefined && [...weights].every(([key, weight]) => held.get(key) === weight)) return undefined;
    return { weights, equal: new Set(weights.values()).size === 1 };
  }
}
