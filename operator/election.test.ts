import { expect, test } from "vitest";
import { observeLease, stepOf } from "./election.ts";

const held = (renewTime: string) => ({ holderIdentity: "a", leaseDurationSeconds: 15, renewTime, leaseTransitions: 1 });

test("a lease that nobody holds, or that is ours, is taken", () => {
  expect(stepOf(observeLease(undefined, undefined, 0), "b", 15_000, 0)).toBe("take");
  expect(stepOf(observeLease(undefined, { holderIdentity: "" }, 0), "b", 15_000, 0)).toBe("take");
  expect(stepOf(observeLease(undefined, held("1970-01-01T00:00:00Z"), 0), "a", 15_000, 0)).toBe("take");
});

test("another's lease is waited for from when we first saw it, whatever its clock says", () => {
  for (const renewTime of ["1970-01-01T00:00:00.000000Z", "2100-01-01T00:00:00.000000Z"]) {
    let view = observeLease(undefined, held(renewTime), 1000);
    view = observeLease(view, held(renewTime), 15_900);
    expect(stepOf(view, "b", 15_000, 15_900)).toBe("wait");
    expect(stepOf(view, "b", 15_000, 16_001)).toBe("take");
  }
});

test("each renewal starts the wait anew", () => {
  let view = observeLease(undefined, held("t1"), 0);
  view = observeLease(view, held("t2"), 14_000);
  expect(stepOf(view, "b", 15_000, 20_000)).toBe("wait");
});

test("the holder's own duration counts; without one, ours", () => {
  const view = observeLease(undefined, { ...held("t"), leaseDurationSeconds: 60 }, 0);
  expect(stepOf(view, "b", 15_000, 50_000)).toBe("wait");
  const { leaseDurationSeconds: _, ...without } = held("t");
  expect(stepOf(observeLease(undefined, without, 0), "b", 15_000, 15_001)).toBe("take");
});
