import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { startChild } from "./child.ts";

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

async function gone(pid: number): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50)))
    if (!isRunning(pid)) return;
  throw new Error(`process ${pid} is still running`);
}

test("tells the lines of a child, and its exit", async () => {
  const lines: string[] = [];
  const child = await startChild("sh", ["-c", "echo out; echo err >&2; exit 3"], {
    name: "child",
    onLine: (line, stream) => lines.push(`${stream} ${line}`),
  });
  expect(await child.exited).toEqual({ code: 3, signal: null });
  await expect.poll(() => lines.toSorted()).toEqual(["stderr err", "stdout out"]);
  expect(child.lastLines()).toHaveLength(2);
});

test("a program that is not there is a clear error", async () => {
  await expect(startChild("/no/such/program", [], { name: "x" })).rejects.toMatchObject({ code: "EK_PROGRAM_MISSING" });
});

test("stop ends a child that ignores SIGTERM, with all of its group", async () => {
  const child = await startChild("sh", ["-c", "trap '' TERM; sleep 300 & echo $!; wait"], { name: "stubborn" });
  await expect.poll(() => child.lastLines().length).toBe(1);
  const grandchild = Number(child.lastLines()[0]);
  await child.stop(100);
  await gone(grandchild);
});

test("children end with this process, also when it ends in the middle", async () => {
  const program = `
    import { startChild } from ${JSON.stringify(new URL("./child.ts", import.meta.url).href)};
    const child = await startChild("sleep", ["300"], { name: "sleep" });
    console.log(child.pid);
    process.exit(1);
  `;
  const run = promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  const failure = await run.then(
    () => undefined,
    (error: { stdout: string }) => error,
  );
  const pid = Number(failure?.stdout);
  expect(pid).toBeGreaterThan(1);
  await gone(pid);
});
