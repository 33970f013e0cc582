import { describe, expect, it } from "vitest";
import { slotOf } from "./names.ts";
import { ageNode, explainStale, type NodeFacts, viewNode } from "./nodes.ts";

const RULES = { threshold: 0.7, maxAgeMs: 60_000 };
const facts = (changes: Partial<NodeFacts> = {}): NodeFacts => ({
  name: "a",
  labels: { "posture/eligible": "true", "posture/slot": "slot-3" },
  ready: true,
  cordoned: false,
  ...changes,
});
const use = (utilisation: number, ageMs = 1000) => ({ utilisation, ageMs, source: "agent" });

describe("viewNode", () => {
  it.each([
    ["idle", facts(), use(0.1), [], "free", ""],
    ["just under the threshold", facts(), use(0.699), [], "free", ""],
    ["at the threshold", facts(), use(0.7), [], "busy", "its CPU is at 70 %, the threshold is 70 %"],
    ["with a job", facts(), use(0.1), ["pod-1"], "taken", "pod-1 runs on it"],
    ["never heard of", facts(), undefined, [], "stale", "its CPU is not known yet"],
    ["silent for long", facts(), use(0.1, 61_000), [], "stale", "its CPU figure (agent) is 61 s old"],
    ["without the label", facts({ labels: {} }), use(0.1), [], "closed", "it has no label posture/eligible"],
    [
      "labelled false",
      facts({ labels: { "posture/eligible": "false" } }),
      use(0.1),
      [],
      "closed",
      "its label posture/eligible is false",
    ],
    ["not ready", facts({ ready: false }), use(0.1), [], "closed", "it is not ready"],
    ["cordoned", facts({ cordoned: true, taint: "t" }), use(0.1), [], "closed", "it is cordoned"],
    ["tainted", facts({ taint: "gpu" }), use(0.1), [], "closed", "it has the taint gpu"],
  ] as const)("a node %s", (_, node, cpu, jobs, state, why) => {
    expect(viewNode(node, cpu, jobs, RULES)).toMatchObject({ state, why, jobs, cpu: cpu ?? null });
  });
});

it("a view that grows old turns stale, and stays what it is otherwise", () => {
  const free = viewNode(facts(), use(0.1, 50_000), [], RULES);
  expect(ageNode(free, 5000, RULES)).toMatchObject({ state: "free", cpu: { ageMs: 55_000 } });
  expect(ageNode(free, 11_000, RULES)).toMatchObject({ state: "stale", why: expect.stringContaining("61 s old") });
  const taken = viewNode(facts(), use(0.1), ["pod"], RULES);
  expect(ageNode(taken, 90_000, RULES)).toMatchObject({ state: "taken", why: "pod runs on it" });
});

it("a node whose CPU is not known tells what is wrong with the source, the others do not", () => {
  const views = [viewNode(facts(), undefined, [], RULES), viewNode(facts(), use(0.1), [], RULES)];
  expect(explainStale(views, () => "prometheus is failing: it is away").map(({ why }) => why)).toEqual([
    "its CPU is not known yet (prometheus is failing: it is away)",
    "",
  ]);
  expect(explainStale(views, () => "")).toBe(views);
  const unasked = () => expect.unreachable("nothing is stale");
  expect(explainStale(views.slice(1), unasked)).toEqual(views.slice(1));
});

it("slots are slot-1 to slot-10", () => {
  const slots = ["slot-1", "slot-10", "slot-0", "slot-11", "slot-01", "1", "slot-x"];
  expect(slots.map((slot) => slotOf({ "posture/slot": slot }))).toEqual([1, 10, ...Array(5).fill(undefined)]);
  expect(slotOf(undefined)).toBeUndefined();
});
