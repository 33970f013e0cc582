import { describeError, EvenkeelError } from "../../common/errors.ts";
import { onInterrupt } from "../../common/interrupt.ts";
import { loadSettings } from "../../common/settings.ts";
import { DEPLOY_STEPS, deploy } from "./deploy.ts";
import { makeSteps } from "./progress.ts";
import { REMOVE_STEPS, remove } from "./remove.ts";
import { makeRunner } from "./runner.ts";
import { SETUP_COMMAND } from "./settings.ts";

/**
 * `evenkeel setup`: a cluster, the CPU load app and its autoscaler, ready to be loaded; `--delete` removes them.
 * @returns the exit code
 * @throws EvenkeelError with what was wrong and what to do next
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(SETUP_COMMAND, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const { values } = loaded;
  // The program that runs just then gets to end and to clean up; another press ends everything.
  const { signal, release } = onInterrupt();
  const run = makeRunner(process.env, signal);
  const steps = makeSteps(values.delete ? REMOVE_STEPS : DEPLOY_STEPS, (text) => process.stdout.write(text));
  try {
    if (values.delete) await remove(run, values, steps);
    else await deploy(run, values, steps, signal);
    return 0;
  } finally {
    release();
  }
}

if (import.meta.main)
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    process.exitCode = error instanceof EvenkeelError && error.code === "EK_USAGE" ? 2 : 1;
  }
