import { expect, test } from "vitest";
import { displayOn, failureLine, progressLine, ShownFailures } from "./report.ts";

const URL_A = new URL("http://host/a");

test("a failure is one line: status and 200 characters of the body", () => {
  const line = failureLine("POST", URL_A, {
    status: 503,
    text: `no worker\r\n\x1b[31m${"x".repeat(500)}`,
    latencyMs: 1,
  });
  expect(line).toBe(`failed: POST http://host/a: HTTP 503: no worker [31m${"x".repeat(185)}…`);
  expect(failureLine("GET", URL_A, { status: 0, text: "connect ECONNREFUSED", latencyMs: 1 })).toBe(
    "failed: GET http://host/a: no answer: connect ECONNREFUSED",
  );
  expect(failureLine("GET", URL_A, { status: 500, text: "", latencyMs: 1 })).toBe(
    "failed: GET http://host/a: HTTP 500",
  );
});

test("the first failures are shown, then the first one of each status", () => {
  const failures = new ShownFailures();
  const shown = [503, 503, 503, 503, 0, 500, 0, 500, 503].map((status) => failures.isShown(status));
  expect(shown).toEqual([true, true, true, false, true, true, false, false, false]);
});

test("says how it goes", () => {
  const progress = {
    elapsedMs: 3004,
    requests: 120,
    planned: 1000,
    failed: 2,
    notSent: 0,
    inFlight: 20,
    perSecond: 40.04,
  };
  expect(progressLine(progress)).toBe("3 s: 120 of 1000 requests, 2 failed, 40.0 req/s, 20 in flight");
  expect(progressLine({ ...progress, notSent: 7 })).toContain("2 failed, 7 not sent, 40.0 req/s");
});

test("a terminal's progress line is written over, a file's is not", () => {
  const written = (isTTY: boolean) => {
    let text = "";
    const display = displayOn({
      isTTY,
      write: (piece: string | Uint8Array) => {
        text += piece;
        return true;
      },
    });
    display.progress("1 s");
    display.line("failed");
    display.progress("2 s");
    display.end();
    display.end();
    return text;
  };
  expect(written(true)).toBe("\r\x1b[K1 s\r\x1b[Kfailed\n\r\x1b[K2 s\n");
  expect(written(false)).toBe("1 s\nfailed\n2 s\n");
});
