import { constants } from "node:os";
import { type CommandTable, dispatch } from "../../cli/dispatch.ts";
import { describeError } from "../../common/errors.ts";

/** A benchmark: prints a table; with `json`, one JSON object (units in the names) as its last line. */
type Bench = (json: boolean) => Promise<void>;

const bench = (load: () => Promise<Bench>) => async () => {
  const run = await load();
  return async (args: string[]) => {
    await run(args.includes("--json"));
    return 0;
  };
};

const BENCHES: CommandTable = {
  freshness: {
    summary: "from a CPU step to the changed weight in Envoy, 50 times",
    load: bench(async () => (await import("./freshness.ts")).run),
  },
  overhead: {
    summary: "Envoy's added latency beside a direct call; the control plane's memory with 1 and 500 clients",
    load: bench(async () => (await import("./overhead.ts")).run),
  },
  agent: {
    summary: "what the CPU agent costs at 10 Hz",
    load: bench(async () => (await import("./agent.ts")).run),
  },
  kubernetes: {
    summary: "the fleet of 5 000 pods in a real API server: time, memory and freshness, beside client-node's informers",
    load: bench(async () => (await import("./kubernetes.ts")).run),
  },
  scaler: {
    summary: "what one KEDA poll of ten triggers costs the external scaler",
    load: bench(async () => (await import("./scaler.ts")).run),
  },
  law: {
    summary: "the weight law in simulation: p99 with and without weights, by signal age and number of proxies",
    load: bench(async () => (await import("./law.ts")).run),
  },
  posture: {
    summary: "images a second of the posture analyser with 1, 2 and 4 workers",
    load: bench(async () => (await import("./posture.ts")).run),
  },
};

// A benchmark that is ended takes its children with it: they are killed when this process exits by itself.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => process.exit(128 + constants.signals[signal]));

try {
  process.exitCode = await dispatch("npm run bench --", BENCHES, process.argv.slice(2));
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
