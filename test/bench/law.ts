import { ACTIVE_REQUEST_BIAS, CHOICES } from "../../common/least-request.ts";
import type { Scenario, WeightPolicy } from "../../xds/weights/scenario.ts";
import { simulate } from "../../xds/weights/simulation.ts";

/** Virtual time of each run, in ms. */
const DURATION_MS = 600_000;
const SEEDS = [1, 2, 3, 4, 5];
const PROXIES = [1, 4, 12];
const SERVICE_MS = 20;

const BASE: Omit<Scenario, "seed" | "proxies"> = {
  durationMs: DURATION_MS,
  speeds: new Array<number>(12).fill(1),
  serviceMs: SERVICE_MS,
  load: 0.6,
  policy: "law",
  unweighted: CHOICES,
  activeRequestBias: ACTIVE_REQUEST_BIAS,
  deadTimeMs: 50,
  loadReportMs: 100,
};

const FLEETS: Readonly<Record<string, Partial<Scenario>>> = {
  "outside work takes 4/5 of a worker for 15 % of the time, 10 s at once": {
    outside: { takes: 0.8, share: 0.15, meanMs: 10_000 },
  },
  "outside work takes 4/5 of one worker for five of the ten minutes": {
    steps: [
      { atMs: 120_000, worker: 0, takes: 0.8 },
      { atMs: 420_000, worker: 0, takes: 0 },
    ],
  },
  "calm, load 70 %": { load: 0.7 },
  "a third of the machines half as fast, load 80 %": {
    load: 0.8,
    speeds: [0.5, 0.5, 0.5, 0.5, 1, 1, 1, 1, 1, 1, 1, 1],
  },
};

const NONE: { readonly policy: WeightPolicy } = { policy: "none" };

/** metrics-server's figures: 15 to 45 s old when they are used. */
const METRICS_API: Partial<Scenario> = { deadTimeMs: 15_000, slow: { overMs: 15_000, lateMs: 15_000 } };
/** A kubelet's: 5 to 20 s. */
const KUBELET: Partial<Scenario> = { deadTimeMs: 5000, slow: { overMs: 10_000, lateMs: 5000 } };

const WAYS: Readonly<Record<string, Partial<Scenario>>> = {
  "no weights, two choices": { ...NONE, unweighted: 2 },
  "no weights, eight choices": NONE,
  "no weights, full scan": { ...NONE, unweighted: "full-scan" },
  "the true speed^2, 50 ms old": { policy: "speed" },
  "the law, 50 ms old": {},
  "the law, 600 ms old": { deadTimeMs: 600 },
  "the law, 2 s old": { deadTimeMs: 2000 },
  "the law, 10 s old": { deadTimeMs: 10_000 },
  "the law without load reports": { loadReportMs: undefined },
  "the law, agents see the worker only": { outsideIsSeen: false },
  "the law, active_request_bias 1": { activeRequestBias: 1 },
  "the law, kubelets": KUBELET,
  "the law, metrics API": METRICS_API,
  "the law, metrics API, no load reports": { ...METRICS_API, loadReportMs: undefined },
};

interface Row {
  readonly fleet: string;
  readonly way: string;
  readonly proxies: number;
  readonly p99_service_times: number;
  readonly mean_service_times: number;
  readonly pushes_per_second: number;
  readonly equal_share: number;
}

/** Prints what the weight law does to a simulated fleet; with `json`, the rows as one JSON object on the last line. */
export async function run(json: boolean): Promise<void> {
  const startedMs = performance.now();
  const rows: Row[] = [];
  for (const [fleet, scenario] of Object.entries(FLEETS)) {
    console.log(`\n12 workers, ${SERVICE_MS} ms mean service, ${fleet}; median of ${SEEDS.length} runs`);
    console.log(`${"".padEnd(38)}${PROXIES.map((proxies) => `${proxies} proxies`.padStart(25)).join("")}`);
    console.log(`${"".padEnd(38)}${PROXIES.map(() => "p99  mean push/s equal".padStart(25)).join("")}`);
    for (const [way, more] of Object.entries(WAYS)) {
      const cells = PROXIES.map((proxies) => measure(fleet, way, { ...BASE, ...scenario, ...more, proxies }));
      rows.push(...cells);
      console.log(`${way.padEnd(38)}${cells.map(cellText).join("")}`);
    }
  }
  const replayedHours = (rows.length * SEEDS.length * DURATION_MS) / 3_600_000;
  const seconds = (performance.now() - startedMs) / 1000;
  console.log(`\np99 and mean in service times. ${replayedHours} hours replayed in ${seconds.toFixed(0)} s.`);
  if (json) console.log(JSON.stringify({ bench: "law", duration_s: seconds, replayed_hours: replayedHours, rows }));
}

function measure(fleet: string, way: string, scenario: Omit<Scenario, "seed">): Row {
  const results = SEEDS.map((seed) => simulate({ ...scenario, seed }));
  const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  return {
    fleet,
    way,
    proxies: scenario.proxies,
    p99_service_times: median(results.map(({ p99Ms }) => p99Ms / scenario.serviceMs)),
    mean_service_times: median(results.map(({ meanMs }) => meanMs / scenario.serviceMs)),
    pushes_per_second: median(results.map(({ pushes }) => (pushes * 1000) / scenario.durationMs)),
    equal_share: median(results.map(({ equalShare }) => equalShare)),
  };
}

function cellText(row: Row): string {
  const p99 = row.p99_service_times.toFixed(1).padStart(9);
  const mean = row.mean_service_times.toFixed(1).padStart(5);
  const pushes = row.pushes_per_second.toFixed(1).padStart(5);
  const equal = `${Math.round(100 * row.equal_share)}%`.padStart(6);
  return `${p99}${mean}${pushes}${equal}`;
}
