import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { EvenkeelError } from "../../../common/errors.ts";
import { withLock } from "../../../common/program/lock.ts";
import { csvLine, HEADER } from "./csv.ts";
import { type Files, syncFolder } from "./files.ts";
import { RecentIds } from "./recent-ids.ts";
import { ID_LENGTH, type Row } from "./row.ts";

/** How much of a file is read for the images that it has, in bytes: some 300 000 rows. */
const REMEMBERED_BYTES = 64 * 2 ** 20;
const REMEMBERED_IDS = 500_000;
const READ_BYTES = 2 ** 20;
const NEWLINE = 0x0a;
/** Longer than a lock needs to count as abandoned (common/program/lock.ts). */
const LOCK_WAIT_MS = 180_000;

interface Waiting {
  readonly row: Row;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The CSV file of results, and by its first column the journal of what was analysed. Several processes may write one file:
 * each append happens under a lock, adds whole rows in one write, and adds no image twice.
 */
export class CsvFile {
  readonly path: string;
  readonly #files: Files;
  readonly #ids = new RecentIds(REMEMBERED_IDS);
  #waiting: Waiting[] = [];
  #isWriting = false;
  /** The file that was read, and up to where. */
  #inode = 0;
  #read = 0;

  constructor(path: string, files: Files) {
    this.path = path;
    this.#files = files;
  }

  /**
   * Makes the file, mends what a killed process left, and reads what it has.
   * @throws EvenkeelError EK_SETTING_INVALID when it is a file of something else; the file system's error
   */
  async prepare(): Promise<void> {
    await this.#files.mkdir(dirname(this.path), { recursive: true });
    await this.#append([]);
  }

  /** Whether the file has a row of this image. */
  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /**
   * Adds a row, unless the file has one of that image. Settles when the disk has it. Rows that wait are written together.
   * @throws the file system's error; nothing of the row is then in the file
   */
  async add(row: Row): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push({ row, resolve, reject });
      if (!this.#isWriting) void this.#writeWaiting();
    });
  }

  async #writeWaiting(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#append(batch.map(({ row }) => row));
        for (const { resolve } of batch) resolve();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#isWriting = false;
  }

  async #append(rows: readonly Row[]): Promise<void> {
    await withLock(`${this.path}.lock`, { waitMs: LOCK_WAIT_MS }, async () => {
      const file = await this.#files.open(this.path, "a+");
      try {
        const size = await this.#catchUp(file);
        const text = this.#newText(rows, size === 0);
        if (text === "") return;
        await appendWhole(file, Buffer.from(text), size);
        if (size === 0) await syncFolder(this.#files, dirname(this.path));
        this.#read = size + Buffer.byteLength(text);
        for (const { image_id } of rows) this.#ids.add(image_id);
      } finally {
        await file.close();
      }
    });
  }

  #newText(rows: readonly Row[], isNew: boolean): string {
    const ids = new Set<string>();
    const fresh = rows.filter(({ image_id }) => {
      if (this.#ids.has(image_id) || ids.has(image_id)) return false;
      ids.add(image_id);
      return true;
    });
    return `${isNew ? HEADER : ""}${fresh.map(csvLine).join("")}`;
  }

  /** Reads what others added since, and cuts off a row that was not finished. Returns the file's size. */
  async #catchUp(file: FileHandle): Promise<number> {
    const { size, ino } = await file.stat();
    if (ino !== this.#inode || size < this.#read) {
      await this.#checkHeader(file, size);
      this.#inode = ino;
      this.#read = Math.max(0, size - REMEMBERED_BYTES);
    }
    let rest = "";
    const buffer = Buffer.alloc(Math.min(READ_BYTES, Math.max(0, size - this.#read)));
    for (let at = this.#read; at < size; ) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - at), at);
      if (bytesRead === 0) break;
      at += bytesRead;
      // Identifiers are ASCII, so a letter that is cut in two by the buffer's end does no harm.
      const lines = (rest + buffer.toString("latin1", 0, bytesRead)).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#remember(line);
    }
    const whole = size - rest.length;
    if (rest !== "") {
      await file.truncate(whole);
      await file.datasync();
    }
    this.#read = whole;
    return whole;
  }

  #remember(line: string): void {
    if (line.indexOf(",") === ID_LENGTH) this.#ids.add(line.slice(0, ID_LENGTH));
  }

  async #checkHeader(file: FileHandle, size: number): Promise<void> {
    const start = Buffer.alloc(Math.min(size, HEADER.length));
    await file.read(start, 0, start.length, 0);
    if (HEADER.startsWith(start.toString("latin1")) && (start.length === HEADER.length || !start.includes(NEWLINE)))
      return;
    throw new EvenkeelError("EK_SETTING_INVALID", "the file that is there has other columns", {
      where: this.path,
      next: "name another file by CSV_PATH, or move this one away",
    });
  }
}

/** Appends in one write and to the disk itself, or leaves the file as it was. */
async function appendWhole(file: FileHandle, bytes: Buffer, size: number): Promise<void> {
  try {
    const { bytesWritten } = await file.write(bytes, 0, bytes.length);
    if (bytesWritten < bytes.length)
      throw Object.assign(new Error(`only ${bytesWritten} of ${bytes.length} bytes could be written`), {
        code: "ENOSPC",
      });
    await file.datasync();
  } catch (error) {
    await file.truncate(size).catch(() => undefined);
    throw error;
  }
}
