import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "pg";
import { describeError, EvenkeelError } from "../../../common/errors.ts";
import type { Logger } from "../../../common/log.ts";
import { backoff } from "../backoff.ts";
import { parseLine } from "../results/csv.ts";
import type { Files } from "../results/files.ts";
import type { Row } from "../results/row.ts";
import { connectDatabase, type DatabaseOptions, unreachable } from "./connect.ts";
import { type Position, readPosition, writePosition } from "./position.ts";
import { insert, migrate } from "./table.ts";

const SHORTEST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;
/** Rows are read from the file in parts of this size, in bytes; no row is longer. */
const PART_BYTES = 2 ** 18;
const NEWLINE = 0x0a;

export interface FollowerOptions {
  readonly csvPath: string;
  readonly files: Files;
  readonly database: DatabaseOptions;
  readonly log: Logger;
}

/**
 * Brings the CSV file's rows into the database. The file is the spool: what the database does not have yet is in it, and a
 * small file beside it tells up to where it has been brought. A row that is brought twice changes nothing, by its key.
 */
export class DatabaseFollower {
  readonly #options: FollowerOptions;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #wake = Promise.withResolvers<void>();
  #idle = Promise.withResolvers<void>();
  #isIdle = false;
  /** How often it was said that there are new rows. */
  #asked = 0;
  #client: Client | undefined;

  /** Begins; goes on by itself when the database comes back. */
  constructor(options: FollowerOptions) {
    this.#options = options;
    this.#running = this.#run();
  }

  /** Says that the file has new rows. */
  notify(): void {
    this.#asked += 1;
    if (this.#isIdle) this.#idle = Promise.withResolvers<void>();
    this.#isIdle = false;
    this.#wake.resolve();
  }

  /**
   * Waits until the database has all rows.
   * @returns whether it has, after at most `timeoutMs`
   */
  async drain(timeoutMs: number): Promise<boolean> {
    const timer = new AbortController();
    const late = sleep(timeoutMs, false, { signal: timer.signal }).catch(() => false);
    const done = await Promise.race([this.#idle.promise.then(() => true), late]);
    timer.abort();
    return done;
  }

  async close(): Promise<void> {
    this.#stopping.abort();
    this.#wake.resolve();
    await this.#running;
    await this.#client?.end().catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const pauses = backoff(SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS);
    let lastFault = "";
    while (!signal.aborted) {
      this.#wake = Promise.withResolvers<void>();
      const asked = this.#asked;
      try {
        await this.#bringAll();
        if (lastFault !== "") this.#options.log.info("the database has the results again");
        lastFault = "";
        pauses.reset();
      } catch (error) {
        const fault = describeError(error);
        if (fault !== lastFault) this.#options.log.error({ error: fault }, "results wait for the database");
        lastFault = fault;
        await this.#disconnect();
        await sleep(pauses.next(), undefined, { signal }).catch(() => undefined);
        continue;
      }
      if (asked !== this.#asked) continue;
      this.#isIdle = true;
      this.#idle.resolve();
      await this.#wake.promise;
    }
  }

  async #bringAll(): Promise<void> {
    const { csvPath, files } = this.#options;
    const positionPath = `${csvPath}.db`;
    this.#client ??= await this.#connect();
    let position = await readPosition(positionPath);
    for (;;) {
      if (this.#stopping.signal.aborted) return;
      const part = await readPart(files, csvPath, position);
      if (part.rows.length > 0) await this.#bring(this.#client, part.rows);
      if (part.position.inode === position.inode && part.position.offset === position.offset) return;
      await writePosition(files, positionPath, part.position);
      position = part.position;
    }
  }

  async #connect(): Promise<Client> {
    const client = await connectDatabase(this.#options.database);
    try {
      await migrate(client);
      return client;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw unreachable(this.#options.database, error);
    }
  }

  async #disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  async #bring(client: Client, rows: readonly Row[]): Promise<void> {
    try {
      await insert(client, rows);
    } catch (error) {
      if (!isRowsFault(error)) throw unreachable(this.#options.database, error);
      if (rows.length > 1) {
        // One of them is at fault; the others are to come in.
        for (const row of rows) await this.#bring(client, [row]);
        return;
      }
      const refused = new EvenkeelError("EK_DATABASE_REFUSED", (error as Error).message, {
        where: rows[0]?.image_id ?? "",
      });
      this.#options.log.error({ error: refused.describe() }, "a result stays in the CSV file only");
    }
  }
}

/** Whether trying again cannot help: SQLSTATE class 22 is data, 23 constraints. */
function isRowsFault(error: unknown): boolean {
  return /^2[23]/.test((error as { code?: string }).code ?? "");
}

/** The whole rows after a position, and the position after them. */
async function readPart(
  files: Files,
  path: string,
  from: Position,
): Promise<{ readonly rows: readonly Row[]; readonly position: Position }> {
  const file = await files.open(path, "r");
  try {
    const { ino, size } = await file.stat();
    // Another file of that name begins anew.
    const offset = ino === from.inode && from.offset <= size ? from.offset : 0;
    const buffer = Buffer.alloc(PART_BYTES);
    const { bytesRead } = await file.read(buffer, 0, PART_BYTES, offset);
    const end = buffer.lastIndexOf(NEWLINE, bytesRead - 1) + 1;
    const lines = bytesRead === 0 ? [] : buffer.toString("utf8", 0, end).split("\n");
    const rows = lines.flatMap((line) => parseLine(line) ?? []).filter(({ image_id }) => image_id !== "image_id");
    return { rows, position: { inode: ino, offset: bytesRead === 0 ? offset : offset + end } };
  } finally {
    await file.close();
  }
}
