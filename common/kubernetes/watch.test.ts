import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { KubeClient } from "./client.ts";
import { FakeApi, type Fault } from "./fake-api.ts";
import { type KubeObject, objectKey } from "./object.ts";
import type { StoreChange } from "./object-store.ts";
import { RESOURCES } from "./resource-type.ts";
import { type Watched, type WatchOptions, watchAll } from "./watch.ts";

const log = pino({ level: "silent" });
const target = { resource: RESOURCES.configMaps };
const LONG = { timeout: 60_000, interval: 10 };

let api: FakeApi;
let client: KubeClient;
let watched: Watched<KubeObject>;
/** The state as a subscriber that only hears of changes knows it. */
let heard: Map<string, string | undefined>;
let wrong: string[];

beforeEach(async () => {
  api = new FakeApi();
  await api.start();
  client = api.client();
});

afterEach(async () => {
  await watched.close();
  client.close();
  await api.stop();
});

function open(options: Partial<WatchOptions<KubeObject>> = {}): void {
  heard = new Map();
  wrong = [];
  watched = watchAll<KubeObject>(client, target, { log, backoff: { baseMs: 5, maxMs: 50 }, ...options });
  watched.subscribe({ onChange: listen });
}

function listen(change: StoreChange<KubeObject>): void {
  const known = heard.has(change.key);
  if (known === (change.type === "added")) wrong.push(`${change.type} ${change.key}`);
  if (change.type === "deleted") heard.delete(change.key);
  else heard.set(change.key, change.object.metadata.resourceVersion);
}

const versions = (objects: ReadonlyMap<string, KubeObject>) =>
  Object.fromEntries([...objects].map(([key, { metadata }]) => [key, metadata.resourceVersion]).sort());

/** Waits until the store and the subscriber know exactly the cluster's state. */
async function converged(): Promise<void> {
  await vi.waitFor(() => {
    expect(versions(watched.objects)).toEqual(versions(api.objects));
    expect(Object.fromEntries([...heard].sort())).toEqual(versions(api.objects));
  }, LONG);
  expect(wrong).toEqual([]);
}

async function streaming(count = 1): Promise<void> {
  await vi.waitFor(() => expect(api.streams).toBe(count), LONG);
}

test("lists in pages, then follows; managedFields are dropped; close leaves nothing", async () => {
  for (let index = 0; index < 25; index += 1) api.put("a", `object-${index}`);
  open({ pageSize: 10, labelSelector: "app=x", fieldSelector: "metadata.name!=y" });
  expect(watched.synced()).toBe(false);
  await watched.whenSynced;
  expect(watched.synced()).toBe(true);
  await converged();
  expect(api.requests.slice(0, 3).map((query) => query.get("limit"))).toEqual(["10", "10", "10"]);
  for (const query of api.requests) {
    expect(query.get("labelSelector")).toBe("app=x");
    expect(query.get("fieldSelector")).toBe("metadata.name!=y");
  }
  await streaming();
  expect(api.requests.at(-1)?.get("allowWatchBookmarks")).toBe("true");
  api.put("a", "object-3");
  api.delete("a", "object-4");
  api.put("b", "object-4");
  await converged();
  expect(watched.objects.get("b/object-4")?.metadata.managedFields).toBeUndefined();
  await watched.close();
  client.close();
  await vi.waitFor(() => expect(api.connections).toBe(0), LONG);
});

