import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { figuresText } from "../../k6/lib/summary.js";
import { findK6 } from "./k6.ts";
import { runK6 } from "./run-k6.ts";
import { type LoadValues, scriptEnv } from "./settings.ts";
import { requireReachable } from "./target.ts";

/** One load to run. */
export interface Load {
  /** File name in k6/. */
  readonly script: string;
  readonly url: URL;
  readonly values: LoadValues;
  /** What the script reads besides the URL and the settings of every scenario. */
  readonly env?: Readonly<Record<string, string>>;
}

/**
 * Tries the target, runs the script, and prints its figures.
 * @returns the exit code: 0 only if every request succeeded
 * @throws EvenkeelError EK_TARGET_UNREACHABLE, EK_PROGRAM_MISSING, EK_CHILD_FAILED
 */
export async function runLoad(load: Load): Promise<number> {
  const { values } = load;
  await requireReachable(load.url);
  const k6 = await findK6();
  const { figures, passed } = await runK6({
    k6,
    script: fileURLToPath(new URL(`../../k6/${load.script}`, import.meta.url)),
    scriptEnv: { ...scriptEnv(values), ...load.env, URL: load.url.href },
    report: values.report,
  });
  process.stdout.write(values.json ? `${JSON.stringify(figures)}\n` : figuresText(figures));
  if (values.report !== undefined && !existsSync(values.report))
    process.stderr.write(`No report at ${values.report}: k6 writes none for a run of only a few seconds.\n`);
  return passed ? 0 : 1;
}
