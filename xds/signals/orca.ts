import { type ChannelCredentials, credentials, Metadata } from "@grpc/grpc-js";
import type { OrcaLoadReport } from "../../proto/generated/xds/data/orca/v3/orca_load_report.ts";
import { OpenRcaServiceClient } from "../../proto/generated/xds/service/orca/v3/orca.ts";
import { endpointKey, type Fleet, type FleetSource } from "../fleet/fleet.ts";
import { duration } from "../resources/duration.ts";
import { retryDelayMs } from "./backoff.ts";
import type { SignalSink } from "./signal.ts";

/** How often agents are asked to tell, in ms: the freshness that the weight law is made for. */
export const REPORT_INTERVAL_MS = 100;
/** An agent that says nothing for so long is called again, in ms: a host that vanished ends no connection. */
const SILENT_MS = 1000;
/** How often silence is looked for, in ms. */
const WATCH_MS = 250;

/**
 * Reports that may arrive each second, over all agents. With more agents than this allows at 10 Hz each is asked less
 * often. Measured (docs/weights.md): a report costs 30 us, so that this takes a sixth of one core.
 */
const MOST_REPORTS_PER_SECOND = 5000;

const CHANNEL_OPTIONS = {
  // Our own backoff decides when to try again; a shared connection would bring another one's into it.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_retries": 0,
  "grpc.service_config_disable_resolution": 1,
  // A proxy from the environment is for the way out, never for pods.
  "grpc.enable_http_proxy": 0,
} as const;

export interface OrcaOptions {
  readonly fleet: FleetSource;
  readonly sink: SignalSink;
  /** The monotonic clock of all signals, in ms. */
  readonly nowMs?: () => number;
  /** How to reach the agents; plaintext unless given. */
  readonly credentials?: ChannelCredentials;
  readonly reportIntervalMs?: number;
  readonly random?: () => number;
}

/** How the agents are, for metrics and the console. */
export interface OrcaStatistics {
  readonly agents: number;
  /** Agents that tell just now. */
  readonly telling: number;
  /** Streams that ended or went silent. */
  readonly failures: number;
}

/**
 * Listens to the CPU agents of the fleet: `xds.service.orca.v3.OpenRcaService/StreamCoreMetrics`, one stream for each
 * distinct agent, whose figure goes to all endpoints that share it. Follows the fleet; returns to an agent that fails,
 * quickly at first.
 */
export class OrcaSignals {
  readonly #options: OrcaOptions;
  readonly #nowMs: () => number;
  readonly #agents = new Map<string, Agent>();
  readonly #unsubscribe: () => void;
  readonly #watch: NodeJS.Timeout;

  constructor(options: OrcaOptions) {
    this.#options = options;
    this.#nowMs = options.nowMs ?? (() => performance.now());
    this.#unsubscribe = options.fleet.subscribe(() => this.#follow());
    this.#watch = setInterval(() => this.#endSilent(), WATCH_MS);
    this.#follow();
  }

