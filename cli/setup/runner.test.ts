import { expect, it, vi } from "vitest";
import { complaint, makeRunner } from "./runner.ts";

vi.setConfig({ testTimeout: 60_000 });

const runner = makeRunner({ PATH: process.env.PATH }, new AbortController().signal);

it("gives what a program said and how it ended", async () => {
  const seen: string[] = [];
  const script = 'read line; echo "got $line"; printf "a\\rb\\n" >&2; exit 3';
  const outcome = await runner("sh", ["-c", script], { stdin: "it\n", onLine: (line) => seen.push(line) });
  expect(outcome).toEqual({ code: 3, stdout: "got it\n", stderr: "a\rb\n" });
  expect(seen.sort()).toEqual(["a", "b", "got it"]);
  expect(complaint("/some/sh", outcome)).toBe("sh ended with 3: a | b");
});

it("has Docker build with BuildKit, unless the environment says otherwise", async () => {
  const told = async (run: typeof runner) => (await run("sh", ["-c", "printf $DOCKER_BUILDKIT"])).stdout;
  expect(await told(runner)).toBe("1");
  const env = { PATH: process.env.PATH, DOCKER_BUILDKIT: "0" };
  expect(await told(makeRunner(env, new AbortController().signal))).toBe("0");
});

it("a program that is not there, and one that hangs, are outcomes too", async () => {
  const missing = await runner("no-such-program-here", []);
  expect(complaint("x", missing)).toBe("x is not installed");
  const hung = await runner("sleep", ["600"], { timeoutMs: 50 });
  expect(complaint("sleep", hung)).toBe("sleep did not answer in time");
});

it("a stop ends what runs and lets nothing start, but for what cleans up", async () => {
  const stop = new AbortController();
  const run = makeRunner({ PATH: process.env.PATH }, stop.signal);
  const running = run("sleep", ["600"]);
  stop.abort();
  await expect(running).rejects.toMatchObject({ code: "EK_STOPPED" });
  await expect(run("true", [])).rejects.toMatchObject({ code: "EK_STOPPED" });
  expect((await run("true", [], { evenStopped: true })).code).toBe(0);
});
