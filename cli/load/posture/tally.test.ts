import { describe, expect, test } from "vitest";
import { hasPassed, postureText, Tally } from "./tally.ts";

const result = (image_id: string, posture: string, status = "analysed") =>
  JSON.stringify({ image_id, posture, status });

describe("Tally", () => {
  test("counts what came back, how fast, and whether it is right", () => {
    const tally = new Tally();
    for (const [index, id] of ["a", "b", "c", "d"].entries()) tally.sent(id, "upright", index * 100);
    for (const id of ["a", "b", "c"]) tally.accepted(id);
    tally.result(result("a", "upright"), 50);
    tally.result(result("a", "upright"), 60);
    tally.result(result("b", "lying"), 400);
    tally.result(result("stranger", "upright"), 500);
    tally.result("no JSON", 500);
    tally.result("null", 500);
    expect(tally.waiting).toBe(2);
    expect(tally.figures()).toEqual({
      sent: 4,
      accepted: 3,
      results: 2,
      missing: 1,
      repeated: 1,
      rejected: 0,
      recognised: 1,
      seconds: 0.4,
      imagesPerSecond: 5,
      latencyMs: { p50: 50, p95: 300, p99: 300, max: 300 },
    });
  });

  test("has figures without any result too", () => {
    const figures = new Tally().figures();
    expect(figures).toMatchObject({ sent: 0, latencyMs: null, imagesPerSecond: 0 });
    expect(postureText(figures)).toContain("Publish to result p50 (ms): none");
  });

  test("has passed only when each image has one result and none is rejected", () => {
    const run = (results: readonly string[]) => {
      const tally = new Tally();
      tally.sent("a", "upright", 0);
      tally.accepted("a");
      for (const text of results) tally.result(text, 10);
      return hasPassed(tally.figures(), 1);
    };
    expect(run([result("a", "lying")])).toBe(true);
    expect(run([])).toBe(false);
    expect(run([result("a", "lying"), result("a", "lying")])).toBe(false);
    expect(run([result("a", "", "rejected")])).toBe(false);
    expect(hasPassed(new Tally().figures(), 1)).toBe(false);
  });
});
