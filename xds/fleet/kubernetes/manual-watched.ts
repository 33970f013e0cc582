import type { EvenkeelError } from "../../../common/errors.ts";
import type { KubeObject } from "../../../common/kubernetes/object.ts";
import { ObjectStore } from "../../../common/kubernetes/object-store.ts";
import type { Watched, WatchSubscriber } from "../../../common/kubernetes/watch.ts";

/** A watch for tests, set by hand. */
export class ManualWatched<T extends KubeObject> implements Watched<T> {
  readonly whenSynced = Promise.resolve();
  readonly #store = new ObjectStore<T>();
  readonly #subscribers = new Set<WatchSubscriber<T>>();
  #synced = false;
  #fault: EvenkeelError | undefined;
  #version = 0;

  get objects(): ReadonlyMap<string, T> {
    return this.#store.objects;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  /** Takes an object in, as a new version. */
  put(object: T): void {
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    const change = this.#store.put({ ...object, metadata });
    if (change !== undefined) for (const { onChange } of this.#subscribers) onChange?.(change);
  }

  remove(object: T): void {
    const change = this.#store.remove(object);
    if (change !== undefined) for (const { onChange } of this.#subscribers) onChange?.(change);
  }

  set(state: { readonly synced?: boolean; readonly fault?: EvenkeelError | undefined }): void {
    this.#synced = state.synced ?? this.#synced;
    this.#fault = state.fault;
    for (const { onState } of this.#subscribers) onState?.();
  }

  synced(): boolean {
    return this.#synced;
  }

  fault(): EvenkeelError | undefined {
    return this.#fault;
  }

  subscribe(subscriber: WatchSubscriber<T>): () => void {
    this.#subscribers.add(subscriber);
    return () => this.#subscribers.delete(subscriber);
  }

  async close(): Promise<void> {
    this.#subscribers.clear();
  }
}
