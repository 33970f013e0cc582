import { expect, test } from "vitest";
import { answering, serve } from "../test-support.ts";
import { generate, type Plan } from "./generate.ts";
import type { Display } from "./report.ts";

const never = new AbortController().signal;

function notes(): Display & { readonly lines: string[]; readonly seen: string[] } {
  const lines: string[] = [];
  const seen: string[] = [];
  return {
    lines,
    seen,
    line: (text) => void lines.push(text),
    progress: (text) => void seen.push(text),
    end: () => {},
  };
}

function plan(url: string, model: Plan["model"], more: Partial<Plan> = {}): Plan {
  const request = { url: new URL(url), method: "GET" };
  return { model, request: () => request, accepted: new Set([200]), timeoutMs: 30_000, ...more };
}

test("the closed model: every request once, over as many connections as requests at once", async () => {
  let served = 0;
  const agents = new Set<string | undefined>();
  const server = await serve(
    answering((_, __, request) => {
      served += 1;
      agents.add(request.headers["user-agent"]);
      return [200, "ok"];
    }),
  );
  const { figures, passed } = await generate(
    plan(server.url, { kind: "closed", total: 300, concurrent: 6 }),
    notes(),
    never,
  );
  expect(passed).toBe(true);
  expect(figures).toMatchObject({ totalRequests: 300, successful: 300, failed: 0, notSent: 0, statuses: { 200: 300 } });
  expect(figures.throughputPerSecond).toBeCloseTo(300 / figures.totalTimeSeconds);
  expect(served).toBe(300);
  expect([...agents]).toEqual(["evenkeel-load"]);
  expect(server.connections()).toBeLessThanOrEqual(6);
});

test("failures are counted and shown, and the load goes on", async () => {
  const server = await serve(answering((index) => (index % 10 === 3 ? [503, '{"detail":"no worker"}'] : [200, ""])));
  const display = notes();
  const { figures, passed } = await generate(
    plan(server.url, { kind: "closed", total: 100, concurrent: 5 }),
    display,
    never,
  );
  expect(passed).toBe(false);
  expect(figures).toMatchObject({ totalRequests: 100, failed: 10, statuses: { 200: 90, 503: 10 } });
  expect(display.lines).toEqual(Array(3).fill(`failed: GET ${server.url}/: HTTP 503: {"detail":"no worker"}`));
});

test("the open model sends all that is due", async () => {
  const server = await serve(answering(() => [200, ""]));
  const display = notes();
  const model = { kind: "open", perSecond: 40, durationMs: 1500, mostAtOnce: 1000 } as const;
  const { figures, passed } = await generate(plan(server.url, model), display, never);
  expect(passed).toBe(true);
  expect(figures).toMatchObject({ totalRequests: 60, successful: 60, notSent: 0 });
  expect(figures.totalTimeSeconds).toBeGreaterThanOrEqual(1.49);
  expect(display.seen[0]).toMatch(/^\d+ s: \d+ of 60 requests, 0 failed, [\d.]+ req\/s, \d+ in flight$/);
});

test("a server that is too slow for the open model: what is not sent is counted, and the run has not passed", async () => {
  const waiting: (() => void)[] = [];
  let served = 0;
  const server = await serve((_, response) => {
    served += 1;
    waiting.push(() => response.end("ok"));
  });
  const skipped = 37;
  const display = notes();
  // Answers come once the last request was due: nothing of this hangs on how fast the machine is.
  const open = { kind: "open", perSecond: 40, durationMs: 1000, mostAtOnce: 3 } as const;
  const answers = setInterval(() => {
    if (display.seen.some((line) => line.includes(`${skipped} not sent`)))
      for (const answer of waiting.splice(0)) answer();
  }, 20);
  const { figures, passed } = await generate(plan(server.url, open), display, never).finally(() =>
    clearInterval(answers),
  );
  expect(figures).toMatchObject({ totalRequests: 3, successful: 3, failed: 0, notSent: skipped });
  expect(passed).toBe(false);
  expect(served).toBe(3);
});

test("requests without an answer in time have failed", async () => {
  const server = await serve(() => undefined);
  const model = { kind: "closed", total: 4, concurrent: 2 } as const;
  const { figures } = await generate(plan(server.url, model, { timeoutMs: 100 }), notes(), never);
  expect(figures).toMatchObject({ totalRequests: 4, failed: 4, latencyMs: null, statuses: { none: 4 } });
});

test("an abort ends it with what was counted so far; what is under way is not counted", async () => {
  const controller = new AbortController();
  const server = await serve((request, response) => {
    if (request.url === "/wait") return;
    response.end("ok");
  });
  const display = notes();
  const request = (index: number) => ({ url: new URL(index < 8 ? "/" : "/wait", server.url), method: "GET" });
  const running = generate(
    plan(server.url, { kind: "closed", total: 100, concurrent: 4 }, { request }),
    display,
    controller.signal,
  );
  while (!display.seen.some((line) => line.includes("8 of 100") && line.endsWith("4 in flight")))
    await new Promise((resolve) => setTimeout(resolve, 20));
  controller.abort();
  const { figures, passed } = await running;
  expect(figures).toMatchObject({ totalRequests: 8, successful: 8, failed: 0 });
  expect(passed).toBe(false);
  expect(display.lines).toEqual(["ended early: 4 requests were under way and are not counted"]);
});
