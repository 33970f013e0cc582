import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, test } from "vitest";
import { groupIsAlive, identify, isAlive, self } from "./process-table.ts";

test("this process is alive, and no other start time of it is", () => {
  expect(isAlive(self())).toBe(true);
  expect(isAlive({ ...self(), started: "another time" })).toBe(false);
});

test("a child is found while it runs and not once it has ended", async () => {
  const child = spawn("sleep", ["60"]);
  await once(child, "spawn");
  const id = identify(child.pid as number);
  if (id === undefined) throw new Error("the child was not found");
  expect(isAlive(id)).toBe(true);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(isAlive(id)).toBe(false);
});

test("a group lives as long as a member does", async () => {
  const child = spawn("sleep", ["60"], { detached: true });
  await once(child, "spawn");
  const group = child.pid as number;
  expect(groupIsAlive(group)).toBe(true);
  child.kill("SIGKILL");
  await once(child, "exit");
  expect(groupIsAlive(group)).toBe(false);
});
