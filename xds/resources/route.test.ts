import { expect, it } from "vitest";
import type { FrontDoor } from "../fleet/fleet.ts";
import { encodeResource } from "./encode.ts";
import { TYPE_URLS } from "./resource.ts";
import { routeMessage } from "./route.ts";

const DOOR: FrontDoor = {
  name: "front-door",
  address: "0.0.0.0",
  port: 8080,
  maxRequestBytes: 64 * 2 ** 20,
  routes: [
    { prefix: "/slow", cluster: "slow", timeoutMs: undefined },
    { prefix: "/", cluster: "workers", timeoutMs: 1500 },
  ],
};

const routes = () => routeMessage(DOOR).virtualHosts[0]?.routes ?? [];

it("refuses what is said to be too large before all else", () => {
  expect(routes()[0]).toMatchObject({
    match: {
      headers: [{ name: "content-length", headerMatchSpecifier: { rangeMatch: { start: 64n * 2n ** 20n + 1n } } }],
    },
    action: { directResponse: { status: 413 } },
  });
});

it("keeps the door's order, clusters and times; 0 is Envoy's word for no limit", () => {
  const table = routes()
    .slice(1)
    .map(({ match, action }) => {
      const to = action?.$case === "route" ? action.route : undefined;
      return [match?.pathSpecifier, to?.clusterSpecifier, to?.timeout];
    });
  expect(table).toEqual([
    [
      { $case: "prefix", prefix: "/slow" },
      { $case: "cluster", cluster: "slow" },
      { seconds: 0n, nanos: 0 },
    ],
    [
      { $case: "prefix", prefix: "/" },
      { $case: "cluster", cluster: "workers" },
      { seconds: 1n, nanos: 5e8 },
    ],
  ]);
});

it("tries again only where nothing was started", () => {
  const retry = routeMessage(DOOR).virtualHosts[0]?.retryPolicy;
  expect(retry?.retryOn.split(",").sort()).toEqual([
    "connect-failure",
    "refused-stream",
    "reset-before-request",
    "retriable-headers",
  ]);
  expect(retry?.retriableHeaders.map(({ name }) => name)).toEqual(["x-evenkeel-not-started"]);
  expect(retry?.retriableStatusCodes).toEqual([]);
});

it("passes Envoy's rules", () => {
  expect(encodeResource(TYPE_URLS.route, DOOR.name, routeMessage(DOOR)).name).toBe(DOOR.name);
});
