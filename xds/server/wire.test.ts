import { expect, test } from "vitest";
import { ClusterLoadAssignment } from "../../proto/generated/envoy/config/endpoint/v3/endpoint.ts";
import {
  DeltaDiscoveryResponse,
  DiscoveryResponse,
} from "../../proto/generated/envoy/service/discovery/v3/discovery.ts";
import { ResourceStore } from "../resources/store.ts";
import { Bodies } from "./bodies.ts";
import type { Plan } from "./subscription.ts";
import { EDS, encoded, put, resource } from "./test-support.ts";
import { deltaBody, encodeFrame, sotwBody } from "./wire.ts";

const a = resource(EDS, "a", "1");
const longName = "ü".repeat(90);
const long = resource(EDS, longName, "2");

test("the hand-made DiscoveryResponse reads as the generated codec writes it", () => {
  const frame = encodeFrame({ body: sotwBody(EDS, "v7", [a, long]), nonce: "n1" });
  const response = DiscoveryResponse.decode(frame);
  expect(response).toMatchObject({ versionInfo: "v7", typeUrl: EDS, nonce: "n1", canary: false });
  expect(response.resources.map(({ typeUrl }) => typeUrl)).toEqual([EDS, EDS]);
  const names = response.resources.map(({ value }) => ClusterLoadAssignment.decode(value).clusterName);
  expect(names).toEqual(["a", longName]);
  expect(DiscoveryResponse.encode(response).finish().length).toBe(frame.length);
});

test("the hand-made DeltaDiscoveryResponse reads as the generated codec writes it", () => {
  const frame = encodeFrame({ body: deltaBody(EDS, "v8", [a, long], ["gone", "gone too"]), nonce: "n2" });
  const response = DeltaDiscoveryResponse.decode(frame);
  expect(response).toMatchObject({
    systemVersionInfo: "v8",
    typeUrl: EDS,
    nonce: "n2",
    removedResources: ["gone", "gone too"],
  });
  expect(response.resources.map(({ name, version }) => [name, version])).toEqual([
    ["a", a.version],
    [longName, long.version],
  ]);
  expect(response.resources[0]?.resource?.typeUrl).toBe(EDS);
  expect(DeltaDiscoveryResponse.encode(response).finish().length).toBe(frame.length);
});

test("resources of more than 16 KiB and empty responses keep their lengths", () => {
  const big = encoded(EDS, "big", Buffer.alloc(300_000, 1));
  const response = DiscoveryResponse.decode(encodeFrame({ body: sotwBody(EDS, "v", [big]), nonce: "n" }));
  expect(response.resources[0]?.value.length).toBe(300_000);
  const empty = DiscoveryResponse.decode(encodeFrame({ body: sotwBody(EDS, "v", []), nonce: "" }));
  expect(empty).toMatchObject({ versionInfo: "v", resources: [], nonce: "" });
});

test("clients that get the same share one body until the version changes", () => {
  const store = new ResourceStore();
  put(store, [EDS, "a"], [EDS, "b"]);
  const bodies = new Bodies(store);
  const plan = (names: Plan["names"]): Plan => ({
    typeUrl: EDS,
    nonce: "",
    version: store.version(EDS),
    names,
    updated: [],
    removed: [],
    atMs: 0,
  });
  const whole = bodies.body("sotw", plan("*"));
  expect(bodies.body("sotw", plan("*"))).toBe(whole);
  expect(bodies.body("delta", plan("*"))).not.toBe(whole);
  expect(bodies.body("sotw", plan(["a"]))).toBe(bodies.body("sotw", plan(["a"])));
  expect(DiscoveryResponse.decode(bodies.body("sotw", plan(["a"]))).resources).toHaveLength(1);
  put(store, [EDS, "a", "2"]);
  expect(bodies.body("sotw", plan("*"))).not.toBe(whole);
});
