import { setTimeout as sleep } from "node:timers/promises";
import { BACKOFF, type BackoffOptions, backoffMs } from "../backoff.ts";
import { describeError, EvenkeelError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { KubeClient } from "./client.ts";
import { failureOfStatus, hasCode, malformed, unreachable } from "./failure.ts";
import { jsonLines } from "./json-lines.ts";
import { listAll, type Selection } from "./list.ts";
import type { KubeObject } from "./object.ts";
import { ObjectStore, type StoreChange } from "./object-store.ts";
import { describeTarget, type Target } from "./resource-type.ts";

export interface WatchOptions<T extends KubeObject> extends Selection {
  readonly log: Logger;
  /** Cuts an object down to what is needed, before it is kept: memory. managedFields are always dropped. */
  readonly keep?: (object: T) => T;
  /** A stream without a byte for this long is broken and opened anew, in ms. The server sends a bookmark each minute. */
  readonly silenceMs?: number;
  readonly backoff?: BackoffOptions;
  readonly pageSize?: number;
}

/** What a {@link Watched} tells its subscribers. */
export interface WatchSubscriber<T extends KubeObject> {
  /** One object came, changed or went. A throw is logged and stops nothing. */
  readonly onChange?: (change: StoreChange<T>) => void;
  /** {@link Watched.synced} or {@link Watched.fault} changed. */
  readonly onState?: () => void;
}

/** All objects of a target, kept as the cluster has them. */
export interface Watched<T extends KubeObject> {
  /** By {@link objectKey}. The last known state stays while the cluster cannot be reached. */
  readonly objects: ReadonlyMap<string, T>;
  /** The first list is in. */
  synced(): boolean;
  /** Settles when the first list is in, or at close. Never rejects. */
  readonly whenSynced: Promise<void>;
  /** Why the objects may be out of date just now; undefined when all is well. */
  fault(): EvenkeelError | undefined;
  /** @returns the end of the subscription */
  subscribe(subscriber: WatchSubscriber<T>): () => void;
  /** Settles when nothing of it is left. */
  close(): Promise<void>;
}

/** Bookmarks come about each minute; a stream that is silent for longer than this is dead. */
const SILENCE_MS = 90_000;
/** The server ends each stream after a time in this range, in seconds; reconnects of many clients spread out. */
const STREAM_SECONDS = { min: 240, max: 480 };
/** A stream that ends without an event sooner than this has failed, in ms. */
const SHORTEST_STREAM_MS = 1000;
/** Streams in a row that told nothing, after which the resource version itself is doubted and the list read again. */
const BARREN_STREAMS = 3;

/** Lists a target and follows its changes until it is closed, through whatever happens to the connection. */
export function watchAll<T extends KubeObject>(
  client: KubeClient,
  target: Target,
  options: WatchOptions<T>,
): Watched<T> {
  return new Watcher<T>(client, target, options);
}

class Watcher<T extends KubeObject> implements Watched<T> {
  readonly whenSynced: Promise<void>;
  readonly #client: KubeClient;
  readonly #target: Target;
  readonly #options: WatchOptions<T>;
  readonly #store = new ObjectStore<T>();
  readonly #subscribers = new Set<WatchSubscriber<T>>();
  readonly #closing = new AbortController();
  readonly #firstSync = Promise.withResolvers<void>();
  readonly #ended: Promise<void>;
  #synced = false;
  #fault: EvenkeelError | undefined;
  /** Where the next stream goes on; undefined: list first. */
  #version: string | undefined;

  constructor(client: KubeClient, target: Target, options: WatchOptions<T>) {
    this.#client = client;
    this.#target = target;
    this.#options = options;
    this.whenSynced = this.#firstSync.promise;
    this.#ended = this.#run();
  }

  get objects(): ReadonlyMap<string, T> {
    return this.#store.objects;
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
    this.#closing.abort();
    this.#subscribers.clear();
    await this.#ended;
    this.#firstSync.resolve();
  }

  /** List, then stream after stream; a failure waits, and costs a new list only when the version is at fault. */
  async #run(): Promise<void> {
    let failures = 0;
    let barren = 0;
    while (!this.#closing.signal.aborted) {
      try {
        this.#version ??= await this.#list();
        const version = this.#version;
        await this.#stream(version);
        failures = 0;
        barren = 0;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        const told = error instanceof StreamBroken;
        failures = told && error.progressed ? 1 : failures + 1;
        barren = told && error.progressed ? 0 : barren + 1;
        const cause = told ? error.cause : error;
        if (hasCode(cause, "EK_KUBE_GONE") || barren >= BARREN_STREAMS) {
          this.#version = undefined;
          barren = 0;
        }
        this.#noteFailure(cause, failures);
        await this.#pause(backoffMs(failures, this.#options.backoff ?? BACKOFF));
      }
    }
  }

  async #list(): Promise<string> {
    const { items, resourceVersion } = await listAll<T>(this.#client, this.#target, {
      labelSelector: this.#options.labelSelector,
      fieldSelector: this.#options.fieldSelector,
      signal: this.#closing.signal,
      keep: (object) => this.#trim(object),
      ...(this.#options.pageSize === undefined ? {} : { pageSize: this.#options.pageSize }),
    });
    for (const change of this.#store.replace(items)) this.#tell(change);
    this.#setFault(undefined);
    if (!this.#synced) {
      this.#synced = true;
      this.#tellState();
      this.#firstSync.resolve();
    }
    return resourceVersion;
  }

  /** Reads one stream until the server ends it. @throws StreamBroken when it ends in any other way */
  async #stream(version: string): Promise<void> {
    const watchdog = new AbortController();
    const silenceMs = this.#options.silenceMs ?? SILENCE_MS;
    const timer = setTimeout(() => watchdog.abort(new Error(`silent for ${silenceMs} ms`)), silenceMs);
    const opened = performance.now();
    let progressed = false;
    const asked = { verb: "watch", target: this.#target, server: this.#client.server } as const;
    try {
      const body = await this.#client.stream({
        verb: "watch",
        target: this.#target,
        query: {
          watch: "true",
          allowWatchBookmarks: "true",
          resourceVersion: version,
          timeoutSeconds: String(randomBetween(STREAM_SECONDS.min, STREAM_SECONDS.max)),
          labelSelector: this.#options.labelSelector,
          fieldSelector: this.#options.fieldSelector,
        },
        signal: AbortSignal.any([this.#closing.signal, watchdog.signal]),
      });
      this.#setFault(undefined);
      const feed = jsonLines((event) => {
        this.#take(event);
        progressed = true;
      });
      for await (const chunk of body) {
        timer.refresh();
        feed(chunk as Buffer);
      }
      // Else a proxy that ends each stream at once would be asked without a pause.
      if (!progressed && performance.now() < opened + SHORTEST_STREAM_MS) throw new Error("the stream ended at once");
    } catch (error) {
      const cause = watchdog.signal.aborted ? watchdog.signal.reason : error;
      throw new StreamBroken(progressed, cause instanceof EvenkeelError ? cause : this.#broken(cause, asked));
    } finally {
      clearTimeout(timer);
    }
  }

  #broken(cause: unknown, asked: Parameters<typeof malformed>[1]): EvenkeelError {
    return cause instanceof SyntaxError
      ? malformed("a line of the stream is not JSON", asked)
      : unreachable(cause, asked);
  }

  /** Takes one event in. @throws EvenkeelError for an ERROR event and for what is no event */
  #take(event: unknown): void {
    const asked = { verb: "watch", target: this.#target, server: this.#client.server } as const;
    const { type, object } = (event ?? {}) as { type?: unknown; object?: T };
    if (type === "ERROR") throw failureOfStatus(object, asked);
    const version = object?.metadata?.resourceVersion;
    if (object === undefined || version === undefined)
      throw malformed("the stream holds something else than events", asked);
    if (type === "ADDED" || type === "MODIFIED") this.#tell(this.#store.put(this.#trim(object)));
    else if (type === "DELETED") this.#tell(this.#store.remove(this.#trim(object)));
    else if (type !== "BOOKMARK") throw malformed(`the stream holds an event ${String(type)}`, asked);
    this.#version = version;
  }

  #trim(object: T): T {
    const { managedFields, ...metadata } = object.metadata;
    const trimmed = managedFields === undefined ? object : { ...object, metadata };
    return this.#options.keep?.(trimmed) ?? trimmed;
  }

  #tell(change: StoreChange<T> | undefined): void {
    if (change === undefined) return;
    for (const { onChange } of this.#subscribers) this.#guard(() => onChange?.(change));
  }

  #tellState(): void {
    for (const { onState } of this.#subscribers) this.#guard(() => onState?.());
  }

  /** Runs a subscriber: its failure is its own. */
  #guard(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#options.log.error(
        { watch: describeTarget(this.#target), error: describeError(error) },
        "a subscriber failed",
      );
    }
  }

  /** A stream that broke once is everyday life; the fault shows what does not mend at once. */
  #noteFailure(cause: unknown, failures: number): void {
    const asked = { verb: "watch", target: this.#target, server: this.#client.server } as const;
    const error = cause instanceof EvenkeelError ? cause : unreachable(cause, asked);
    const place = { watch: describeTarget(this.#target), failures };
    if (failures === 1 && this.#synced) {
      this.#options.log.debug(place, error.describe());
      return;
    }
    this.#options.log[this.#fault?.code === error.code ? "debug" : "warn"](place, error.describe());
    this.#setFault(error);
  }

  #setFault(fault: EvenkeelError | undefined): void {
    if (this.#fault === fault || (this.#fault?.code === fault?.code && this.#fault?.message === fault?.message)) return;
    const mended = this.#fault !== undefined && fault === undefined;
    this.#fault = fault;
    if (mended) this.#options.log.info({ watch: describeTarget(this.#target) }, "the watch works again");
    this.#tellState();
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }
}

/** How a stream ended before its time. */
class StreamBroken extends Error {
  /** It told at least one event. */
  readonly progressed: boolean;

  constructor(progressed: boolean, cause: EvenkeelError) {
    super(cause.message, { cause });
    this.progressed = progressed;
  }
}

function randomBetween(min: number, max: number): number {
  return Math.round(min + Math.random() * (max - min));
}
