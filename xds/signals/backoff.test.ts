import { expect, test } from "vitest";
import { retryDelayMs } from "./backoff.ts";

test("tries double from 100 ms to 2 s, less up to half by chance", () => {
  const longest = [1, 2, 3, 4, 5, 6, 50, 5000].map((failures) => retryDelayMs(failures, () => 0));
  expect(longest).toEqual([100, 200, 400, 800, 1600, 2000, 2000, 2000]);
  expect(retryDelayMs(1, () => 0.999)).toBeGreaterThan(50);
});
