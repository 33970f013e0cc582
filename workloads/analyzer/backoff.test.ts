import { expect, test } from "vitest";
import { backoff } from "./backoff.ts";

test("pauses double up to the longest, and begin anew after a success", () => {
  const pauses = backoff(100, 500, () => 1);
  expect([pauses.next(), pauses.next(), pauses.next(), pauses.next()]).toEqual([100, 200, 400, 500]);
  pauses.reset();
  expect(pauses.next()).toBe(100);
});

test("chance takes at most half of a pause", () => {
  expect(backoff(100, 500, () => 0).next()).toBe(50);
});
