import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { toolFolder } from "../../common/program/cache.ts";
import { currentPlatform } from "../../common/program/pin.ts";
import { ENVOY, findEnvoy } from "../../sidecar/envoy/find.ts";

// Real programs on a machine that may be very busy.
vi.setConfig({ testTimeout: 120_000 });
const PATIENCE = { timeout: 60_000, interval: 20 };

const EVENKEEL = join(import.meta.dirname, "..", "evenkeel.ts");
/** Far less than what is being waited for, on any machine. */
const AT_ONCE_MS = 20_000;

let folder: string;
let mark: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "demo-interrupt-"));
  mark = `EK_TEST_MARK=${randomUUID()}`;
  for (const name of ["bin", "tmp", "cache"]) await mkdir(join(folder, name));
});
afterEach(async () => {
  for (const pid of marked()) process.kill(pid, "SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

/** The processes that the demo has started, and itself: they carry the mark in their environment. */
function marked(): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return readFileSync(`/proc/${name}/environ`, "utf8").includes(mark) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

async function program(name: string, text: string): Promise<string> {
  const path = join(folder, "bin", name);
  await writeFile(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return path;
}

/** Starts the demo; only programs of `folder` and the system's own are found. */
function startDemo(more: NodeJS.ProcessEnv, args: readonly string[] = []) {
  const [key = "", value] = mark.split("=");
  const child = spawn(process.execPath, [EVENKEEL, "demo", ...args], {
    env: {
      PATH: `${join(folder, "bin")}:/usr/bin:/bin`,
      TMPDIR: join(folder, "tmp"),
      EVENKEEL_CACHE: join(folder, "cache"),
      [key]: value,
      ...more,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
  const ended = new Promise<{ code: number | null; signal: string | null }>((resolve) =>
    child.once("exit", (code, signal) => resolve({ code, signal })),
  );
  return { child, ended, said: () => said };
}

/** Ctrl-C; how the demo ended, and that it did at once. */
async function interrupt(demo: ReturnType<typeof startDemo>, presses: number) {
  const began = performance.now();
  for (let n = 0; n < presses; n++) demo.child.kill("SIGINT");
  const end = await demo.ended;
  expect(performance.now() - began).toBeLessThan(AT_ONCE_MS);
  return end;
}

it("Ctrl-C in the fetch of Envoy ends the demo and the fetch, and leaves nothing half done", async () => {
  // A pip whose index does not answer.
  const began = join(folder, "began");
  await program("python3", `case "$*" in *download*) echo > ${began}; exec sleep 600 ;; esac`);
  const demo = startDemo({});
  await vi.waitFor(() => expect(existsSync(began), demo.said()).toBe(true), PATIENCE);
  expect(await interrupt(demo, 1)).toEqual({ code: 130, signal: null });
  expect(demo.said()).not.toContain("EK_");
  expect(marked()).toEqual([]);
  expect(readdirSync(join(folder, "cache", "tools"))).toEqual([]);
  expect(readdirSync(join(folder, "tmp"))).toEqual([]);
});

it("Ctrl-C while another process fetches Envoy ends the wait", async () => {
  const holder = spawn("sleep", ["600"]);
  try {
    const tools = join(folder, "cache", "tools");
    await mkdir(tools);
    const lock = `${toolFolder(join(folder, "cache"), ENVOY, currentPlatform())}.lock`;
    await writeFile(lock, `${holder.pid} ${hostname()} 1\n`);
    const demo = startDemo({});
    await vi.waitFor(() => expect(demo.said()).toContain("another process is fetching it"), PATIENCE);
    expect(await interrupt(demo, 1)).toEqual({ code: 130, signal: null });
    // It is the other's.
    expect(await readFile(lock, "utf8")).toContain(String(holder.pid));
  } finally {
    holder.kill("SIGKILL");
  }
});

// npm passes on the signal that the terminal has sent to the demo too.
it.each([1, 2])("Ctrl-C in the start of the parts ends them all, also when it comes %i times", async (presses) => {
  // An Envoy that never has an admin server.
  const envoy = await program(
    "an-envoy",
    'case "$*" in --version) echo "x version: 0/1.40.0/x" ;; *) exec sleep 600 ;; esac',
  );
  const demo = startDemo({ EVENKEEL_ENVOY: envoy });
  await vi.waitFor(() => expect(demo.said()).toContain("starting 4 workers"), PATIENCE);
  // Some of them have been started by now, and others not.
  await vi.waitFor(() => expect(marked().length).toBeGreaterThan(3), PATIENCE);
  expect(await interrupt(demo, presses)).toEqual({ code: 130, signal: null });
  expect(demo.said()).not.toContain("EK_");
  await vi.waitFor(() => expect(marked()).toEqual([]), PATIENCE);
  expect(readdirSync(join(folder, "tmp")).filter((name) => /stack|envoy/.test(name))).toEqual([]);
});

it.each([
  ["the live demo", [], "Ctrl-C ends everything."],
  ["the scenario", ["--once"], "uploading"],
])("Ctrl-C in %s ends it, with its uploads", async (_, args, begun) => {
  const demo = startDemo({ EVENKEEL_ENVOY: await findEnvoy() }, args);
  await vi.waitFor(() => expect(demo.said()).toContain(begun), { timeout: 60_000, interval: 50 });
  expect((await interrupt(demo, 1)).signal).toBeNull();
  expect(demo.said()).not.toContain("EK_");
  await vi.waitFor(() => expect(marked()).toEqual([]), PATIENCE);
});
