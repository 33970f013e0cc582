/** Those that want to hear of a change, each called with `A`. */
export class Listeners<A extends readonly unknown[] = []> {
  /** Made anew when somebody comes or goes: telling, which is often, copies nothing. */
  #all: ReadonlySet<(...args: A) => void> = new Set();

  get size(): number {
    return this.#all.size;
  }

  /** @returns what unsubscribes it */
  subscribe(listener: (...args: A) => void): () => void {
    this.#all = new Set([...this.#all, listener]);
    return () => {
      this.#all = new Set([...this.#all].filter((each) => each !== listener));
    };
  }

  /** One that subscribes or leaves meanwhile counts from the next time on. */
  tell(...args: A): void {
    for (const listener of this.#all) listener(...args);
  }

  clear(): void {
    this.#all = new Set();
  }
}
