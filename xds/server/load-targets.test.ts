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

test("everybody reports on what it asks for the endpoints of, over all of its streams, and on no other cluster", () => {
  const streams = [
    stream("a", TYPE_URLS.cluster),
    stream("a", TYPE_URLS.endpoints, ["x"]),
    stream("a", TYPE_URLS.endpoints, ["y"]),
    stream("b", TYPE_URLS.endpoints, ["z"]),
    stream("c", TYPE_URLS.cluster),
    stream("c", TYPE_URLS.listener, ["l"]),
  ];
  const expected = new Map([
    ["a", new Set(["x", "y"])],
    ["b", new Set(["z"])],
  ]);
  expect(loadTargets(streams)).toEqual(expected);
});

test("what was told stays as it was when the client asks for more", () => {
  const one = stream("a", TYPE_URLS.endpoints, ["x"]);
  const told = loadTargets([one]);
  one.subscriptions[0]?.names.add("y");
  expect(told).toEqual(new Map([["a", new Set(["x"])]]));
});
