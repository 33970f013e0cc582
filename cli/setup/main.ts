import { describeError, EvenkeelError } from "../../common/errors.ts";
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
  const stop = new AbortController();
  // The program that runs just then gets to end and to clean up; a second signal ends everything.
  const onSignal = () => (stop.signal.aborted ? process.exit(130) : stop.abort());
  for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, onSignal);
  const run = makeRunner(process.env, stop.signal);
  const steps = makeSteps(values.delete ? REMOVE_STEPS : DEPLOY_STEPS, (text) => process.stdout.write(text));
  try {
    if (values.delete) await remove(run, values, steps);
    else await deploy(run, values, steps, stop.signal);
    return 0;
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.off(name, onSignal);
  }
}

if (import.meta.main)
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    process.exitCode = error instanceof EvenkeelError && error.code === "EK_USAGE" ? 2 : 1;
  }