  statistics(): OrcaStatistics {
    const agents = [...this.#agents.values()];
    return {
      agents: agents.length,
      telling: agents.filter((agent) => agent.telling).length,
      failures: agents.reduce((sum, agent) => sum + agent.failures, 0),
    };
  }

  close(): void {
    this.#unsubscribe();
    clearInterval(this.#watch);
    for (const agent of this.#agents.values()) agent.close();
    this.#agents.clear();
  }

  #follow(): void {
    const wanted = endpointsByAgent(this.#options.fleet.current());
    for (const [target, agent] of this.#agents) {
      if (wanted.has(target)) continue;
      agent.close();
      this.#agents.delete(target);
    }
    const intervalMs = affordableIntervalMs(wanted.size, this.#options.reportIntervalMs ?? REPORT_INTERVAL_MS);
    for (const [target, endpointKeys] of wanted) {
      const known = this.#agents.get(target);
      if (known === undefined)
        this.#agents.set(target, new Agent(target, endpointKeys, intervalMs, this.#options, this.#nowMs));
      else known.serve(endpointKeys, intervalMs);
    }
  }

  #endSilent(): void {
    const nowMs = this.#nowMs();
    for (const agent of this.#agents.values()) agent.endIfSilent(nowMs);
  }
}

/** The interval at which so many agents can be asked, doubled until their reports are few enough. In ms. */
export function affordableIntervalMs(agents: number, wantedMs: number): number {
  let intervalMs = wantedMs;
  while ((agents * 1000) / intervalMs > MOST_REPORTS_PER_SECOND) intervalMs *= 2;
  return intervalMs;
}

/** Which endpoints each agent speaks for, by `ADDRESS:PORT` of the agent. */
function endpointsByAgent(fleet: Fleet | undefined): Map<string, Set<string>> {
  const byAgent = new Map<string, Set<string>>();
  for (const cluster of fleet?.clusters.values() ?? [])
    for (const { key, agent } of cluster.endpoints) {
      if (agent === undefined) continue;
      const target = endpointKey(agent.address, agent.port);
      const keys = byAgent.get(target) ?? new Set();
      byAgent.set(target, keys.add(key));
    }
  return byAgent;
}

/** One agent: a stream while there is one, or the timer that opens the next. */
class Agent {
  readonly #target: string;
  readonly #options: OrcaOptions;
  readonly #nowMs: () => number;
  #endpointKeys: ReadonlySet<string>;
  #intervalMs: number;
  #end: (() => void) | undefined;
  #retry: NodeJS.Timeout | undefined;
  #heardMs = 0;
  #failedInARow = 0;
  telling = false;
  failures = 0;

  constructor(
    target: string,
    endpointKeys: ReadonlySet<string>,
    intervalMs: number,
    options: OrcaOptions,
    nowMs: () => number,
  ) {
    this.#target = target;
    this.#endpointKeys = endpointKeys;
    this.#intervalMs = intervalMs;
    this.#options = options;
    this.#nowMs = nowMs;
    this.#open();
  }

  /** Takes over what the fleet says now; a new interval needs a new stream. */
  serve(endpointKeys: ReadonlySet<string>, intervalMs: number): void {
    this.#endpointKeys = endpointKeys;
    if (intervalMs === this.#intervalMs) return;
    this.#intervalMs = intervalMs;
    if (this.#end === undefined) return;
    this.#end();
    this.#later();
  }

  endIfSilent(nowMs: number): void {
    if (this.#end !== undefined && nowMs - this.#heardMs > Math.max(SILENT_MS, 3 * this.#intervalMs)) this.#fail();
  }

  close(): void {
    this.#end?.();
    clearTimeout(this.#retry);
  }

  #open(): void {
    const client = new OpenRcaServiceClient(
      this.#target,
      this.#options.credentials ?? credentials.createInsecure(),
      CHANNEL_OPTIONS,
    );
    const reportInterval = duration(this.#intervalMs);
    const call = client.streamCoreMetrics({ reportInterval, requestCostNames: [] }, new Metadata());
    this.#heardMs = this.#nowMs();
    let open = true;
    this.#end = () => {
      open = false;
      this.#end = undefined;
      this.telling = false;
      call.cancel();
      client.close();
    };
    call.on("data", (report: OrcaLoadReport) => {
      if (open) this.#hear(report);
    });
    // Each ending comes as an error, our own cancelling too; one without an error is the agent's polite end.
    for (const event of ["error", "end"])
      call.on(event, () => {
        if (open) this.#fail();
      });
  }

  #hear(report: OrcaLoadReport): void {
    const atMs = this.#nowMs();
    this.#heardMs = atMs;
    this.#failedInARow = 0;
    this.telling = true;
    // The application knows better than its CPU what bounds it, when it says so (gRFC A58).
    const utilisation = report.applicationUtilization > 0 ? report.applicationUtilization : report.cpuUtilization;
    const sample = { source: "agent", utilisation, atMs, overMs: this.#intervalMs } as const;
    for (const key of this.#endpointKeys) this.#options.sink.recordCpu(key, sample);
  }

  #fail(): void {
    this.#end?.();
    this.failures += 1;
    this.#failedInARow += 1;
    this.#later();
  }

  #later(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#open(), retryDelayMs(Math.max(1, this.#failedInARow), this.#options.random));
  }
}
