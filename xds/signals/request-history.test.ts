import { expect, test } from "vitest";
import { RequestHistory } from "./request-history.ts";

test("a rate holds until the next one: the mean over a time weighs each by how long it held", () => {
  const history = new RequestHistory();
  history.note(10, 0);
  history.note(40, 10_000);
  expect(history.mean(0, 10_000)).toBe(10);
  expect(history.mean(5000, 15_000)).toBe(25);
  expect(history.mean(20_000, 30_000)).toBe(40);
});

test("the end of all requests is noted at once, since nothing is told after it", () => {
  const history = new RequestHistory();
  history.note(10, 0);
  history.note(0, 100);
  expect(history.mean(100, 60_000)).toBe(0);
});

test("nothing is noted no more often than any other rate: it keeps none that follows from being noted", () => {
  const history = new RequestHistory();
  for (let atMs = 0; atMs < 1000; atMs += 100) history.note(0, atMs);
  history.note(10, 1000);
  expect(history.mean(1000, 2000)).toBe(10);
});

test("what was before the first rate is not known, and neither is what was long ago", () => {
  const history = new RequestHistory();
  expect(history.mean(0, 1000)).toBeUndefined();
  for (let atMs = 5000; atMs <= 600_000; atMs += 100) history.note(atMs / 1000, atMs);
  expect(history.mean(4000, 6000)).toBeUndefined();
  expect(history.mean(400_000, 410_000)).toBeUndefined();
  expect(history.mean(580_000, 600_000)).toBeCloseTo(590, -0.5);
  expect(history.mean(600_000, 600_000)).toBeUndefined();
});