describe("the state is the cluster's again after", () => {
  const onStreams: Fault[] = [
    "reset",
    "gone event",
    "error event",
    "garbage line",
    "half a line",
    "no metadata",
    "end",
    "silence",
  ];
  test.each(onStreams)("a stream's %s", async (fault) => {
    api.put("a", "kept");
    api.put("a", "changed");
    api.put("a", "deleted");
    open({ silenceMs: fault === "silence" ? 200 : 60_000 });
    await watched.whenSynced;
    await streaming();
    api.break(fault);
    api.put("a", "changed");
    api.delete("a", "deleted");
    api.put("a", "added");
    await converged();
  });

  const onRequests: Fault[] = ["reset", "error 500", "error 429", "gone"];
  test.each(onRequests)("a request's %s, twice", async (fault) => {
    api.put("a", "one");
    open();
    await watched.whenSynced;
    await streaming();
    api.failNext(fault, fault);
    api.break("reset");
    api.put("a", "two");
    api.delete("a", "one");
    await converged();
  });

  test("failures of the first list", async () => {
    api.put("a", "one");
    api.failNext("reset", "error 500", "gone", "error 429");
    open();
    await vi.waitFor(() => expect(watched.fault()).toBeDefined(), LONG);
    await watched.whenSynced;
    expect(watched.fault()).toBeUndefined();
    await converged();
  });

  test("a list whose pages expire under it", async () => {
    for (let index = 0; index < 20; index += 1) api.put("a", `object-${index}`);
    api.failNext();
    open({ pageSize: 5 });
    // Changes all the time: a later page is of a state that is gone.
    const timer = setInterval(() => api.put("a", "busy"), 1);
    await watched.whenSynced;
    clearInterval(timer);
    await converged();
  });

  test("a server that was away, and lost its history meanwhile", async () => {
    for (let index = 0; index < 5; index += 1) api.put("a", `object-${index}`);
    open();
    await watched.whenSynced;
    await api.stop();
    await vi.waitFor(() => expect(watched.fault()?.code).toBe("EK_KUBE_UNREACHABLE"), LONG);
    expect(watched.objects.size).toBe(5);
    api.delete("a", "object-1");
    api.put("a", "object-2");
    // Deleted and made anew: another object of the same name.
    api.delete("a", "object-3");
    api.put("a", "object-3");
    api.compact();
    await api.start();
    await vi.waitFor(() => expect(watched.fault()).toBeUndefined(), LONG);
    await converged();
  });
});

test("a quiet stream goes on from its bookmark", async () => {
  api.put("a", "one");
  open();
  await watched.whenSynced;
  await streaming();
  const lists = () => api.requests.filter((query) => query.get("watch") === null).length;
  const before = lists();
  api.changeElsewhere(50);
  api.compact();
  api.bookmark();
  api.break("end");
  api.put("a", "two");
  await converged();
  expect(lists()).toBe(before);
});

test("a subscriber that throws stops nobody", async () => {
  api.put("a", "one");
  const bad = vi.fn(() => {
    throw new Error("mine");
  });
  open();
  watched.subscribe({ onChange: bad, onState: bad });
  await watched.whenSynced;
  await streaming();
  api.put("a", "two");
  await converged();
  expect(bad).toHaveBeenCalled();
});

test("close while the server is away settles, and so does whenSynced", async () => {
  await api.stop();
  open();
  await vi.waitFor(() => expect(watched.fault()).toBeDefined(), LONG);
  await watched.close();
  await watched.whenSynced;
  expect(watched.synced()).toBe(false);
  await api.start();
});

test("thousands of events through every fault end with exactly the cluster's state", async () => {
  const random = seeded(7);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const streamFaults: Fault[] = [
    "reset",
    "gone event",
    "error event",
    "garbage line",
    "half a line",
    "no metadata",
    "end",
  ];
  const requestFaults: Fault[] = ["reset", "error 500", "error 429", "gone", "end"];
  open({ pageSize: 7, silenceMs: 500 });
  await watched.whenSynced;
  for (let event = 0; event < 6000; event += 1) {
    const name = `object-${Math.floor(random() * 40)}`;
    if (random() < 0.3) api.delete("a", name);
    else api.put("a", name);
    const dice = random();
    if (dice < 0.01) api.break(pick(streamFaults));
    else if (dice < 0.015) api.failNext(pick(requestFaults));
    else if (dice < 0.017) api.compact();
    else if (dice < 0.018) api.break("silence");
    else if (dice < 0.02) api.resetAll();
    if (event % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await converged();
  expect(api.requests.length).toBeGreaterThan(20);
  expect(api.streams).toBeLessThanOrEqual(1);
}, 120_000);

/** A small generator with a seed (mulberry32), so that a failure can be had again. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

test("keys name namespace and name", () => {
  expect(objectKey({ namespace: "a", name: "b" })).toBe("a/b");
  expect(objectKey({ name: "node-1" })).toBe("node-1");
});
