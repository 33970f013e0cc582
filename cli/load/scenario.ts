import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { onInterrupt } from "../../common/interrupt.ts";
import { type Figures, figuresText } from "../../k6/lib/summary.js";
import { chooseEngine } from "./engine.ts";
import type { LoadRequest } from "./generator/exchange.ts";
import { generate, type Outcome } from "./generator/generate.ts";
import { displayOn } from "./generator/report.ts";
import { runK6 } from "./run-k6.ts";
import { type LoadValues, modelOf, scriptEnv } from "./settings.ts";
import { requireReachable } from "./target.ts";

/** One load to run, told to both engines. */
export interface Load {
  readonly url: URL;
  readonly values: LoadValues;
  /** File name in k6/. */
  readonly script: string;
  /** What the script reads besides the URL and the settings of every scenario. */
  readonly env?: Readonly<Record<string, string>>;
  /** The same requests for the built-in generator, by number from 0. */
  readonly requests: () => Promise<(index: number) => LoadRequest>;
  /** The statuses that are successes; absent: 200. */
  readonly accepted?: readonly number[];
  /** Makes the figures' lines; absent: those of the upload load tester. */
  readonly text?: (figures: Figures) => string;
}

/**
 * Tries the target, sends the load, and prints its figures.
 * @returns the exit code: 0 only if all that was asked for was sent and succeeded, else 1
 * @throws EvenkeelError EK_TARGET_UNREACHABLE, EK_PROGRAM_MISSING, EK_SETTING_INVALID, EK_CHILD_FAILED
 */
export async function runLoad(load: Load): Promise<number> {
  const { values } = load;
  const engine = await chooseEngine(values.engine, values.report !== undefined);
  await requireReachable(load.url);
  const interrupt = onInterrupt();
  try {
    const { figures, passed } =
      engine.kind === "k6" ? await withK6(load, engine.path) : await withBuiltIn(load, interrupt.signal);
    process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : (load.text ?? figuresText)(figures));
    if (values.report !== undefined && !existsSync(values.report))
      process.stderr.write(`No report at ${values.report}: k6 writes none for a run of only a few seconds.\n`);
    return passed ? 0 : 1;
  } finally {
    interrupt.release();
  }
}

async function withK6(load: Load, k6: string): Promise<Outcome> {
  return await runK6({
    k6,
    script: fileURLToPath(new URL(`../../k6/${load.script}`, import.meta.url)),
    scriptEnv: { ...scriptEnv(load.values), URL: load.url.href, ...load.env },
    report: load.values.report,
  });
}

async function withBuiltIn(load: Load, interrupted: AbortSignal): Promise<Outcome> {
  const plan = {
    model: modelOf(load.values),
    request: await load.requests(),
    accepted: new Set(load.accepted ?? [200]),
    timeoutMs: load.values.timeout,
  };
  return await generate(plan, displayOn(process.stderr), interrupted);
}
