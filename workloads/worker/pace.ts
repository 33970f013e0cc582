/** How long a pause may be, in ms: so long as that is made up for, a sender is not slow. */
const LONGEST_PAUSE_MS = 10_000;

/**
 * Tells whether bytes come at a least rate, pauses allowed: a bucket that time empties at that rate and each byte fills. What
 * came fast at first does not buy a longer pause afterwards.
 */
export class Pace {
  readonly #bytesPerMs: number;
  readonly #full: number;
  #left: number;

  /** @param bytesPerSecond the least rate */
  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#full = this.#bytesPerMs * LONGEST_PAUSE_MS;
    this.#left = this.#full;
  }

  received(bytes: number): void {
    this.#left = Math.min(this.#full, this.#left + bytes);
  }

  /**
   * Lets time pass.
   * @returns whether the sender has kept up
   */
  pass(ms: number): boolean {
    this.#left -= ms * this.#bytesPerMs;
    return this.#left >= 0;
  }
}
