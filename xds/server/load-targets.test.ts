import { expect, test } from "vitest";
import { Node } from "../../proto/generated/envoy/config/core/v3/base.ts";
import { TYPE_URLS } from "../resources/resource.ts";
import type { CsdsStream } from "./csds.ts";
import { loadTargets } from "./load-targets.ts";
import { newSubscription } from "./subscription.ts";

function stream(id: string, typeUrl: string, names: readonly string[] = []): CsdsStream {
  const subscription = newSubscription(typeUrl);
  for (const name of names) subscription.names.add(name);
  return { node: Node.fromPartial({ id }), subscriptions: [subscription] };
}

test("who has its clusters from us reports on all of them, in whichever order it asked", () => {
  const clusters = stream("a", TYPE_URLS.cluster);
  const endpoints = stream("a", TYPE_URLS.endpoints, ["x"]);
  expect(loadTargets([clusters, endpoints])).toEqual(new Map([["a", "all"]]));
  expect(loadTargets([endpoints, clusters])).toEqual(new Map([["a", "all"]]));
});

test("who has only endpoints from us reports on theirs, over all of its streams", () => {
  const streams = [
    stream("a", TYPE_URLS.endpoints, ["x"]),
    stream("a", TYPE_URLS.endpoints, ["y"]),
    stream("b", TYPE_URLS.endpoints, ["z"]),
    stream("c", TYPE_URLS.listener, ["l"]),
  ];
  const expected = new Map([
    ["a", new Set(["x", "y"])],
    ["b", new Set(["z"])],
  ]);
  expect(loadTargets(streams)).toEqual(expected);
});
