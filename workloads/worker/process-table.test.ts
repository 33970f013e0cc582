import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { descendants, killTree } from "./process-table.ts";

it("finds and kills a tree, other sessions too", async () => {
  const root = spawn("/bin/sh", ["-c", "setsid sleep 300 & echo up; wait"], { stdio: ["ignore", "pipe", "ignore"] });
  await once(root.stdout, "data");
  const below = descendants(root.pid as number);
  expect(below.length).toBeGreaterThanOrEqual(1);
  expect(descendants(process.pid)).toEqual(expect.arrayContaining([root.pid, ...below]));
  // The pipe closes when the last one that holds it has ended.
  const closed = once(root, "close");
  killTree(root.pid as number);
  await closed;
  expect(root.signalCode).toBe("SIGKILL");
});
