import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { treeDiscovery, visibleDiscovery } from "./discovery.ts";
import { FakeRoot } from "./fixture.ts";
import { ProcessSet } from "./process-set.ts";

const LOOK_NS = 100e6;

describe("ProcessSet", () => {
  let root: FakeRoot;
  let nowMs = 0;
  let set: ProcessSet;

  beforeEach(() => {
    root = new FakeRoot();
    root.write({ "proc/thread-self/children": "", "proc/loadavg": "0 0 0 1/1 100" });
    nowMs = 0;
  });
  afterEach(() => root[Symbol.dispose]());

  const tree = () => {
    set = new ProcessSet(root.files, treeDiscovery(root.files, 10), new Set([99]));
    look();
  };
  /** One look 100 ms later, in milliseconds. */
  const look = () => {
    nowMs += 100;
    const { usedNs, waitedNs } = set.look(nowMs, LOOK_NS);
    return { used: Math.round(usedNs / 1e6), waited: Math.round(waitedNs / 1e6) };
  };

  it("counts what a tree used and waited, not what it used before", () => {
    root.process(10, { children: [11], threads: { 10: [500, 40] } });
    root.process(11, { parent: 10, threads: { 11: [700, 0] } });
    tree();
    root.process(10, { children: [11], threads: { 10: [520, 50] } });
    root.process(11, { parent: 10, threads: { 11: [750, 40] } });
    expect(look()).toEqual({ used: 70, waited: 50 });
    expect(look()).toEqual({ used: 0, waited: 0 });
  });

  it("finds a new child at once, and its time since its start", () => {
    root.process(10, { threads: { 10: [500, 0] } });
    tree();
    root.process(10, { children: [11], threads: { 10: [510, 0] } });
    root.process(11, { parent: 10, threads: { 11: [60, 5] } });
    expect(look()).toEqual({ used: 70, waited: 5 });
  });

  it("never measures the agent itself", () => {
    root.process(10, { children: [99], threads: { 10: [500, 0] } });
    root.process(99, { parent: 10, threads: { 99: [0, 0] } });
    tree();
    root.process(99, { parent: 10, threads: { 99: [90, 0] } });
    expect(look()).toEqual({ used: 0, waited: 0 });
  });

  it("counts a child once that was seen and then ended, with its last moments", () => {
    root.process(10, { children: [11], threads: { 10: [500, 0] } });
    root.process(11, { parent: 10, threads: { 11: [0, 0] } });
    tree();
    root.process(11, { parent: 10, threads: { 11: [60, 0] } });
    expect(look().used).toBe(60);
    root.remove("proc/11");
    root.process(10, { threads: { 10: [501, 0] }, childrenMs: 90 });
    expect(look().used).toBe(1 + 30);
    expect(look().used).toBe(0);
  });

  it("counts a child that came and went between two looks", () => {
    root.process(10, { threads: { 10: [500, 0] } });
    tree();
    root.process(10, { threads: { 10: [501, 0] }, childrenMs: 80 });
    expect(look().used).toBe(81);
  });

  it("does not count a grandchild twice when it and its parent have ended", () => {
    root.process(10, { children: [11], threads: { 10: [500, 0] } });
    root.process(11, { parent: 10, children: [12], threads: { 11: [0, 0] } });
    root.process(12, { parent: 11, threads: { 12: [0, 0] } });
    tree();
    root.process(12, { parent: 11, threads: { 12: [70, 0] } });
    expect(look().used).toBe(70);
    root.remove("proc/12");
    root.remove("proc/11");
    root.process(10, { threads: { 10: [501, 0] }, childrenMs: 70 });
    expect(look().used).toBe(1);
  });

  it("waits no longer than two looks for a parent that never tells", () => {
    root.process(10, { children: [11], threads: { 10: [500, 0] } });
    root.process(11, { parent: 10, threads: { 11: [0, 0] } });
    tree();
    root.process(11, { parent: 10, threads: { 11: [60, 0] } });
    look();
    root.remove("proc/11");
    root.process(10, { threads: { 10: [501, 0] } });
    for (let i = 0; i < 3; i++) look();
    root.process(10, { threads: { 10: [502, 0] }, childrenMs: 60 });
    expect(look().used).toBe(1 + 60);
  });

  it("follows every thread, and those that ended between two looks by the process's own count", () => {
    root.process(10, { threads: { 10: [500, 0], 20: [100, 0] } });
    tree();
    root.process(10, { threads: { 10: [500, 0], 20: [150, 30], 21: [20, 0] } });
    expect(look()).toEqual({ used: 70, waited: 30 });
    root.process(10, { threads: { 10: [510, 0], 20: [150, 30] }, usedMs: 670 + 10 + 60 });
    expect(look().used).toBe(10 + 60);
  });

  it("counts a runnable thread that gets no CPU as waiting, and not again when the kernel tells it", () => {
    root.process(10, { state: "R", threads: { 10: [500, 0] } });
    tree();
    expect(look().waited).toBe(100);
    expect(look().waited).toBe(100);
    root.process(10, { state: "R", threads: { 10: [503, 250] } });
    expect(look()).toEqual({ used: 3, waited: 50 });
  });

  it("takes another process with the same PID for a new one, and counters that went back for nothing", () => {
    root.process(10, { threads: { 10: [500, 0] }, children: [11] });
    root.process(11, { parent: 10, threads: { 11: [700, 0] } });
    tree();
    root.process(11, { parent: 10, startTicks: 900, threads: { 11: [40, 0] } });
    expect(look().used).toBe(0);
    root.process(10, { threads: { 10: [501, 0] }, children: [11] });
    expect(look().used).toBe(1 + 40);
  });

  it("takes the process's own count where the kernel has no schedstat", () => {
    root.process(10, { usedMs: 500 });
    tree();
    root.process(10, { usedMs: 550 });
    expect(look()).toEqual({ used: 50, waited: 0 });
  });

  it("sees every visible process, and new ones when the namespace has given a new PID", () => {
    root.process(1, { name: "pause", threads: { 1: [1, 0] } });
    root.process(30, { threads: { 30: [100, 0] } });
    set = new ProcessSet(root.files, visibleDiscovery(root.files), new Set([99]));
    look();
    root.process(31, { parent: 0, threads: { 31: [80, 0] } });
    look();
    expect(set.size).toBe(2);
    root.write({ "proc/loadavg": "0 0 0 1/1 101" });
    expect(look().used).toBe(80);
    expect(set.size).toBe(3);
    root.remove("proc/31");
    // A process with one thread that stands still is asked again by and by.
    for (let i = 0; i < 2; i++) look();
    expect(set.size).toBe(2);
  });

  it("scans for the tree where the kernel keeps no lists of children", () => {
    root.remove("proc/thread-self");
    root.process(10, { threads: { 10: [500, 0] } });
    root.process(11, { parent: 10, threads: { 11: [100, 0] } });
    root.process(12, { parent: 11, threads: { 12: [100, 0] } });
    root.process(50, { parent: 1, threads: { 50: [100, 0] } });
    tree();
    expect(set.size).toBe(3);
    root.process(12, { parent: 11, threads: { 12: [130, 0] } });
    expect(look().used).toBe(30);
  });
});
