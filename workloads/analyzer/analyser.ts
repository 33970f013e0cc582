import { describeError } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import type { Message } from "./mqtt/connection.ts";
import type { Session } from "./mqtt/session.ts";
import type { Persistence } from "./persist.ts";
import type { AnalysisPool } from "./pool/pool.ts";
import type { Outcome } from "./pool/protocol.ts";
import type { CsvFile } from "./results/csv-file.ts";
import type { ImageFiles } from "./results/image-files.ts";
import { imageId, type Row } from "./results/row.ts";

export interface AnalyserOptions {
  readonly pool: Pick<AnalysisPool, "analyse" | "estimator" | "workers">;
  readonly csv: Pick<CsvFile, "has" | "add" | "path">;
  readonly images: Pick<ImageFiles, "write">;
  readonly persistence: Pick<Persistence, "insist">;
  /** Where results are told too; empty: nowhere. */
  readonly resultTopic: string;
  readonly outputDir: string;
  readonly node: string;
  readonly pod: string;
  readonly log: Logger;
  /** Called when the CSV file has a row more. */
  readonly onRow: () => void;
}

export interface Counts {
  analysed: number;
  rejected: number;
  /** Images that came again after their result was written. */
  repeated: number;
}

/** An image between its arrival and its result. */
interface Held {
  readonly id: string;
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly receivedAt: Date;
  /** Every delivery of it that waits to be acknowledged. */
  readonly messages: Message[];
}

/**
 * Takes images, has them analysed, writes the results, and acknowledges an image only then. An image that comes again while
 * it is held, or after its result was written, is not analysed again.
 */
export class Analyser {
  readonly counts: Counts = { analysed: 0, rejected: 0, repeated: 0 };
  readonly #options: AnalyserOptions;
  readonly #held = new Map<string, Held>();
  readonly #queue: Held[] = [];
  readonly #inWork = new Set<Promise<void>>();
  /** Images taken before the workers are free, so that none of them waits for the network. */
  readonly #mostHeld: number;
  #session: Pick<Session, "pause" | "resume" | "tell"> | undefined;
  #isStopping = false;
  #givenBack = 0;
  #lastActivity = performance.now();
  #failure: unknown;

  constructor(options: AnalyserOptions) {
    this.#options = options;
    this.#mostHeld = 2 * options.pool.workers + 2;
  }

  /** The session that messages come from; it is paused while enough are held. */
  attach(session: Pick<Session, "pause" | "resume" | "tell">): void {
    this.#session = session;
  }

  /** For how long nothing has been held, in milliseconds. */
  get idleMs(): number {
    return this.#held.size > 0 ? 0 : performance.now() - this.#lastActivity;
  }

  /** What made it impossible to go on. */
  get failure(): unknown {
    return this.#failure;
  }

  take(message: Message): void {
    if (this.#isStopping) return;
    this.#lastActivity = performance.now();
    const id = imageId(message.topic, message.payload);
    const held = this.#held.get(id);
    if (held !== undefined) {
      held.messages.push(message);
      return;
    }
    if (this.#options.csv.has(id)) {
      this.counts.repeated += 1;
      message.acknowledge();
      return;
    }
    const { topic, payload } = message;
    const fresh: Held = { id, topic, payload, receivedAt: new Date(), messages: [message] };
    this.#held.set(id, fresh);
    this.#queue.push(fresh);
    if (this.#held.size >= this.#mostHeld) this.#session?.pause();
    this.#begin();
  }

  /**
   * Takes nothing more, gives back what no worker has yet, and lets the rest finish.
   * @returns how many images were given back: the broker keeps them, as they were not acknowledged
   */
  async stop(): Promise<number> {
    this.#isStopping = true;
    this.#session?.pause();
    for (const { id } of this.#queue.splice(0)) {
      this.#givenBack += 1;
      this.#held.delete(id);
    }
    await Promise.all(this.#inWork);
    return this.#givenBack;
  }

  #begin(): void {
    // One more than there are workers is under way, so that writing one result does not keep a worker waiting.
    while (this.#inWork.size < this.#options.pool.workers + 1) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      const work = this.#work(next).finally(() => {
        this.#inWork.delete(work);
        if (!this.#isStopping) this.#begin();
      });
      this.#inWork.add(work);
    }
  }

  async #work(held: Held): Promise<void> {
    try {
      const outcome = await this.#options.pool.analyse(held.payload);
      await this.#write(held, outcome);
      for (const message of held.messages) message.acknowledge();
    } catch (error) {
      this.#givenBack += 1;
      if (!this.#isStopping) this.#failure ??= error;
      this.#options.log.warn({ image: held.id, error: describeError(error) }, "an image is given back to the broker");
    } finally {
      this.#held.delete(held.id);
      this.#lastActivity = performance.now();
      if (this.#held.size < this.#mostHeld && !this.#isStopping) this.#session?.resume();
    }
  }

  async #write(held: Held, outcome: Outcome): Promise<void> {
    const { csv, images, persistence, outputDir, log } = this.#options;
    const file =
      outcome.kind === "analysed"
        ? await persistence.insist(outputDir, () => images.write(held.id, outcome.annotated))
        : "";
    const row = this.#rowOf(held, outcome, file);
    await persistence.insist(csv.path, () => csv.add(row));
    this.counts[outcome.kind] += 1;
    this.#options.onRow();
    if (outcome.kind === "rejected")
      log.warn({ image: held.id, topic: held.topic, reason: outcome.reason }, "rejected");
    // It goes out before the acknowledgement, over the same connection: whoever has the one has got the other.
    if (this.#options.resultTopic !== "") this.#session?.tell(this.#options.resultTopic, JSON.stringify(row));
  }

  #rowOf({ id, topic, payload, receivedAt }: Held, outcome: Outcome, imageFile: string): Row {
    const found = outcome.kind === "analysed" ? outcome : undefined;
    return {
      image_id: id,
      topic,
      received_at: receivedAt.toISOString(),
      analysed_at: new Date().toISOString(),
      status: outcome.kind,
      posture: found?.estimate.posture ?? "",
      confidence: found === undefined ? "" : String(found.estimate.confidence),
      reason: outcome.kind === "analysed" ? outcome.estimate.reason : outcome.reason,
      width: found === undefined ? "" : String(found.width),
      height: found === undefined ? "" : String(found.height),
      bytes: String(payload.length),
      image_file: imageFile,
      estimator: this.#options.pool.estimator,
      node: this.#options.node,
      pod: this.#options.pod,
    };
  }
}
