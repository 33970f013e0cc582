import { describeError, EvenkeelError } from "../../common/errors.ts";
import { logger } from "../../common/log.ts";
import { loadSettings } from "../../common/settings.ts";
import { nextStopSignal } from "../../common/stop-signal.ts";
import { type CpuLoad, createCpuLoad } from "./server.ts";
import { CPU_LOAD_COMMAND, type CpuLoadSettings } from "./settings.ts";

/**
 * `evenkeel cpu-load`: serves until SIGTERM or SIGINT, then finishes what it has accepted.
 * @returns the exit status
 * @throws EvenkeelError EK_USAGE, EK_SETTING_INVALID, EK_PORT_IN_USE
 */
export async function main(args: string[]): Promise<number> {
  const loaded = loadSettings(CPU_LOAD_COMMAND, args);
  if (loaded.kind === "help") {
    process.stdout.write(loaded.text);
    return 0;
  }
  const { values } = loaded;
  const log = logger("cpu-load");
  const stop = nextStopSignal();
  const server = createCpuLoad({ ...values, durationMs: values.duration, log });
  await listen(server, values);
  const { threads, concurrency, queue } = values;
  log.info({ address: server.app.server.address(), threads, concurrency, queue }, "listening");
  log.info({ signal: await stop }, "draining: accepted requests finish, new ones are refused");
  // A second signal does not wait any longer.
  void nextStopSignal().then(() => process.exit(1));
  await server.drain(values.drainTimeout);
  log.info("drained");
  return 0;
}

async function listen(server: CpuLoad, { host, port }: CpuLoadSettings): Promise<void> {
  try {
    await server.app.listen({ host, port });
  } catch (cause) {
    await server.app.close();
    if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cause;
    throw new EvenkeelError("EK_PORT_IN_USE", `port ${port} is taken`, { where: `--port ${port}`, cause });
  }
}

if (import.meta.main)
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`);
    process.exitCode = error instanceof EvenkeelError && error.code === "EK_USAGE" ? 2 : 1;
  }
