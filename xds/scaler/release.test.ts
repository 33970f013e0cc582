import { describe, expect, it } from "vitest";
import type { NodeView } from "./nodes.ts";
import { type Claimant, type ReleaseState, release } from "./release.ts";
import { busy, claimant, closed, node, stale, taken } from "./test-support.ts";

/** `key:node` of what is released, `key?` of what is not known. */
function released(state: Partial<ReleaseState>): string {
  const all = { triggers: [], nodes: [], unplaced: 0, waiting: undefined, ...state };
  return [...release(all)]
    .flatMap(([key, decision]) =>
      decision.active === true ? [`${key}:${decision.node}`] : decision.active === undefined ? [`${key}?`] : [],
    )
    .join(" ");
}

const three = [claimant("0"), claimant("1"), claimant("2")];
const pool = (count: number, changes: Partial<Claimant> = {}) =>
  Array.from({ length: count }, (_, index) => claimant(String(index), { queue: "pool", ...changes }));
const images = (counts: Record<string, number>) => new Map(Object.entries(counts));

describe("release", () => {
  it.each<{ name: string; state: Partial<ReleaseState>; expected: string }>([
    { name: "nothing without triggers", state: { nodes: [node("a", 1)] }, expected: "" },
    { name: "nothing without nodes", state: { triggers: three, waiting: images({ 0: 5 }) }, expected: "" },
    {
      name: "nothing when no image waits",
      state: { triggers: three, nodes: [node("a", 1)], waiting: images({ 0: 0 }) },
      expected: "",
    },
    {
      name: "only the trigger whose image waits",
      state: { triggers: three, nodes: [node("a", 1), node("b", 2)], waiting: images({ 0: 0, 1: 7, 2: 0 }) },
      expected: "1:a",
    },
    {
      name: "one job for one free node, although three have work",
      state: { triggers: three, nodes: [node("a", 1)], waiting: images({ 0: 1, 1: 1, 2: 1 }) },
      expected: "0:a",
    },
    {
      name: "one job for one image of a shared queue, although three nodes are free",
      state: {
        triggers: pool(3),
        nodes: [node("a", 1), node("b", 2), node("c", 3)],
        waiting: images({ pool: 1 }),
      },
      expected: "0:a",
    },
    {
      name: "the best slots first, nodes without a slot last",
      state: { triggers: three, nodes: [node("x", null), node("c", 10), node("b", 2)] },
      expected: "0:b 1:c 2:x",
    },
    {
      name: "no closed, taken or busy node",
      state: {
        triggers: three,
        nodes: [node("a", 1, closed), node("b", 2, taken), node("c", 3, busy), node("d", 4)],
      },
      expected: "0:d",
    },
    {
      name: "not again the job that runs; its node is taken",
      state: {
        triggers: [claimant("0", { running: true }), claimant("1")],
        nodes: [node("a", 1, taken), node("b", 2)],
        waiting: images({ 0: 9, 1: 9 }),
      },
      expected: "1:b",
    },
    {
      name: "a pod without a node takes the best free one",
      state: { triggers: three, nodes: [node("a", 1), node("b", 2)], unplaced: 1 },
      expected: "0:b",
    },
    {
      name: "who was told yes keeps its node, whoever comes before it",
      state: { triggers: [claimant("0"), claimant("1", { held: true })], nodes: [node("a", 1)] },
      expected: "1:a",
    },
    {
      name: "a trigger with a higher threshold may take a node that is busy for others",
      state: { triggers: [claimant("0"), claimant("1", { threshold: 0.95 })], nodes: [node("a", 1, busy)] },
      expected: "1:a",
    },
    {
      name: "what a silent node would decide is not known",
      state: { triggers: three, nodes: [node("a", 1), node("b", 2, stale)], waiting: images({ 0: 1, 1: 1, 2: 1 }) },
      expected: "0:a 1?",
    },
    {
      name: "a silent node does not matter when no image waits",
      state: { triggers: three, nodes: [node("b", 2, stale)], waiting: images({}) },
      expected: "",
    },
  ])("$name", ({ state, expected }) => expect(released(state)).toBe(expected));

  it("says why not", () => {
    const why = (state: Partial<ReleaseState>) => {
      const decision = release({ triggers: three, nodes: [], unplaced: 0, waiting: undefined, ...state }).get("2");
      return decision?.active === true ? "" : decision?.why;
    };
    expect(why({})).toBe("no node is eligible");
    expect(why({ waiting: images({}) })).toBe("no image waits");
    expect(why({ nodes: [node("a", 1)] })).toBe("the free nodes or the waiting images are given to others");
    expect(why({ nodes: [node("a", 1, busy)] })).toBe("no node is free: a: its CPU is at 90 %");
    expect(why({ triggers: [claimant("2", { running: true })] })).toBe("a job of it runs");
    expect(why({ nodes: [node("a", 1, stale), node("b", 1, stale), node("c", 1, stale)] })).toContain(
      "node b: its CPU",
    );
  });
});

