import type { FastifyInstance } from "fastify";
import { EvenkeelError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { nextStopSignal } from "../../common/stop-signal.ts";

/** A server that can be told to end. */
export interface DrainingServer {
  readonly app: FastifyInstance;
  /** Accepts nothing more, finishes what it has accepted, for so long at most, and closes. */
  drain(timeoutMs: number): Promise<void>;
}

/**
 * Lets a server listen; one that cannot is closed.
 * @throws EvenkeelError EK_PORT_IN_USE
 */
export async function listen({ app }: DrainingServer, { host, port }: { host: string; port: number }): Promise<void> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    if ((cause as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cause;
    throw new EvenkeelError("EK_PORT_IN_USE", `port ${port} is taken`, { where: `--port ${port}`, cause });
  }
}

/** Waits for the signal to stop, then drains. A second signal ends this process without waiting any longer. */
export async function drainAfter(
  stop: Promise<NodeJS.Signals>,
  server: DrainingServer,
  timeoutMs: number,
  log: Logger,
): Promise<void> {
  log.info({ signal: await stop }, "draining: what was accepted is finished, nothing new is taken");
  void nextStopSignal().then(() => process.exit(1));
  await server.drain(timeoutMs);
  log.info("drained");
}
