import { expect, test } from "vitest";
import { readyEndpoints } from "./endpoints.ts";

test("ready endpoints are counted, the gateway's own pods apart", () => {
  const pod = (name: string, ready?: boolean | null) => ({
    ...(ready === undefined ? {} : { conditions: { ready } }),
    targetRef: { kind: "Pod", name },
  });
  const slice = {
    metadata: { name: "s" },
    endpoints: [
      pod("ps-s0-6d4b75cb6d-x7k2p", true),
      pod("ps-s0-6d4b75cb6d-aaaaa", false),
      // Of another gateway, whose name begins with ours.
      pod("ps-s0-b-6d4b75cb6d-x7k2p", true),
      pod("s0-1", null),
      {},
    ],
  };
  expect(readyEndpoints([slice, { metadata: { name: "empty" }, endpoints: null }], "ps-s0")).toEqual({
    gateway: 1,
    others: 3,
  });
});
