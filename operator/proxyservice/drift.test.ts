import { expect, test } from "vitest";
import type { DesiredObject } from "./desired/meta.ts";
import { Drift, differences } from "./drift.ts";

const desired: DesiredObject = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "a", namespace: "n", annotations: { "evenkeel.io/applied": "h1" } },
  spec: { cpu: "1000m", list: [{ a: 1 }] },
};
const stored = { ...desired, spec: { cpu: "1", list: [{ a: 1, added: true }], more: 1 }, status: {} };

test("what others add is no difference; what they change, add to a list or remove is", () => {
  expect(differences({ a: { b: 1 }, c: [1, { d: 2 }] }, { a: { b: 1, x: 1 }, c: [1, { d: 2, y: 1 }], z: 1 })).toEqual(
    [],
  );
  expect(differences({ a: { b: 1 } }, { a: { b: 2 } })).toEqual([".a.b=2"]);
  expect(differences({ a: [1] }, { a: [1, 2] })).toEqual([".a=[1,2]"]);
  expect(differences({ a: [{ b: 1 }] }, { a: [{ b: 3 }] })).toEqual([".a[0].b=3"]);
  expect(differences({ a: { b: 1 } }, {})).toEqual([".a=undefined"]);
});

test("the cluster's way of writing a value is found once and is no drift after our apply", () => {
  const drift = new Drift();
  expect(drift.isCurrent(desired, stored)).toBe(false);
  drift.applied(desired, stored);
  expect(drift.isCurrent(desired, stored)).toBe(true);
  expect(drift.isCurrent(desired, { ...stored, spec: { ...stored.spec, cpu: "2" } })).toBe(false);
  expect(drift.isCurrent(desired, { ...stored, spec: { ...stored.spec, list: [] } })).toBe(false);
});

test("an object that was asked for differently is outdated even when nothing else shows it", () => {
  const drift = new Drift();
  const metadata = { ...desired.metadata, annotations: { "evenkeel.io/applied": "h0" } };
  expect(drift.isCurrent(desired, { ...desired, metadata })).toBe(false);
  expect(drift.isCurrent(desired, desired)).toBe(true);
});
