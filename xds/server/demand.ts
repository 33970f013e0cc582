import { Listeners } from "../../common/listeners.ts";
import type { DemandReader, TypeUrl } from "../resources/resource.ts";

type Listener = (typeUrl: TypeUrl, name: string, subscribers: number) => void;

const NOBODY: ReadonlySet<string> = new Set();

/** Counts who asks for what by name, over all streams. A name that nobody asks for any more leaves nothing behind. */
export class Demand implements DemandReader {
  readonly #counts = new Map<TypeUrl, Map<string, number>>();
  readonly #names = new Map<TypeUrl, Set<string>>();
  readonly #listeners = new Listeners<Parameters<Listener>>();

  subscribers(typeUrl: TypeUrl, name: string): number {
    return this.#counts.get(typeUrl)?.get(name) ?? 0;
  }

  names(typeUrl: TypeUrl): ReadonlySet<string> {
    return this.#names.get(typeUrl) ?? NOBODY;
  }

  subscribe(listener: Listener): () => void {
    return this.#listeners.subscribe(listener);
  }

  /** One more stream asks for `name`. */
  add(typeUrl: TypeUrl, name: string): void {
    this.#set(typeUrl, name, this.subscribers(typeUrl, name) + 1);
  }

  /** One stream fewer asks for `name`. */
  drop(typeUrl: TypeUrl, name: string): void {
    const before = this.subscribers(typeUrl, name);
    if (before > 0) this.#set(typeUrl, name, before - 1);
  }

  #set(typeUrl: TypeUrl, name: string, subscribers: number): void {
    const counts = this.#counts.get(typeUrl) ?? new Map<string, number>();
    const names = this.#names.get(typeUrl) ?? new Set<string>();
    this.#counts.set(typeUrl, counts);
    this.#names.set(typeUrl, names);
    if (subscribers === 0) {
      counts.delete(name);
      names.delete(name);
    } else {
      counts.set(name, subscribers);
      names.add(name);
    }
    this.#listeners.tell(typeUrl, name, subscribers);
  }
}
