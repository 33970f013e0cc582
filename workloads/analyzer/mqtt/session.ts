import { setTimeout as sleep } from "node:timers/promises";
import { describeError, type EvenkeelError } from "../../../common/errors.ts";
import type { Logger } from "../../../common/log.ts";
import { backoff } from "../backoff.ts";
import { type Connection, type ConnectionOptions, type Message, openConnection } from "./connection.ts";

const SHORTEST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

export interface SessionOptions extends Omit<ConnectionOptions, "clean" | "onMessage"> {
  /** What is subscribed to, with QoS 1. */
  readonly filter: string;
  readonly onMessage: (message: Message) => void;
  readonly log: Logger;
}

/** What the broker keeps for us under our client identifier, whatever becomes of the connections. */
export class Session {
  readonly #options: SessionOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #connection: Connection | undefined;
  #isPaused = false;
  #since = performance.now();
  #lastedMs = 0;
  #lastFault: EvenkeelError | Error | undefined;

  /** Connects, and connects again whenever the connection ends, until it is closed. */
  constructor(options: SessionOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Whether messages can come in. */
  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  /** For how long it has been connected, or has not been, in milliseconds. */
  get sinceMs(): number {
    return performance.now() - this.#since;
  }

  /** Why the last connection could not be made or has ended. */
  get lastFault(): Error | undefined {
    return this.#lastFault;
  }

  /** Sends a message once, if there is a connection (QoS 0). */
  tell(topic: string, payload: string): void {
    this.#connection?.tell(topic, payload);
  }

  /** Takes no more messages until {@link Session.resume}; those of the last read still come. */
  pause(): void {
    this.#isPaused = true;
    this.#connection?.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.#connection?.resume();
  }

  /** Ends the connection; what was not acknowledged, the broker keeps. */
  async close(): Promise<void> {
    this.#stopping.abort();
    await this.#connection?.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const pauses = backoff(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS);
    while (!this.#stopping.signal.aborted) {
      const fault = await this.#once();
      // Of two clients with one identifier each throws the other out: what is ended at once has to wait as well.
      if (this.#lastedMs > LONGEST_PAUSE_MS) pauses.reset();
      if (this.#stopping.signal.aborted) return;
      const pauseMs = Math.round(pauses.next());
      if (fault?.message !== this.#lastFault?.message)
        this.#options.log.warn({ error: describeError(fault), pauseMs }, "no connection to the broker; trying again");
      this.#lastFault = fault;
      await sleep(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }

  /** One connection from its beginning to its end; why it ended. */
  async #once(): Promise<Error | undefined> {
    try {
      const connection = await openConnection({ ...this.#options, clean: false });
      try {
        // A broker that kept the session has the subscription; asking again does no harm, and makes it where it lost it.
        await connection.subscribe(this.#options.filter);
      } catch (error) {
        await connection.close();
        throw error;
      }
      this.#mark(connection);
      if (this.#isPaused) connection.pause();
      if (this.#stopping.signal.aborted) await connection.close();
      this.#options.log.info({ topic: this.#options.filter, clientId: this.#options.clientId }, "connected");
      this.#lastFault = undefined;
      return await connection.closed;
    } catch (error) {
      return error as Error;
    } finally {
      this.#lastedMs = this.isConnected ? this.sinceMs : 0;
      if (this.isConnected) this.#mark(undefined);
    }
  }

  #mark(connection: Connection | undefined): void {
    this.#connection = connection;
    this.#since = performance.now();
  }
}
