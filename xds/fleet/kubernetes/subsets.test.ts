import { expect, test } from "vitest";
import type { DestinationRule } from "./objects.ts";
import { subsetLabels } from "./subsets.ts";

const REFERENCE = { namespace: "shop", service: "web", port: 80, subset: "v2" };

function rule(namespace: string, host: string, version: string, made = "2026-01-01T00:00:00Z"): DestinationRule {
  return {
    metadata: { name: `${namespace}-${version}`, namespace, creationTimestamp: made },
    spec: { host, subsets: [{ name: "v1" }, { name: "v2", labels: { version } }] },
  };
}

test.each<[string, DestinationRule[], string | undefined]>([
  ["none", [], undefined],
  ["full name", [rule("any", "web.shop.svc.cluster.local", "a")], "a"],
  ["short name in its namespace", [rule("shop", "web", "a")], "a"],
  ["short name elsewhere", [rule("other", "web", "a")], undefined],
  ["name and namespace", [rule("other", "web.shop", "a")], "a"],
  ["wildcard", [rule("any", "*.shop.svc.cluster.local", "a")], "a"],
  ["another Service", [rule("shop", "web2.shop.svc.cluster.local", "a")], undefined],
  ["own namespace first", [rule("a", "web.shop.svc.cluster.local", "a"), rule("shop", "web", "b")], "b"],
  ["then the oldest", [rule("shop", "web", "new", "2026-02-01T00:00:00Z"), rule("shop", "web", "old")], "old"],
])("%s", (_name, rules, version) => {
  expect(subsetLabels(REFERENCE, rules)?.version).toBe(version);
});

test("a subset without labels is all pods; an undeclared one is none", () => {
  const rules = [rule("shop", "web", "a")];
  expect(subsetLabels({ ...REFERENCE, subset: "v1" }, rules)).toEqual({});
  expect(subsetLabels({ ...REFERENCE, subset: "v9" }, rules)).toBeUndefined();
});
