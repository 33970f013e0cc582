import { createHash } from "node:crypto";
import { Listeners } from "../../common/listeners.ts";
import { type EncodedResource, type ResourceChange, type ResourceReader, TYPE_URLS, type TypeUrl } from "./resource.ts";

type Listener = (changed: ReadonlyMap<TypeUrl, ReadonlySet<string>>) => void;

/** 128 bits: sums of digests wrap here. */
const DIGEST_SPACE = 1n << 128n;

/** The resources of one type, with a digest of all of them that is kept up to date with each change. */
interface Shelf {
  readonly resources: Map<string, EncodedResource>;
  digest: bigint;
  version: string;
}

/**
 * All resources that may be served, the newest version of each. A change is visible as a whole before anybody is told,
 * and nobody is told when no version changed.
 */
export class ResourceStore implements ResourceReader {
  readonly #shelves: ReadonlyMap<TypeUrl, Shelf>;
  readonly #listeners = new Listeners<Parameters<Listener>>();
  readonly #expected = new Map<TypeUrl, Map<string, NodeJS.Timeout>>();

  constructor() {
    this.#shelves = new Map(
      Object.values(TYPE_URLS).map((typeUrl) => [
        typeUrl,
        { resources: new Map(), digest: 0n, version: versionOf(0n) } satisfies Shelf,
      ]),
    );
  }

  get(typeUrl: TypeUrl, name: string): EncodedResource | undefined {
    return this.#shelf(typeUrl).resources.get(name);
  }

  all(typeUrl: TypeUrl): ReadonlyMap<string, EncodedResource> {
    return this.#shelf(typeUrl).resources;
  }

  version(typeUrl: TypeUrl): string {
    return this.#shelf(typeUrl).version;
  }

  pending(typeUrl: TypeUrl, name: string): boolean {
    return this.#expected.get(typeUrl)?.has(name) ?? false;
  }

  /** Somebody is about to make this resource: it is pending until it is there, for `withinMs` at most. */
  expect(typeUrl: TypeUrl, name: string, withinMs: number): void {
    if (this.get(typeUrl, name) !== undefined || this.pending(typeUrl, name)) return;
    const names = this.#expected.get(typeUrl) ?? new Map<string, NodeJS.Timeout>();
    const giveUp = () => {
      this.unexpect(typeUrl, name);
      this.#listeners.tell(new Map([[typeUrl, new Set([name])]]));
    };
    this.#expected.set(typeUrl, names.set(name, setTimeout(giveUp, withinMs).unref()));
  }

  /** It is waited for no longer; nobody is told. */
  unexpect(typeUrl: TypeUrl, name: string): void {
    const names = this.#expected.get(typeUrl);
    clearTimeout(names?.get(name));
    names?.delete(name);
  }

  subscribe(listener: Listener): () => void {
    return this.#listeners.subscribe(listener);
  }

  /** Puts a change in. What is both removed and upserted stays, in its new version. */
  apply(change: ResourceChange): void {
    const changed = new Map<TypeUrl, Set<string>>();
    const touch = (typeUrl: TypeUrl, name: string) => {
      const names = changed.get(typeUrl);
      if (names === undefined) changed.set(typeUrl, new Set([name]));
      else names.add(name);
    };
    const upserted = new Set(change.upsert.map(({ typeUrl, name }) => `${typeUrl} ${name}`));
    for (const { typeUrl, name } of change.remove)
      if (!upserted.has(`${typeUrl} ${name}`) && this.#replace(typeUrl, name, undefined)) touch(typeUrl, name);
    for (const resource of change.upsert)
      if (this.#replace(resource.typeUrl, resource.name, resource)) touch(resource.typeUrl, resource.name);
    if (changed.size === 0) return;
    for (const typeUrl of changed.keys()) {
      const shelf = this.#shelf(typeUrl);
      shelf.version = versionOf(shelf.digest);
    }
    this.#listeners.tell(changed);
  }

  /** Returns whether the version of `name` is another one now. */
  #replace(typeUrl: TypeUrl, name: string, next: EncodedResource | undefined): boolean {
    const shelf = this.#shelf(typeUrl);
    const old = shelf.resources.get(name);
    if (next !== undefined) this.unexpect(typeUrl, name);
    if (old?.version === next?.version) return false;
    const delta = (next === undefined ? 0n : digestOf(next)) - (old === undefined ? 0n : digestOf(old));
    shelf.digest = (shelf.digest + delta + DIGEST_SPACE) % DIGEST_SPACE;
    if (next === undefined) shelf.resources.delete(name);
    else shelf.resources.set(name, next);
    return true;
  }

  #shelf(typeUrl: TypeUrl): Shelf {
    const shelf = this.#shelves.get(typeUrl);
    if (shelf === undefined) throw new RangeError(`no resources of type ${typeUrl} are served`);
    return shelf;
  }
}

/**
 * The digest of a set is the sum of its members' digests modulo 2^128, so that a change costs only what it touches
 * (Bellare and Micciancio, "A New Paradigm for Collision-free Hashing", 1997: AdHash). Nobody attacks it here: all
 * members are our own.
 */
function digestOf(resource: EncodedResource): bigint {
  const hash = createHash("sha256").update(resource.name).update("\0").update(resource.version).digest("hex");
  return BigInt(`0x${hash.slice(0, 32)}`);
}

/** 16 hexadecimal digits; never empty, because an empty version means "none" in xDS. */
function versionOf(digest: bigint): string {
  return digest.toString(16).padStart(32, "0").slice(0, 16);
}
