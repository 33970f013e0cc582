import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cpuWeight, makeCgroups, removeCgroups } from "./cgroups.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "evenkeel-cgroup-test-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("version 1: a group for each controller, none where there is no controller", () => {
  for (const controller of ["cpu", "memory"]) {
    mkdirSync(join(root, controller));
    writeFileSync(join(root, controller, "cgroup.procs"), "");
  }
  mkdirSync(join(root, "no-controller"));
  makeCgroups("rig", root);
  mkdirSync(join(root, "cpu/rig/kubepods/pod1"), { recursive: true });
  expect(existsSync(join(root, "memory/rig"))).toBe(true);
  expect(existsSync(join(root, "no-controller/rig"))).toBe(false);
  expect(removeCgroups("rig", root)).toEqual([]);
  expect(existsSync(join(root, "cpu/rig"))).toBe(false);
  expect(removeCgroups("rig", root)).toEqual([]);
});

test("version 2: one group, and the root hands its controllers on", () => {
  writeFileSync(join(root, "cgroup.controllers"), "cpu memory\n");
  writeFileSync(join(root, "cgroup.subtree_control"), "");
  makeCgroups("rig", root);
  expect(existsSync(join(root, "rig"))).toBe(true);
  expect(readFileSync(join(root, "cgroup.subtree_control"), "utf8")).toContain("+memory");
});

test("a group that cannot go is named", () => {
  writeFileSync(join(root, "cgroup.controllers"), "\n");
  mkdirSync(join(root, "rig/kubepods"), { recursive: true });
  // Only in a real group do files vanish with it; here one stands for a process that stays.
  writeFileSync(join(root, "rig/kubepods/busy"), "");
  expect(removeCgroups("rig", root)).toEqual([join(root, "rig/kubepods"), join(root, "rig")]);
});

test("a group weighs as much as its starter on each CPU, within what the kernel takes", () => {
  expect(cpuWeight(2, 0)).toEqual({ "cpu.shares": 2048, "cpu.weight": 200 });
  expect(cpuWeight(1, -5)).toEqual({ "cpu.shares": 3125, "cpu.weight": 305 });
  expect(cpuWeight(64, -20)).toEqual({ "cpu.shares": 262_144, "cpu.weight": 10_000 });
  expect(cpuWeight(1, 19)).toEqual({ "cpu.shares": 15, "cpu.weight": 1 });
});
