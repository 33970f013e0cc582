import { expect, it } from "vitest";
import { aheadOf } from "./answer.ts";

const HEADER = "Mon, 01 Jun 2026 12:00:00 GMT";
const AT = Date.parse(HEADER);

it.each([
  ["within the second", AT + 300, AT + 900, 0],
  ["a slow answer", AT - 20_000, AT + 20_000, 0],
  ["ahead", AT - 60_500, AT - 60_000, 60_000],
  ["behind", AT + 61_000, AT + 62_000, -60_000],
])("%s", (_, askedMs, answeredMs, ahead) => {
  expect(aheadOf(HEADER, askedMs, answeredMs)).toBe(ahead);
});

it("knows when no time was told", () => {
  expect(aheadOf(null, AT, AT)).toBeUndefined();
  expect(aheadOf("soon", AT, AT)).toBeUndefined();
});
