import { beforeEach, expect, it } from "vitest";
import type { NodeView } from "./nodes.ts";
import { ReleaseDesk } from "./release-desk.ts";
import { busy, node, stale, taken } from "./test-support.ts";
import type { Trigger } from "./trigger.ts";

const trigger = (n: number): Trigger => ({
  key: `posture/job-${n}`,
  name: `job-${n}`,
  metricName: "available_node_count_30s",
  threshold: 0.7,
  clientId: `job-${n}`,
  topic: undefined,
});

let nowMs: number;
let nodes: NodeView[];
let running: number[];
let unplaced: number;
let images: Map<string, number>;
let desk: ReleaseDesk;

beforeEach(() => {
  nowMs = 0;
  nodes = [node("a", 1)];
  running = [];
  unplaced = 0;
  images = new Map(Array.from({ length: 10 }, (_, n) => [`job-${n}`, 5]));
  desk = new ReleaseDesk({
    nowMs: () => nowMs,
    capacity: {
      look: async () => ({ available: 0, nodes, unplaced, running: running.map((n) => `posture/job-${n}`) }),
    },
    waiting: { count: async () => images },
  });
});

/** One poll of KEDA: all ten triggers. @returns those that are released */
async function poll(): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: 10 }, (_, n) => desk.ask(trigger(n))));
  return answers.flatMap((active, n) => (active ? [n] : []));
}

it("ten triggers that ask one after the other are told yes once for one node, whoever asks first", async () => {
  expect(await desk.ask(trigger(7))).toBe(true);
  for (let n = 0; n < 10; n += 1) expect(await desk.ask(trigger(n))).toBe(n === 7);
});

it("a yes is kept until the pod is seen, then the pod takes the node, then the next job comes", async () => {
  expect(await poll()).toEqual([0]);
  images.set("job-0", 0);
  // The job's pod is there but has no node yet.
  unplaced = 1;
  running = [0];
  expect(await poll()).toEqual([]);
  nodes = [node("a", 1, taken)];
  unplaced = 0;
  expect(await poll()).toEqual([]);
  nodes = [node("a", 1)];
  running = [];
  expect(await poll()).toEqual([1]);
});

it("a yes that no pod follows is forgotten after a while", async () => {
  expect(await desk.ask(trigger(9))).toBe(true);
  nowMs = 14_000;
  expect(await desk.ask(trigger(0))).toBe(false);
  nowMs = 16_000;
  expect(await desk.ask(trigger(0))).toBe(true);
});

it("a trigger that asks no more holds nothing back", async () => {
  await desk.ask(trigger(0));
  nowMs = 30_000;
  expect(await desk.ask(trigger(1))).toBe(false);
  nowMs = 70_000;
  expect(await desk.ask(trigger(1))).toBe(true);
  expect((await desk.view()).map(({ trigger: key }) => key)).toEqual(["posture/job-1"]);
});

it("what is not known is an error with its reason, and no session is another one", async () => {
  nodes = [node("a", 1, stale)];
  await expect(desk.ask(trigger(0))).rejects.toMatchObject({
    code: "EK_FIGURE_STALE",
    message: "node a: its CPU is not known yet",
    where: "posture/job-0",
  });
  images.delete("job-1");
  await expect(desk.ask(trigger(1))).rejects.toMatchObject({ code: "EK_QUEUE_MISSING" });
  // Its session is in use, and made again by the job itself.
  running = [1];
  expect(await desk.ask(trigger(1))).toBe(false);
});

it("tells how it stands with each", async () => {
  nodes = [node("a", 1), node("b", 2, busy)];
  await poll();
  images.set("job-3", 0);
  const view = await desk.view();
  expect(view[0]).toEqual({ trigger: "posture/job-0", clientId: "job-0", waiting: 5, state: "released", detail: "a" });
  expect(view[3]).toMatchObject({ waiting: 0, state: "held back", detail: "no image waits" });
  expect(view).toHaveLength(10);
});