/** Small numbers that are the same in every run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("release, whatever the state", () => {
  const STATES = [{}, busy, taken, closed, stale];
  const randomState = (seed: number, withStale: boolean): ReleaseState => {
    const below = numbers(seed);
    const nodes: NodeView[] = Array.from({ length: below(13) }, (_, index) =>
      node(`n${index}`, below(3) === 0 ? null : 1 + below(10), STATES[below(withStale ? 5 : 4)]),
    );
    const queues = 1 + below(3);
    const triggers = Array.from({ length: below(11) }, (_, index) =>
      claimant(String(index), { queue: String(below(queues)), running: below(4) === 0, held: below(5) === 0 }),
    );
    const waiting = new Map(Array.from({ length: queues }, (_, index) => [String(index), below(6)]));
    return { triggers, nodes, unplaced: below(3), waiting: below(5) === 0 ? undefined : waiting };
  };
  const seeds = Array.from({ length: 2000 }, (_, index) => index + 1);

  it("releases min(images, free nodes) and no more, no node and no image twice", () => {
    for (const seed of seeds) {
      const state = randomState(seed, false);
      const nodes = [...release(state).values()].flatMap((decision) => (decision.active ? [decision.node] : []));
      expect(new Set(nodes).size, `seed ${seed}`).toBe(nodes.length);
      const free = Math.max(0, state.nodes.filter((each) => each.state === "free").length - state.unplaced);
      const able = state.triggers.filter(({ running }) => !running);
      const work = [...new Set(able.map(({ queue }) => queue))].reduce(
        (sum, queue) =>
          sum + Math.min(state.waiting?.get(queue) ?? Infinity, able.filter((each) => each.queue === queue).length),
        0,
      );
      expect(nodes.length, `seed ${seed}`).toBe(Math.min(free, work));
    }
  });

  it("fills the best slots, and only free nodes", () => {
    for (const seed of seeds) {
      const state = randomState(seed, false);
      const used = new Set(
        [...release(state).values()].flatMap((decision) => (decision.active ? [decision.node] : [])),
      );
      const free = state.nodes.filter((each) => each.state === "free");
      expect([...used].every((name) => free.some((each) => each.name === name))).toBe(true);
      const worst = Math.max(0, ...free.filter(({ name }) => used.has(name)).map(({ slot }) => slot ?? 11));
      const better = free.filter(({ name, slot }) => !used.has(name) && (slot ?? 11) < worst);
      expect(better.length, `seed ${seed}`).toBeLessThanOrEqual(state.unplaced);
    }
  });

  it("says yes only to what holds whatever the silent nodes do, and no only to what cannot be", () => {
    for (const seed of seeds) {
      const state = randomState(seed, true);
      const as = (changes: Partial<NodeView>) =>
        release({
          ...state,
          nodes: state.nodes.map((each) => (each.state === "stale" ? { ...each, ...changes } : each)),
        });
      const worst = as(busy);
      const best = as({ state: "free", cpu: { utilisation: 0, source: "agent", ageMs: 0 } });
      for (const [key, decision] of release(state)) {
        if (decision.active === true) expect(worst.get(key)?.active, `seed ${seed}`).toBe(true);
        if (decision.active === undefined) expect(worst.get(key)?.active, `seed ${seed}`).toBe(false);
        expect(best.get(key)?.active, `seed ${seed}`).toBe(decision.active !== false);
      }
    }
  });
});
