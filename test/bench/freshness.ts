import { envoyHosts } from "../../cli/demo/observe.ts";
import { type Stack, startStack } from "../../cli/demo/stack.ts";
import { EvenkeelError } from "../../common/errors.ts";
import { type Burner, startBurner } from "./burner.ts";
import { percentile, printTable, round } from "./figures.ts";
import { startTrickle, type Trickle } from "./trickle.ts";

const STEPS = 50;
const LOADED_STEPS = 20;
const LOADED_REQUESTS_PER_SECOND = 20;
const WORKERS = 4;
const POLL_MS = 10;
const STEP_TIMEOUT_MS = 10_000;
/** How long a fleet rests between two steps under load: the smoothed CPU of the last step must not look like its requests' cost. */
const REST_MS = 1000;
/** Several load reports of 1 s: what the proxy sends is known by then. */
const KNOWN_MS = 5000;

/** Times from a CPU step on, in ms. */
interface Series {
  /** Until the worker's weight was lower than the others'. */
  readonly changed: number[];
  /** Until it was at most half of theirs. */
  readonly halved: number[];
}

/**
 * From a CPU step to the changed weight in Envoy's own `/clusters`, on the whole real stack: {@link STEPS} times in a fleet
 * without requests, then {@link LOADED_STEPS} times under a light stream of cheap ones.
 */
export async function run(json: boolean): Promise<void> {
  const burners = await Promise.all(Array.from({ length: WORKERS }, (_, index) => startBurner(`burner-${index + 1}`)));
  let stack: Stack | undefined;
  let trickle: Trickle | undefined;
  try {
    stack = await startStack({
      workers: WORKERS,
      agentPid: (index) => (burners[index] as Burner).pid,
      onProgress: (line) => console.error(`· ${line}`),
    });
    await sleep(KNOWN_MS);
    const quiet = await steps(stack, burners, STEPS, 0);
    trickle = startTrickle(`${stack.url}/healthz`, LOADED_REQUESTS_PER_SECOND);
    await sleep(KNOWN_MS);
    const loaded = await steps(stack, burners, LOADED_STEPS, REST_MS);
    const requests = trickle.stop();
    if (requests.failed > 0) console.error(`· ${requests.failed} requests failed, ${requests.answered} did not`);
    report(json, quiet, loaded);
  } finally {
    trickle?.stop();
    await stack?.stop();
    await Promise.all(burners.map((burner) => burner.stop()));
  }
}

async function steps(stack: Stack, burners: readonly Burner[], count: number, restMs: number): Promise<Series> {
  const series: Series = { changed: [], halved: [] };
  for (let step = 0; step < count; step += 1) {
    const index = step % WORKERS;
    const key = (stack.workers[index] as Stack["workers"][number]).key;
    await sleep(restMs);
    await evenAgain(stack);
    const burner = burners[index] as Burner;
    const started = performance.now();
    burner.busy();
    series.changed.push(await timeUntil(stack, key, started, 0.95));
    series.halved.push(await timeUntil(stack, key, started, 0.5));
    burner.idle();
  }
  return series;
}

/** Waits until a host's weight is at most `ratio` of the mean of the others. */
async function timeUntil(stack: Stack, key: string, started: number, ratio: number): Promise<number> {
  while (performance.now() < started + STEP_TIMEOUT_MS) {
    if ((await relativeWeight(stack, key)) <= ratio) return performance.now() - started;
    await sleep(POLL_MS);
  }
  throw new EvenkeelError("EK_TIMEOUT", `the weight of ${key} did not fall in ${STEP_TIMEOUT_MS} ms`);
}

async function relativeWeight(stack: Stack, key: string): Promise<number> {
  const hosts = await envoyHosts(stack);
  const own = hosts.get(key)?.weight ?? Number.NaN;
  let others = 0;
  for (const [other, { weight }] of hosts) if (other !== key) others += weight;
  return own / (others / (hosts.size - 1));
}

/** Waits until all weights are the same, at a random moment of the agents' rhythm. */
async function evenAgain(stack: Stack): Promise<void> {
  const deadline = performance.now() + 3 * STEP_TIMEOUT_MS;
  while (performance.now() < deadline) {
    if (await isEven(stack)) {
      await sleep(Math.random() * 200);
      if (await isEven(stack)) return;
    }
    await sleep(5 * POLL_MS);
  }
  throw new EvenkeelError("EK_TIMEOUT", "the weights did not become even again after a step");
}

async function isEven(stack: Stack): Promise<boolean> {
  return new Set([...(await envoyHosts(stack)).values()].map(({ weight }) => weight)).size === 1;
}

function report(json: boolean, quiet: Series, loaded: Series): void {
  const row = (name: string, figures: readonly number[]) => [
    name,
    figures.length,
    ...[0.5, 0.9, 0.99, 1].map((q) => round(percentile(figures, q), 0)),
  ];
  const light = `at ${LOADED_REQUESTS_PER_SECOND} requests/s`;
  printTable(
    ["from the CPU step to", "steps", "p50 ms", "p90 ms", "p99 ms", "max ms"],
    [
      row("a changed weight in Envoy, no requests", quiet.changed),
      row("half of the weight in Envoy, no requests", quiet.halved),
      row(`a changed weight in Envoy, ${light}`, loaded.changed),
      row(`half of the weight in Envoy, ${light}`, loaded.halved),
    ],
  );
  if (!json) return;
  console.log(
    JSON.stringify({
      steps: quiet.changed.length,
      ...named("changed", quiet.changed),
      ...named("halved", quiet.halved),
      loaded_steps: loaded.changed.length,
      loaded_requests_per_second: LOADED_REQUESTS_PER_SECOND,
      ...named("loaded_changed", loaded.changed),
      ...named("loaded_halved", loaded.halved),
    }),
  );
}

function named(name: string, figures: readonly number[]): Record<string, number> {
  return { [`${name}_p50_ms`]: round(percentile(figures, 0.5)), [`${name}_p99_ms`]: round(percentile(figures, 0.99)) };
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
