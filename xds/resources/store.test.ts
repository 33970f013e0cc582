import { describe, expect, test, vi } from "vitest";
import { type EncodedResource, TYPE_URLS, type TypeUrl } from "./resource.ts";
import { ResourceStore } from "./store.ts";

function resource(name: string, version: string, typeUrl: TypeUrl = TYPE_URLS.endpoints): EncodedResource {
  return { typeUrl, name, version, any: Buffer.from(version) };
}

function listening(store: ResourceStore) {
  const told: Record<string, string[]>[] = [];
  store.subscribe((changed) => {
    told.push(Object.fromEntries([...changed].map(([typeUrl, names]) => [typeUrl, [...names]])));
  });
  return told;
}

describe("ResourceStore", () => {
  test("a change is visible as a whole when it is told", () => {
    const store = new ResourceStore();
    const seen: (string | undefined)[] = [];
    store.subscribe(() =>
      seen.push(store.get(TYPE_URLS.cluster, "a")?.version, store.get(TYPE_URLS.endpoints, "a")?.version),
    );
    store.apply({ upsert: [resource("a", "1", TYPE_URLS.cluster), resource("a", "2")], remove: [] });
    expect(seen).toEqual(["1", "2"]);
  });

  test("nothing is told when no version changed", () => {
    const store = new ResourceStore();
    store.apply({ upsert: [resource("a", "1")], remove: [] });
    const told = listening(store);
    store.apply({ upsert: [resource("a", "1")], remove: [{ typeUrl: TYPE_URLS.endpoints, name: "never was" }] });
    store.apply({ upsert: [], remove: [] });
    expect(told).toEqual([]);
    store.apply({ upsert: [resource("a", "2"), resource("b", "1")], remove: [] });
    expect(told).toEqual([{ [TYPE_URLS.endpoints]: ["a", "b"] }]);
  });

  test("what is removed and upserted at once stays", () => {
    const store = new ResourceStore();
    store.apply({ upsert: [resource("a", "1")], remove: [] });
    store.apply({ upsert: [resource("a", "2")], remove: [{ typeUrl: TYPE_URLS.endpoints, name: "a" }] });
    expect(store.get(TYPE_URLS.endpoints, "a")?.version).toBe("2");
  });

  test("the version depends on what is there, not on how it came", () => {
    const one = new ResourceStore();
    one.apply({ upsert: [resource("a", "1"), resource("b", "1")], remove: [] });
    one.apply({ upsert: [resource("b", "2"), resource("c", "9")], remove: [] });
    one.apply({ upsert: [], remove: [{ typeUrl: TYPE_URLS.endpoints, name: "c" }] });
    const other = new ResourceStore();
    other.apply({ upsert: [resource("b", "2")], remove: [] });
    other.apply({ upsert: [resource("a", "1")], remove: [] });
    expect(one.version(TYPE_URLS.endpoints)).toBe(other.version(TYPE_URLS.endpoints));
    expect(one.version(TYPE_URLS.endpoints)).not.toBe(one.version(TYPE_URLS.cluster));
    other.apply({ upsert: [resource("a", "2"), resource("b", "1")], remove: [] });
    expect(other.version(TYPE_URLS.endpoints)).not.toBe(one.version(TYPE_URLS.endpoints));
  });

  test("an empty type has a version, the one it had before anything came", () => {
    const store = new ResourceStore();
    const empty = store.version(TYPE_URLS.route);
    expect(empty).not.toBe("");
    store.apply({ upsert: [resource("a", "1", TYPE_URLS.route)], remove: [] });
    expect(store.version(TYPE_URLS.route)).not.toBe(empty);
    store.apply({ upsert: [], remove: [{ typeUrl: TYPE_URLS.route, name: "a" }] });
    expect(store.version(TYPE_URLS.route)).toBe(empty);
    expect(store.all(TYPE_URLS.route).size).toBe(0);
  });

  test("a listener that has ended its subscription hears nothing", () => {
    const store = new ResourceStore();
    let calls = 0;
    const end = store.subscribe(() => {
      calls += 1;
    });
    end();
    store.apply({ upsert: [resource("a", "1")], remove: [] });
    expect(calls).toBe(0);
  });

  describe("a name that is expected", () => {
    test("is pending until it is there", () => {
      const store = new ResourceStore();
      store.expect(TYPE_URLS.endpoints, "a", 1000);
      expect(store.pending(TYPE_URLS.endpoints, "a")).toBe(true);
      expect(store.pending(TYPE_URLS.cluster, "a")).toBe(false);
      store.apply({ upsert: [resource("a", "1")], remove: [] });
      expect(store.pending(TYPE_URLS.endpoints, "a")).toBe(false);
    });

    test("is told once its time is over", () => {
      vi.useFakeTimers();
      try {
        const store = new ResourceStore();
        const told = listening(store);
        store.expect(TYPE_URLS.endpoints, "a", 1000);
        store.expect(TYPE_URLS.endpoints, "b", 1000);
        store.unexpect(TYPE_URLS.endpoints, "b");
        vi.advanceTimersByTime(1000);
        expect(store.pending(TYPE_URLS.endpoints, "a")).toBe(false);
        expect(told).toEqual([{ [TYPE_URLS.endpoints]: ["a"] }]);
      } finally {
        vi.useRealTimers();
      }
    });
  });
});
