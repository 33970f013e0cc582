import { expect, test } from "vitest";
import { TYPE_URLS } from "../resources/resource.ts";
import { Demand } from "./demand.ts";

test("counts each name over all streams and forgets what nobody wants", () => {
  const demand = new Demand();
  const told: [string, number][] = [];
  const end = demand.subscribe((_typeUrl, name, subscribers) => told.push([name, subscribers]));
  demand.add(TYPE_URLS.endpoints, "a");
  demand.add(TYPE_URLS.endpoints, "a");
  demand.add(TYPE_URLS.cluster, "a");
  expect(demand.subscribers(TYPE_URLS.endpoints, "a")).toBe(2);
  expect([...demand.names(TYPE_URLS.endpoints)]).toEqual(["a"]);
  demand.drop(TYPE_URLS.endpoints, "a");
  demand.drop(TYPE_URLS.endpoints, "a");
  demand.drop(TYPE_URLS.endpoints, "a");
  expect(demand.names(TYPE_URLS.endpoints).size).toBe(0);
  expect(demand.subscribers(TYPE_URLS.cluster, "a")).toBe(1);
  end();
  demand.add(TYPE_URLS.endpoints, "b");
  expect(told).toEqual([
    ["a", 1],
    ["a", 2],
    ["a", 1],
    ["a", 1],
    ["a", 0],
  ]);
});
