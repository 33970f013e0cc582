import { describe, expect, it } from "vitest";
import type { ClusterNode } from "../../xds/scaler/cluster.ts";
import { bySlot, type NodeView } from "../../xds/scaler/nodes.ts";
import { busy, closed, stale, taken, node as viewOf } from "../../xds/scaler/test-support.ts";
import { isEmpty, planNode, planRemoval, planSlots, SLOT_GIVEN_ANNOTATION } from "./plan.ts";

const eligible = { "posture/eligible": "true" };
const node = (name: string, labels: Record<string, string>, given?: string): ClusterNode => ({
  metadata: { name, labels, ...(given !== undefined && { annotations: { [SLOT_GIVEN_ANNOTATION]: given } }) },
});
const nothing = { labels: {}, annotations: {} };

describe("planSlots", () => {
  it("gives the lowest free slots, by name, to eligible nodes without one", () => {
    const nodes = [
      node("c", eligible),
      node("b", { ...eligible, "posture/slot": "slot-1" }),
      node("a", { ...eligible, "posture/slot": "slot-99" }),
      node("d", { "posture/slot": "slot-2" }),
    ];
    expect([...planSlots(nodes)]).toEqual([
      ["a", 2],
      ["c", 3],
    ]);
  });

  it("gives no more than there are, and none twice", () => {
    const slots = [...planSlots(Array.from({ length: 14 }, (_, index) => node(`n${index}`, eligible))).values()];
    expect(slots.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});

describe("planNode", () => {
  const change = (labels: Record<string, string>, view: Partial<NodeView>, slot?: number, given?: string) =>
    planNode(node("a", labels, given), viewOf("a", null, view), slot);
  const marked = { ...eligible, "posture/busy": "true" };

  it.each([
    ["marks a busy node", change(eligible, busy), { labels: { "posture/busy": "true" }, annotations: {} }],
    [
      "marks one whose CPU is not known",
      change(eligible, stale),
      { labels: { "posture/busy": "true" }, annotations: {} },
    ],
    ["takes the mark from a free one", change(marked, {}), { labels: { "posture/busy": null }, annotations: {} }],
    ["leaves a marked busy node", change(marked, busy), nothing],
    ["leaves a node with a job as it is, marked", change(marked, taken), nothing],
    ["leaves a node with a job as it is, unmarked", change(eligible, taken), nothing],
    ["leaves a free node", change(eligible, {}), nothing],
    [
      "takes the mark from a node that is not eligible",
      change({ "posture/busy": "true" }, closed),
      { labels: { "posture/busy": null }, annotations: {} },
    ],
    [
      "gives a slot and remembers that",
      change(eligible, {}, 4),
      { labels: { "posture/slot": "slot-4" }, annotations: { [SLOT_GIVEN_ANNOTATION]: "slot-4" } },
    ],
    [
      "takes a given slot back",
      change({ "posture/slot": "slot-4" }, closed, undefined, "slot-4"),
      { labels: { "posture/slot": null }, annotations: { [SLOT_GIVEN_ANNOTATION]: null } },
    ],
    [
      "leaves a slot that somebody changed since",
      change({ "posture/slot": "slot-1" }, closed, undefined, "slot-4"),
      { labels: {}, annotations: { [SLOT_GIVEN_ANNOTATION]: null } },
    ],
    ["leaves a slot that somebody else gave", change({ "posture/slot": "slot-1" }, closed), nothing],
  ])("%s", (_, planned, expected) => expect(planned).toEqual(expected));
});

it("removal takes back what was given, and nothing else", () => {
  const labels = { ...eligible, "posture/slot": "slot-1", "posture/busy": "true", other: "x" };
  expect(planRemoval(node("a", labels))).toEqual({ labels: { "posture/busy": null }, annotations: {} });
  expect(planRemoval(node("a", labels, "slot-1"))).toEqual({
    labels: { "posture/busy": null, "posture/slot": null },
    annotations: { [SLOT_GIVEN_ANNOTATION]: null },
  });
  expect(isEmpty(planRemoval(node("a", eligible)))).toBe(true);
});

it("nodes are in the order of their slots", () => {
  const ordered = [viewOf("x", null), viewOf("c", 10), viewOf("b", 2), viewOf("a", 2)].toSorted(bySlot);
  expect(ordered.map(({ name }) => name)).toEqual(["a", "b", "c", "x"]);
});
