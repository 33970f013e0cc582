import { envoyHosts } from "../../cli/demo/observe.ts";
import { type Stack, startStack } from "../../cli/demo/stack.ts";
import { EvenkeelError } from "../../common/errors.ts";
import { type Burner, startBurner } from "./burner.ts";
import { percentile, printTable, round } from "./figures.ts";

const STEPS = 50;
const WORKERS = 4;
const POLL_MS = 10;
const STEP_TIMEOUT_MS = 10_000;

/** From a CPU step to the changed weight in Envoy's own `/clusters`, {@link STEPS} times, on the whole real stack. */
export async function run(json: boolean): Promise<void> {
  const burners = await Promise.all(Array.from({ length: WORKERS }, (_, index) => startBurner(`burner-${index + 1}`)));
  let stack: Stack | undefined;
  try {
    stack = await startStack({
      workers: WORKERS,
      agentPid: (index) => (burners[index] as Burner).pid,
      onProgress: (line) => console.error(`· ${line}`),
    });
    const changed: number[] = [];
    const halved: number[] = [];
    for (let step = 0; step < STEPS; step += 1) {
      const index = step % WORKERS;
      const key = (stack.workers[index] as Stack["workers"][number]).key;
      await evenAgain(stack);
      // Steps must not fall into the rhythm of the agent's looks.
      await sleep(Math.random() * 200);
      const burner = burners[index] as Burner;
      const started = performance.now();
      burner.busy();
      changed.push(await timeUntil(stack, key, started, 0.95));
      halved.push(await timeUntil(stack, key, started, 0.5));
      burner.idle();
    }
    report(json, changed, halved);
  } finally {
    await stack?.stop();
    await Promise.all(burners.map((burner) => burner.stop()));
  }
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

async function evenAgain(stack: Stack): Promise<void> {
  const deadline = performance.now() + 3 * STEP_TIMEOUT_MS;
  while (performance.now() < deadline) {
    const weights = [...(await envoyHosts(stack)).values()].map(({ weight }) => weight);
    if (Math.min(...weights) >= 0.97 * Math.max(...weights)) return;
    await sleep(5 * POLL_MS);
  }
  throw new EvenkeelError("EK_TIMEOUT", "the weights did not become even again after a step");
}

function report(json: boolean, changed: readonly number[], halved: readonly number[]): void {
  const row = (name: string, figures: readonly number[]) => [
    name,
    figures.length,
    ...[0.5, 0.9, 0.99, 1].map((q) => round(percentile(figures, q), 0)),
  ];
  printTable(
    ["from the CPU step to", "steps", "p50 ms", "p90 ms", "p99 ms", "max ms"],
    [row("a changed weight in Envoy", changed), row("half of the weight in Envoy", halved)],
  );
  if (!json) return;
  console.log(
    JSON.stringify({
      steps: changed.length,
      changed_p50_ms: round(percentile(changed, 0.5)),
      changed_p99_ms: round(percentile(changed, 0.99)),
      halved_p50_ms: round(percentile(halved, 0.5)),
      halved_p99_ms: round(percentile(halved, 0.99)),
    }),
  );
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
