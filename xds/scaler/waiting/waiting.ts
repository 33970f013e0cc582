import { describeError, EvenkeelError } from "../../../common/errors.ts";
import type { Logger } from "../../../common/log.ts";
import { type ConnectionOptions, openConnection } from "../../../workloads/analyzer/mqtt/connection.ts";
import { SharedLook } from "../shared-look.ts";
import { type QueueAccess, type Queues, readQueues, sessionHash } from "./queues.ts";

/** Whose images are counted. */
export interface Waiter {
  readonly clientId: string;
  /** What the client subscribes to; undefined: its session is not made for it. */
  readonly topic: string | undefined;
  /** A job of it runs, so that the session is in use. */
  readonly running: boolean;
}

export type Broker = Pick<ConnectionOptions, "host" | "port" | "tls" | "username" | "password">;

export interface WaitingOptions extends QueueAccess {
  /** Where sessions are made that are missing; undefined: nowhere. */
  readonly broker: Broker | undefined;
  readonly deadlineMs: number;
  readonly log: Logger;
}

/** How long a count is used, in ms. Ten triggers ask within one poll of KEDA. */
const KEEP_MS = 1000;
/** After a failure a session is not tried again for this long, in ms. */
const AGAIN_MS = 5000;

/**
 * Counts the images that wait in the broker. A broker keeps messages only for sessions that it knows, so a missing one is
 * made: a client of that name subscribes and leaves.
 */
export class WaitingImages {
  readonly #options: WaitingOptions;
  readonly #queues: SharedLook<Queues>;
  /** Sessions that are being made, by client identifier. */
  readonly #making = new Map<string, Promise<boolean>>();

  constructor(options: WaitingOptions) {
    this.#options = options;
    this.#queues = new SharedLook({
      what: `the count of waiting images (${options.url})`,
      keepMs: KEEP_MS,
      deadlineMs: options.deadlineMs,
      look: (signal) => readQueues(options, signal),
    });
  }

  /**
   * @returns images by client identifier; a client without a session is not in it
   * @throws EvenkeelError EK_QUEUE_UNREADABLE, EK_TIMEOUT
   */
  async count(waiters: readonly Waiter[]): Promise<ReadonlyMap<string, number>> {
    let queues = await this.#queues.get();
    const missing = waiters.filter((waiter) => !waiter.running && !queues.has(sessionHash(waiter.clientId)));
    if (await this.#makeSessions(missing)) {
      this.#queues.forget();
      queues = await this.#queues.get();
    }
    return new Map(
      waiters.flatMap(({ clientId }) => {
        const count = queues.get(sessionHash(clientId));
        return count === undefined ? [] : [[clientId, count] as const];
      }),
    );
  }

  /** @returns whether there is a new one */
  async #makeSessions(waiters: readonly Waiter[]): Promise<boolean> {
    const { broker } = this.#options;
    if (broker === undefined) return false;
    const made = waiters.flatMap(({ clientId, topic }) => {
      if (topic === undefined) return [];
      const making = this.#making.get(clientId) ?? this.#makeSession(broker, clientId, topic);
      this.#making.set(clientId, making);
      return [making];
    });
    return (await Promise.all(made)).includes(true);
  }

  /** @returns whether it was made. Never rejects; a failure is remembered for a while. */
  async #makeSession(broker: Broker, clientId: string, topic: string): Promise<boolean> {
    const { log, deadlineMs } = this.#options;
    try {
      await subscribeAndLeave(broker, clientId, topic, deadlineMs);
      log.info({ clientId, topic }, "the broker keeps images for a new session");
      this.#making.delete(clientId);
      return true;
    } catch (error) {
      log.warn({ clientId, topic, error: describeError(error) }, "a session could not be made in the broker");
      setTimeout(() => this.#making.delete(clientId), AGAIN_MS).unref();
      return false;
    }
  }
}

async function subscribeAndLeave(broker: Broker, clientId: string, topic: string, timeoutMs: number): Promise<void> {
  // What comes in this moment is not acknowledged, and so stays.
  const onMessage = () => undefined;
  const connection = await openConnection({ ...broker, clientId, clean: false, timeoutMs, onMessage });
  try {
    await connection.subscribe(topic);
  } finally {
    await connection.close();
  }
}

/** The error for a client that the broker keeps nothing for. */
export function noSession(clientId: string, topic: string | undefined): EvenkeelError {
  const what = `the broker has no session of the client ${clientId}`;
  return new EvenkeelError("EK_QUEUE_MISSING", topic === undefined ? `${what}, and its topic is not known` : what, {
    where: topic ?? clientId,
  });
}
