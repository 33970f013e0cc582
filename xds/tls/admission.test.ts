import { describe, expect, test } from "vitest";
import { isAllowed, parseAllowedClients } from "./admission.ts";
import { spiffeIdOf } from "./identity.ts";

const SHOP = "spiffe://cluster.local/ns/shop/sa/ps-s0";

test.each<[string, string, string | undefined, boolean]>([
  ["nothing said: everyone that the roots vouch for", "", undefined, true],
  ["itself", SHOP, SHOP, true],
  ["any account of a namespace", "spiffe://cluster.local/ns/shop/sa/*", SHOP, true],
  ["any namespace of a trust domain", "spiffe://cluster.local/ns/*/sa/*", SHOP, true],
  ["one of several", "spiffe://a/ns/b/sa/c, spiffe://cluster.local/ns/shop/sa/*", SHOP, true],
  ["another namespace", "spiffe://cluster.local/ns/bank/sa/*", SHOP, false],
  ["another trust domain", "spiffe://other/ns/shop/sa/*", SHOP, false],
  ["a star is one part, not several", "spiffe://cluster.local/*", SHOP, false],
  ["no part of a part", "spiffe://cluster.local/ns/sho/sa/*", SHOP, false],
  ["no identity", "spiffe://cluster.local/ns/*/sa/*", undefined, false],
])("%s", (_what, patterns, identity, allowed) => {
  expect(isAllowed(parseAllowedClients(patterns), identity)).toBe(allowed);
});

test.each(["shop", "spiffe://", "spiffe://cluster.local", "https://a/b", ",", " ", `${SHOP},`])(
  "%j is no pattern",
  (text) => {
    expect(() => parseAllowedClients(text)).toThrow("SPIFFE");
  },
);

describe("the SPIFFE id among alternative names", () => {
  test.each([
    [`URI:${SHOP}`, SHOP],
    [`DNS:a, URI:${SHOP}, IP Address:10.0.0.1`, SHOP],
    ["URI:https://a, DNS:b", undefined],
    // What a name contains is not another name: Node quotes such names.
    [`DNS:"x, URI:${SHOP}"`, undefined],
    [undefined, undefined],
  ])("%s", (names, id) => {
    expect(spiffeIdOf(names)).toBe(id);
  });
});
