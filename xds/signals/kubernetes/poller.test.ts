import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EvenkeelError } from "../../../common/errors.ts";
import { Poller } from "./poller.ts";
import type { SourceStatus } from "./source-status.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test("a source that begins to fail is logged once, and once when it works again", async () => {
  const logged: { level: number; state?: string; detail?: string; next?: string }[] = [];
  const log = pino({}, { write: (line: string) => logged.push(JSON.parse(line)) });
  const status = (state: SourceStatus["state"]): SourceStatus => ({
    source: "kubelet",
    state,
    detail: state,
    next: "",
  });
  let answer: SourceStatus | Error = status("ok");
  let reason: string | undefined;
  const poller = new Poller({
    source: "kubelet",
    log,
    intervalMs: () => 1000,
    poll: async () => {
      if (answer instanceof Error) throw answer;
      return answer;
    },
    idle: () => reason,
  });
  const polled = async (next: SourceStatus | Error, idle?: string) => {
    answer = next;
    reason = idle;
    logged.length = 0;
    await vi.advanceTimersByTimeAsync(100_000);
    return logged.map(({ level, state, detail }) => [level, state, detail]);
  };
  expect(await polled(status("ok"))).toEqual([]);
  expect(await polled(status("empty"))).toEqual([]);
  expect(await polled(new Error("away"))).toEqual([[40, "failing", "away"]]);
  expect(await polled(new Error("far away"))).toEqual([]);
  expect(await polled(new EvenkeelError("EK_KUBE_FORBIDDEN", "no"))).toEqual([[40, "forbidden", "no"]]);
  expect(logged[0]?.next).toContain("RBAC");
  expect(await polled(status("ok"), "others are fresher")).toEqual([]);
  expect(await polled(status("ok"))).toEqual([[30, undefined, "ok"]]);
  await poller.close();
});

test("what the end of the poller breaks off is no failure", async () => {
  const logged: string[] = [];
  const poller = new Poller({
    source: "kubelet",
    log: pino({}, { write: (line: string) => logged.push(line) }),
    intervalMs: () => 1000,
    poll: (signal) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
  });
  await vi.advanceTimersByTimeAsync(1000);
  await poller.close();
  expect(logged).toEqual([]);
});
