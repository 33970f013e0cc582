/** The first bytes of a stream that may never end, as text. */
export class BoundedOutput {
  readonly #limit: number;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #lostBytes = 0;

  /** @param limit how many bytes are kept; the rest is only counted */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes a chunk; keeps a copy of what fits. */
  add(chunk: Buffer): void {
    const fits = Math.min(chunk.length, this.#limit - this.#keptBytes);
    if (fits > 0) this.#kept.push(chunk.subarray(0, fits));
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
    const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(this.#kept), {
      stream: this.truncated,
    });
    return this.truncated ? `${text}\n[cut here by the worker: ${this.#lostBytes} more bytes]\n` : text;
  }
}
