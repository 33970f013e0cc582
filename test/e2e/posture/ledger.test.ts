import { expect, it } from "vitest";
import { Ledger } from "./ledger.ts";

const pod = (name: string, node?: string, ended = false) => ({ name, job: `job-of-${name}`, node, ended });

function threeNodes(): Ledger {
  const ledger = new Ledger();
  for (const slot of [1, 2, 3]) ledger.seeNode({ name: `n${slot}`, eligible: true, open: true, slot }, 0);
  return ledger;
}

it("finds nothing wrong with one job for each node in slot order", () => {
  const ledger = threeNodes();
  for (const [index, name] of ["a", "b", "c"].entries()) {
    ledger.seePod(pod(name), 10_000 + index);
    ledger.seePod(pod(name, `n${index + 1}`), 10_500 + index);
  }
  ledger.seePod(pod("a", "n1", true), 20_000);
  ledger.seePod(pod("d"), 20_100);
  ledger.seePod(pod("d", "n1"), 20_200);
  expect(ledger.faults).toEqual([]);
  expect(ledger.mostAtOnce).toBe(3);
  expect(ledger.longestWaitMs).toBe(500);
  expect(ledger.placements.map(({ node }) => node)).toEqual(["n1", "n2", "n3", "n1"]);
  expect(ledger.live().map(({ name }) => name)).toEqual(["b", "c", "d"]);
});

it("finds a job too many, and two on one node", () => {
  const ledger = threeNodes();
  for (const [index, name] of ["a", "b", "c"].entries()) ledger.seePod(pod(name, `n${index + 1}`), 10_000);
  ledger.seePod(pod("d"), 11_000);
  ledger.seePod(pod("d", "n2"), 12_000);
  expect(ledger.faults).toEqual([
    "d is job number 4 at once, with 3 eligible nodes",
    "d was placed on n2, where b runs",
  ]);
});

it("finds a job that went past a better slot, but not when that was free for a moment only", () => {
  const ledger = threeNodes();
  ledger.seePod(pod("a", "n2"), 10_000);
  expect(ledger.faults).toEqual(["a was placed on n2 although n1 with the better slot was free"]);
  ledger.seePod(pod("b", "n1"), 11_000);
  ledger.seePod(pod("b", "n1", true), 30_000);
  ledger.seePod(pod("c", "n3"), 30_500);
  expect(ledger.faults).toHaveLength(1);
});

it("finds a job on a node that is closed, and one that has no node to go to", () => {
  const ledger = threeNodes();
  for (const slot of [2, 3]) ledger.seeNode({ name: `n${slot}`, eligible: false, open: false, slot }, 1000);
  ledger.seePod(pod("a", "n1"), 20_000);
  ledger.seePod(pod("b", "n3"), 20_000);
  expect(ledger.faults).toEqual([
    "b is job number 2 at once, with 1 eligible nodes",
    "b was placed on n3, which was closed",
  ]);
});

it("finds a job that was started for no free node: it waits", () => {
  const ledger = threeNodes();
  const see = (open: boolean, nowMs: number) => {
    for (const slot of [1, 2, 3]) ledger.seeNode({ name: `n${slot}`, eligible: true, open, slot }, nowMs);
  };
  see(false, 1000);
  ledger.seePod(pod("a"), 20_000);
  see(true, 23_000);
  ledger.seePod(pod("a", "n1"), 24_000);
  expect(ledger.faults).toEqual([]);
  see(false, 25_000);
  ledger.seePod(pod("b"), 40_000);
  see(true, 70_000);
  ledger.seePod(pod("b", "n2"), 70_000);
  expect(ledger.faults).toEqual(["b had no node for 30 s"]);
});

it("does not take late news of a node for a job on a closed one", () => {
  const ledger = threeNodes();
  ledger.seeNode({ name: "n1", eligible: true, open: false, slot: 1 }, 1000);
  ledger.seePod(pod("a", "n1"), 20_000);
  expect(ledger.faults).toEqual(["a was placed on n1, which was closed"]);
  ledger.seeNode({ name: "n1", eligible: true, open: true, slot: 1 }, 20_100);
  expect(ledger.faults).toEqual([]);
});
