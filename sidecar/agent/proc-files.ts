import { closeSync, openSync, readdirSync, readSync } from "node:fs";

/** Above this many open files the rest are opened for each read: about 5 us more each. */
const MOST_KEPT = 800;
const CHUNK = 4096;

/** A small file that is read again and again. */
export interface ProcFile {
  /** Its text now; undefined when it is not there (any more). */
  read(): string | undefined;
  close(): void;
}

/** Reads small kernel files below one root, as cheaply as Node can: descriptors stay open and one buffer serves all. */
export class ProcFiles {
  readonly #root: string;
  readonly #keep: boolean;
  readonly #buffer = Buffer.allocUnsafeSlow(CHUNK);
  #kept = 0;

  /**
   * @param root the folder that stands for `/`
   * @param keep whether descriptors stay open between reads. In /proc a kept one also never reads a later process of the same PID.
   */
  constructor(root = "/", keep = true) {
    this.#root = root === "/" ? "" : root;
    this.#keep = keep;
  }

  /** The text of a file that is read once. */
  read(path: string): string | undefined {
    let fd: number;
    try {
      fd = openSync(this.#absolute(path), "r");
    } catch {
      return undefined;
    }
    try {
      return this.#readFrom(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** Names in a folder; undefined when it is not there. */
  list(path: string): string[] | undefined {
    try {
      return readdirSync(this.#absolute(path));
    } catch {
      return undefined;
    }
  }

  /** A file to be read often. */
  file(path: string): ProcFile {
    let fd: number | undefined;
    const close = () => {
      if (fd === undefined) return;
      closeSync(fd);
      fd = undefined;
      this.#kept--;
    };
    return {
      read: () => {
        if (fd === undefined) {
          if (!this.#keep || this.#kept >= MOST_KEPT) return this.read(path);
          try {
            fd = openSync(this.#absolute(path), "r");
          } catch {
            return undefined;
          }
          this.#kept++;
        }
        const text = this.#readFrom(fd);
        if (text === undefined) close();
        return text;
      },
      close,
    };
  }

  /** Paths come with and without a leading slash. */
  #absolute(path: string): string {
    return path.startsWith("/") ? this.#root + path : `${this.#root}/${path}`;
  }

  #readFrom(fd: number): string | undefined {
    try {
      const length = readSync(fd, this.#buffer, 0, CHUNK, 0);
      const text = this.#buffer.toString("latin1", 0, length);
      // The kernel ends a read at a whole record: more may follow one that is nearly full, and nothing follows a short one.
      return length < CHUNK / 2 ? text : text + this.#readOn(fd, length);
    } catch {
      return undefined;
    }
  }

  #readOn(fd: number, from: number): string {
    let text = "";
    let position = from;
    for (;;) {
      const length = readSync(fd, this.#buffer, 0, CHUNK, position);
      if (length === 0) return text;
      text += this.#buffer.toString("latin1", 0, length);
      position += length;
    }
  }
}
