import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { expectDemanded } from "./expect-demanded.ts";
import type { Fleet } from "./fleet/fleet.ts";
import { TYPE_URLS, type TypeUrl } from "./resources/resource.ts";
import { ResourceStore } from "./resources/store.ts";
import { Demand } from "./server/demand.ts";
import { put } from "./server/test-support.ts";

const { cluster: CDS, endpoints: EDS, route: RDS } = TYPE_URLS;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function parts(settleTimeoutMs = 4000) {
  const store = new ResourceStore();
  const demand = new Demand();
  const clusters = new Map([["settling", {}]]) as unknown as Fleet["clusters"];
  const source = {
    current: () => ({ clusters, listeners: new Map() }),
    makes: (name: string) => name.startsWith("outbound|"),
  };
  const end = expectDemanded({ demand, source, store, settleTimeoutMs });
  return { store, demand, end };
}

test.each<[string, TypeUrl, string, boolean]>([
  ["a name that the source makes on demand", EDS, "outbound|80||a.b.svc.cluster.local", true],
  ["its cluster", CDS, "outbound|80||a.b.svc.cluster.local", true],
  ["a cluster of the fleet that settles", EDS, "settling", true],
  ["a name that nobody makes", EDS, "made up", false],
  ["a route of that name", RDS, "settling", false],
])("%s", (_what, typeUrl, name, pending) => {
  const { store, demand } = parts();
  demand.add(typeUrl, name);
  expect(store.pending(typeUrl, name)).toBe(pending);
  demand.drop(typeUrl, name);
  expect(store.pending(typeUrl, name)).toBe(false);
});

test("what is there is not waited for", () => {
  const { store, demand } = parts();
  put(store, [EDS, "settling"]);
  demand.add(EDS, "settling");
  expect(store.pending(EDS, "settling")).toBe(false);
});

test.each([
  [4000, 15_000],
  [30_000, 35_000],
])("clusters that settle for %i ms are waited for %i ms", (settleTimeoutMs, boundMs) => {
  const { store, demand } = parts(settleTimeoutMs);
  demand.add(EDS, "settling");
  vi.advanceTimersByTime(boundMs - 1);
  expect(store.pending(EDS, "settling")).toBe(true);
  vi.advanceTimersByTime(1);
  expect(store.pending(EDS, "settling")).toBe(false);
});

test("a second client does not begin the time anew, and the end ends it", () => {
  const { store, demand, end } = parts();
  demand.add(EDS, "settling");
  vi.advanceTimersByTime(14_000);
  demand.add(EDS, "settling");
  vi.advanceTimersByTime(1000);
  expect(store.pending(EDS, "settling")).toBe(false);
  end();
  demand.add(EDS, "outbound|80||a.b.svc.cluster.local");
  expect(store.pending(EDS, "outbound|80||a.b.svc.cluster.local")).toBe(false);
});
