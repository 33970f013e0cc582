import { Listeners } from "../../common/listeners.ts";
import { RequestHistory } from "./request-history.ts";
import type { SignalListener, SignalSink, SignalView } from "./signal.ts";
import { CPU_SOURCES, type CpuSample, type CpuSignal, type CpuSource, type LoadSample, type Signal } from "./signal.ts";
import { addSlowFigure } from "./slow-figures.ts";
import { smooth } from "./smoothing.ts";

/** An agent tells ten times a second: silent for this long, it yields to whichever source spoke last. In ms. */
export const AGENT_FRESH_MS = 2000;

/** What the table says of itself, for metrics. */
export interface SignalStatistics {
  readonly endpoints: number;
  /** Endpoints whose CPU comes from each source just now. */
  readonly bySource: Readonly<Record<CpuSource, number>>;
  /** Age of the oldest CPU figure in use, in ms; 0 without any. */
  readonly oldestMs: number;
  /** Samples refused since the start, because no sane source says such a thing. */
  readonly refused: number;
}

interface Entry {
  readonly cpu: Map<CpuSource, CpuSignal>;
  load: LoadSample | undefined;
  /** Kept while a slow source tells the CPU: an agent's figure is compared with the last load alone. */
  requests: RequestHistory | undefined;
}

/**
 * All signals by endpoint: sources write, the weights read. Figures are checked once, here; an agent's CPU is smoothed,
 * of every other source the last figures are kept. A reader gets the agent's figure while it is fresh, else the freshest of any source.
 */
export class SignalTable implements SignalSink, SignalView {
  readonly #entries = new Map<string, Entry>();
  readonly #listeners = new Listeners<Parameters<SignalListener>>();
  readonly #nowMs: () => number;
  /** Undefined: no fleet is known yet. */
  #retained: ReadonlySet<string> | undefined;
  #refused = 0;

  /** @param nowMs the monotonic clock of all signals, in ms */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  get(endpointKey: string): Signal | undefined {
    const entry = this.#entries.get(endpointKey);
    if (entry === undefined) return undefined;
    const cpu = best(entry.cpu, this.#nowMs());
    return { ...(cpu === undefined ? {} : { cpu }), ...(entry.load === undefined ? {} : { load: entry.load }) };
  }

  recordCpu(endpointKey: string, sample: CpuSample): void {
    if (
      !isCount(sample.utilisation) ||
      !Number.isFinite(sample.atMs) ||
      !isCount(sample.overMs) ||
      sample.overMs === 0
    ) {
      this.#refused += 1;
      return;
    }
    const entry = this.#entry(endpointKey);
    if (entry === undefined) return;
    const previous = entry.cpu.get(sample.source);
    const atMs = Math.min(sample.atMs, this.#nowMs());
    // Late and doubled figures say nothing new.
    if (previous !== undefined && atMs <= previous.atMs) return;
    // A pod may burst above its request, and two clocks never agree: a little more than all is all.
    const utilisation = Math.min(1, sample.utilisation);
    const checked = { source: sample.source, utilisation, atMs, overMs: sample.overMs };
    const signal = sample.source === "agent" ? smooth(previous, checked) : this.#addSlow(entry, previous, checked);
    entry.cpu.set(sample.source, signal);
    this.#tell(endpointKey, Math.abs(utilisation - (previous?.latest ?? utilisation)));
  }

  recordLoad(endpointKey: string, sample: LoadSample): void {
    const { inFlight, requestsPerSecond, errorsPerSecond, atMs } = sample;
    if (![inFlight, requestsPerSecond, errorsPerSecond].every(isCount) || !Number.isFinite(atMs)) {
      this.#refused += 1;
      return;
    }
    const entry = this.#entry(endpointKey);
    if (entry === undefined) return;
    entry.load = sample;
    entry.requests?.note(requestsPerSecond, atMs);
    this.#tell(endpointKey, 0);
  }

  /** Forgets every endpoint that is not among these, and passes over what is told of others from now on. */
  retain(endpointKeys: ReadonlySet<string>): void {
    this.#retained = endpointKeys;
    for (const key of this.#entries.keys()) if (!endpointKeys.has(key)) this.#entries.delete(key);
  }

  /** Calls back for each accepted sample. Returns the end of the subscription. */
  subscribe(listener: SignalListener): () => void {
    return this.#listeners.subscribe(listener);
  }

  statistics(): SignalStatistics {
    const nowMs = this.#nowMs();
    const bySource = Object.fromEntries(CPU_SOURCES.map((source) => [source, 0])) as Record<CpuSource, number>;
    let oldestMs = 0;
    for (const entry of this.#entries.values()) {
      const cpu = best(entry.cpu, nowMs);
      if (cpu === undefined) continue;
      bySource[cpu.source] += 1;
      oldestMs = Math.max(oldestMs, nowMs - cpu.atMs);
    }
    return { endpoints: this.#entries.size, bySource, oldestMs, refused: this.#refused };
  }

  #addSlow(entry: Entry, previous: CpuSignal | undefined, sample: CpuSample): CpuSignal {
    // Where an agent tells, nobody asks for the requests of the past: fleets of agents do without their memory.
    if (best(entry.cpu, this.#nowMs())?.source === "agent") entry.requests = undefined;
    else entry.requests ??= new RequestHistory();
    return addSlowFigure(previous, sample, entry.requests?.mean(sample.atMs - sample.overMs, sample.atMs));
  }

  /** Undefined: the fleet does not have this endpoint. */
  #entry(endpointKey: string): Entry | undefined {
    let entry = this.#entries.get(endpointKey);
    if (entry === undefined && this.#retained?.has(endpointKey) !== false) {
      entry = { cpu: new Map(), load: undefined, requests: undefined };
      this.#entries.set(endpointKey, entry);
    }
    return entry;
  }

  #tell(endpointKey: string, cpuChange: number): void {
    this.#listeners.tell(endpointKey, cpuChange);
  }
}

function best(samples: ReadonlyMap<CpuSource, CpuSignal>, nowMs: number): CpuSignal | undefined {
  const agent = samples.get("agent");
  if (agent !== undefined && nowMs - agent.atMs <= AGENT_FRESH_MS) return agent;
  let freshest: CpuSignal | undefined;
  for (const sample of samples.values()) if (freshest === undefined || sample.atMs > freshest.atMs) freshest = sample;
  return freshest;
}

/** A finite number, 0 or more. */
function isCount(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}
