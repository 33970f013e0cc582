import { randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type RunResult, runScript, SCRIPT_NAME, type ScriptLimits } from "./run-script.ts";
import { availableIsolations, processesMarked, until, WIDE } from "./worker-under-test.ts";

// Real processes on a machine that may be very busy.
vi.setConfig({ testTimeout: 60_000 });

const isolations = await availableIsolations();

/** A child that only dies when it is killed, marked so that the test finds it. */
const child = (mark: string, session: boolean): string =>
  `subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", "${mark}"], start_new_session=${session ? "True" : "False"})`;

it("has at least the isolation that needs no rights", () => {
  expect([...isolations.keys()]).toContain("process-group");
});

describe.each([...isolations.values()])("a script in isolation $name", (isolation) => {
  let directory: string;
  let mark: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), "run-script-"));
    mark = randomUUID();
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function run(
    script: string,
    limits: Partial<ScriptLimits> = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<RunResult> {
    await writeFile(join(directory, SCRIPT_NAME), script);
    return runScript(directory, isolation, { ...WIDE, ...limits }, signal);
  }

  it("gives its output and its return code", async () => {
    const result = await run("import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)");
    expect(result).toEqual({ kind: "ended", returncode: 7, stdout: "out\n", stderr: "err\n", truncated: false });
  });

  it("tells a traceback from a success", async () => {
    const result = await run("1 / 0");
    expect(result).toMatchObject({ returncode: 1, stderr: expect.stringContaining("ZeroDivisionError") });
  });

  it("tells by which signal it ended, its own group's too", async () => {
    expect(await run("import os; os.kill(os.getpid(), 9)")).toMatchObject({ returncode: -9 });
    expect(await run("import os; os.kill(0, 15)")).toMatchObject({ returncode: -15 });
  });

  it("sees nothing of the worker's environment", async () => {
    process.env.EVENKEEL_TEST_SECRET = mark;
    try {
      const result = await run("import os; print(sorted(os.environ), os.environ['HOME'] == os.getcwd())");
      expect(result).toMatchObject({ stdout: "['HOME', 'LANG', 'PATH', 'TMPDIR'] True\n" });
    } finally {
      delete process.env.EVENKEEL_TEST_SECRET;
    }
  });

  it("runs under its limits", async () => {
    const result = await run(
      "import resource as r; print([r.getrlimit(x)[0] for x in (r.RLIMIT_AS, r.RLIMIT_CPU, r.RLIMIT_NPROC, r.RLIMIT_FSIZE, r.RLIMIT_CORE)])",
      { memoryBytes: 2 ** 29, cpuSeconds: 33, processes: 3000, fileBytes: 12345 },
    );
    expect(result).toMatchObject({ stdout: `[${2 ** 29}, 33, 3000, 12345, 0]\n` });
  });

  it("cannot gain privileges", async () => {
    const result = await run("print([l for l in open('/proc/self/status') if l.startswith('NoNewPrivs')])");
    expect(result).toMatchObject({ stdout: "['NoNewPrivs:\\t1\\n']\n" });
  });

  it("has none of root's rights over the machine, not even to uncover another /proc", async () => {
    const result = await run(`
import ctypes
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
reaching_files = 1 << 1
print([name for name in ("CapPrm", "CapEff") if int(status[name], 16) & ~reaching_files])
print(ctypes.CDLL(None).umount2(b"/proc", 2))
`);
    expect(result).toMatchObject({ stdout: "[]\n-1\n", stderr: "" });
  });

  it("gets no more memory than its limit", async () => {
    const result = await run("x = bytearray(10**9)", { memoryBytes: 2 ** 29 });
    expect(result).toMatchObject({ returncode: 1, stderr: expect.stringContaining("MemoryError") });
  });

  it("gets no more CPU time than its limit", async () => {
    const result = await run("while True: pass", { cpuSeconds: 1 });
    expect(result).toMatchObject({ returncode: -24 });
  });

  it("writes no larger file than its limit", async () => {
    const result = await run("open('big', 'wb').write(bytes(100_000))", { fileBytes: 50_000 });
    expect(result).toMatchObject({ returncode: 1, stderr: expect.stringContaining("File too large") });
  });

  it("has its output cut, both streams, and is not blocked by that", async () => {
    const result = await run("import sys; sys.stdout.write('o' * 3_000_000); sys.stderr.write('e' * 2_000_000)", {
      outputBytes: 1000,
    });
    expect(result).toEqual({
      kind: "ended",
      returncode: 0,
      stdout: `${"o".repeat(1000)}\n[cut here by the worker: 2999000 more bytes]\n`,
      stderr: `${"e".repeat(1000)}\n[cut here by the worker: 1999000 more bytes]\n`,
      truncated: true,
    });
  });

  it("may print what is not UTF-8", async () => {
    const result = await run("import sys; sys.stdout.buffer.write(b'a\\xff\\xfeb')");
    expect(result).toMatchObject({ returncode: 0, stdout: "a\ufffd\ufffdb" });
  });

  it("is ended when it sleeps for ever", async () => {
    expect(await run("import time; time.sleep(600)", { timeMs: 300 })).toEqual({ kind: "timeout" });
  });

  it("is ended when it writes for ever", async () => {
    expect(await run("while True: print('x' * 1000)", { timeMs: 1000 })).toEqual({ kind: "timeout" });
  });

  it("is ended when it ignores signals", async () => {
    const script = "import signal, time\nfor s in (1, 2, 15): signal.signal(s, signal.SIG_IGN)\ntime.sleep(600)";
    expect(await run(script, { timeMs: 1000 })).toEqual({ kind: "timeout" });
  });

  it.each([false, true])("leaves no child behind when it ends (own session: %s)", async (session) => {
    const result = await run(`import subprocess, sys\n${child(mark, session)}\nprint('bye')`);
    expect(result).toMatchObject({ returncode: 0, stdout: "bye\n" });
    expect(processesMarked(mark)).toBe(0);
  });

  it("leaves no daemon behind, forked twice in a session of its own", async () => {
    const daemon = `
import os, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(600)", "${mark}"])
    os._exit(0)
os.wait()
print('bye')`;
    expect(await run(daemon)).toMatchObject({ returncode: 0, stdout: "bye\n" });
    expect(processesMarked(mark)).toBe(0);
  });

  it("leaves no child behind when its time is over", async () => {
    const running = run(`import subprocess, sys, time\n${child(mark, true)}\ntime.sleep(600)`, { timeMs: 2000 });
    expect(await running).toEqual({ kind: "timeout" });
    expect(processesMarked(mark)).toBe(0);
  });

  it("is ended when it is cancelled, its children too", async () => {
    const cancel = new AbortController();
    const running = run(`import subprocess, sys, time\n${child(mark, true)}\ntime.sleep(600)`, {}, cancel.signal);
    await until("the child runs", () => processesMarked(mark) === 1);
    cancel.abort();
    expect(await running).toEqual({ kind: "cancelled" });
    expect(processesMarked(mark)).toBe(0);
  });

  it("is not started when it is cancelled before", async () => {
    expect(await run("print(1)", {}, AbortSignal.abort())).toEqual({ kind: "cancelled" });
  });

  it("leaves nothing in its group when it kills its launcher", async () => {
    const result = await run(
      `import os, subprocess, sys, time\n${child(mark, false)}\nos.kill(os.getppid(), 9)\ntime.sleep(1)`,
      {},
    );
    // Process 1 of a namespace cannot be killed from inside; elsewhere the script has spoilt its own run.
    expect(result.kind).toBe(isolation.name === "namespaces" ? "ended" : "failed");
    await until("the child is gone", () => processesMarked(mark) === 0);
  });

  it("is ended when it stops its launcher", async () => {
    const result = await run(
      `import os, subprocess, sys, time\n${child(mark, true)}\nos.kill(os.getppid(), 19)\ntime.sleep(600)`,
      { timeMs: 2000 },
    );
    expect(result).toEqual({ kind: "timeout" });
    await until("the child is gone", () => processesMarked(mark) === 0);
  });

  it("says why when Python is not there", async () => {
    await writeFile(join(directory, SCRIPT_NAME), "");
    const runtime = { ...isolation, python: "/nowhere/python3" };
    const result = await runScript(directory, runtime, WIDE, new AbortController().signal);
    expect(result).toMatchObject({ kind: "failed", reason: expect.stringMatching(/nowhere|ENOENT/) });
  });
});
