import { type KubeObject, objectKey } from "./object.ts";

export type StoreChange<T> =
  | { readonly type: "added"; readonly key: string; readonly object: T }
  | { readonly type: "modified"; readonly key: string; readonly object: T; readonly previous: T }
  /** The object as it last was. */
  | { readonly type: "deleted"; readonly key: string; readonly object: T };

/** Objects by key, each in its newest known version, and what changed from one state to the next. */
export class ObjectStore<T extends KubeObject> {
  readonly #objects = new Map<string, T>();

  get objects(): ReadonlyMap<string, T> {
    return this.#objects;
  }

  /** @returns undefined when this very version is already here */
  put(object: T): StoreChange<T> | undefined {
    const key = objectKey(object.metadata);
    const previous = this.#objects.get(key);
    if (previous?.metadata.resourceVersion === object.metadata.resourceVersion && previous !== undefined)
      return undefined;
    this.#objects.set(key, object);
    return previous === undefined ? { type: "added", key, object } : { type: "modified", key, object, previous };
  }

  remove(object: T): StoreChange<T> | undefined {
    const key = objectKey(object.metadata);
    return this.#objects.delete(key) ? { type: "deleted", key, object } : undefined;
  }

  /** Makes the state exactly `objects`. An object that was deleted and made anew meanwhile counts as both. */
  replace(objects: readonly T[]): readonly StoreChange<T>[] {
    const changes: StoreChange<T>[] = [];
    const present = new Map(objects.map((object) => [objectKey(object.metadata), object]));
    for (const [key, object] of [...this.#objects]) {
      const now = present.get(key);
      if (now !== undefined && now.metadata.uid === object.metadata.uid) continue;
      this.#objects.delete(key);
      changes.push({ type: "deleted", key, object });
    }
    for (const object of objects) {
      const change = this.put(object);
      if (change !== undefined) changes.push(change);
    }
    return changes;
  }
}
