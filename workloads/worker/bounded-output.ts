/** What is kept at first, in bytes: most scripts say little. */
const FIRST_BYTES = 4096;

/** The first bytes of a stream that may never end, as text. */
export class BoundedOutput {
  readonly #limit: number;
  /** One buffer that grows: a script that writes single bytes must not cost an object for each. */
  #kept = Buffer.alloc(0);
  #keptBytes = 0;
  #lostBytes = 0;

  /** @param limit how many bytes are kept; the rest is only counted */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a chunk; keeps a copy of what fits. */
  add(chunk: Buffer): void {
    const fits = Math.min(chunk.length, this.#limit - this.#keptBytes);
    this.#reserve(this.#keptBytes + fits);
    chunk.copy(this.#kept, this.#keptBytes, 0, fits);
    this.#keptBytes += fits;
    this.#lostBytes += chunk.length - fits;
  }

  /** Whether something was lost. */
  get truncated(): boolean {
    return this.#lostBytes > 0;
  }

  /** What was kept; bytes that are not UTF-8 become U+FFFD, and a last line says how much was lost. */
  text(): string {
    // As a stream, so that a character that the limit cut in two is dropped and not mangled.
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.#kept.subarray(0, this.#keptBytes), {
      stream: this.truncated,
    });
    return this.truncated ? `${text}\n[cut here by the worker: ${this.#lostBytes} more bytes]\n` : text;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#kept.length) return;
    const larger = Buffer.alloc(Math.min(this.#limit, Math.max(bytes, 2 * this.#kept.length, FIRST_BYTES)));
    this.#kept.copy(larger);
    this.#kept = larger;
  }
}
