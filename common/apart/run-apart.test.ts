import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { EvenkeelError } from "../errors.ts";
import { runApart } from "./run-apart.ts";

// A thread that loads on a machine that may be very busy.
vi.setConfig({ testTimeout: 60_000 });

const FOR_EVER = new AbortController().signal;
let folder: string;
let body: URL;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "evenkeel-apart-"));
  body = pathToFileURL(join(folder, "body.mjs"));
  const module = (name: string) => JSON.stringify(new URL(name, import.meta.url).href);
  await writeFile(
    body,
    `import { threadId } from "node:worker_threads";
     import { answerApart } from ${module("./answer.ts")};
     import { EvenkeelError } from ${module("../errors.ts")};
     answerApart(({ ask, code, options }) => {
       if (ask === "add") return { sum: new Map([["sum", 1 + 2]]), threadId };
       if (ask === "refuse") throw new EvenkeelError(code, "no", options);
       if (ask === "break") throw new TypeError("broken");
       if (ask === "leave") process.exit(0);
       for (;;);
     });`,
  );
});
afterAll(() => rm(folder, { recursive: true, force: true }));

it("brings the result out of another thread", async () => {
  const result = await runApart<unknown, { threadId: number }>(body, { ask: "add" }, FOR_EVER);
  expect(result).toMatchObject({ sum: new Map([["sum", 3]]) });
  expect(result.threadId).toBeGreaterThan(0);
});

it.each([{}, { where: "a:1:2", next: "mend it" }])("throws the work's own error, with %j", async (options) => {
  const code = "EK_FLEET_INVALID";
  const error = await runApart(body, { ask: "refuse", code, options }, FOR_EVER).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EvenkeelError);
  expect((error as EvenkeelError).describe()).toBe(new EvenkeelError(code, "no", options).describe());
});

it.each([
  ["break", "broken"],
  ["leave", "body.mjs ended without an answer"],
])("tells of a thread that dies: %s", async (ask, message) => {
  await expect(runApart(body, { ask }, FOR_EVER)).rejects.toThrow(message);
});

it("ends the thread with the signal's reason", async () => {
  const reason = new Error("enough");
  await expect(runApart(body, { ask: "add" }, AbortSignal.abort(reason))).rejects.toBe(reason);
  const late = new AbortController();
  const running = runApart(body, { ask: "spin" }, late.signal);
  setTimeout(() => late.abort(reason), 200);
  await expect(running).rejects.toBe(reason);
});
