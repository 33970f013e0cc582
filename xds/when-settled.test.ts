import { expect, test, vi } from "vitest";
import { ManualFleet, testCluster } from "./signals/test-support.ts";
import { whenSettled } from "./when-settled.ts";

test("settled is a fleet whose clusters all have weights; after that, nobody looks again", async () => {
  const fleet = new ManualFleet();
  const weights = new Set<string>();
  const told = vi.fn();
  const { settled, look } = whenSettled(fleet, (name) => weights.has(name));
  void settled.then(told);
  const isTold = async () => {
    look();
    await Promise.resolve();
    return told.mock.calls.length > 0;
  };
  expect(await isTold()).toBe(false);
  fleet.set(testCluster("a", []), testCluster("b", []));
  expect(await isTold()).toBe(false);
  weights.add("a");
  expect(await isTold()).toBe(false);
  weights.add("b");
  expect(await isTold()).toBe(true);
  const current = vi.spyOn(fleet, "current");
  look();
  expect(current).not.toHaveBeenCalled();
});

test("a fleet without clusters is settled", async () => {
  const fleet = new ManualFleet();
  fleet.set();
  const { settled, look } = whenSettled(fleet, () => false);
  look();
  await settled;
});
