import { EvenkeelError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { drain } from "./drain.ts";
import type { RunningEnvoy } from "./run.ts";

/**
 * Lets an Envoy run until SIGTERM or SIGINT, then lets requests under way finish; a second signal ends it at once.
 * @returns the exit code, when Envoy has ended
 * @throws EvenkeelError EK_CHILD_FAILED when Envoy ends by itself
 */
export async function untilSignal(envoy: RunningEnvoy, drainTimeoutMs: number, log: Logger): Promise<number> {
  let draining: Promise<boolean> | undefined;
  const onSignal = () => {
    if (draining !== undefined) return void envoy.stop();
    log.info({ drainTimeoutMs }, "draining; a second signal ends it at once");
    draining = drain(envoy, drainTimeoutMs);
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  try {
    const { code, signal } = await envoy.child.exited;
    if (draining === undefined)
      throw new EvenkeelError("EK_CHILD_FAILED", `Envoy ended by itself (${signal ?? `code ${code}`})`, {
        where: envoy.child.lastLines().slice(-3).join(" | "),
      });
    if (!(await draining)) log.warn("ended with requests still under way");
    return 0;
  } finally {
    process.off("SIGTERM", onSignal).off("SIGINT", onSignal);
  }
}
