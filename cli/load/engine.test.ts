import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { chooseEngine } from "./engine.ts";

/** A machine with k6 on its PATH, or without. */
async function machine(withK6: boolean) {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const k6 = join(folder, "k6");
  if (withK6) await writeFile(k6, "#!/bin/sh\necho 'k6 v1.8.1'\n", { mode: 0o755 });
  const lines: string[] = [];
  const env = { PATH: folder, HOME: folder, XDG_CACHE_HOME: join(folder, "cache") };
  return { k6, env, lines, onProgress: (line: string) => void lines.push(line) };
}

test("auto is k6 where there is one", async () => {
  const { k6, ...options } = await machine(true);
  expect(await chooseEngine("auto", true, options)).toEqual({ kind: "k6", path: k6 });
  expect(options.lines).toEqual([]);
});

test("auto is the built-in generator where there is none, and says so in one line", async () => {
  const options = await machine(false);
  expect(await chooseEngine("auto", false, options)).toEqual({ kind: "built-in" });
  expect(options.lines).toEqual(["k6 is not on PATH nor in EVENKEEL_K6: the built-in generator sends the load"]);
});

test("auto is the built-in generator where nothing can be cached", async () => {
  const { k6, ...options } = await machine(false);
  await writeFile(k6, "a file where a folder should be");
  const env = {
    ...options.env,
    EVENKEEL_CACHE: join(k6, "none"),
    XDG_CACHE_HOME: join(k6, "none"),
    HOME: join(k6, "none"),
  };
  expect(await chooseEngine("auto", false, { ...options, env })).toEqual({ kind: "built-in" });
});

test("built-in is not k6 though there is one", async () => {
  expect(await chooseEngine("built-in", false, await machine(true))).toEqual({ kind: "built-in" });
});

test("k6 that is asked for by name must be there", async () => {
  await expect(chooseEngine("k6", false, await machine(false))).rejects.toMatchObject({
    code: "EK_PROGRAM_MISSING",
    next: "install k6 1.8.1 and put it on PATH, or set EVENKEEL_K6 to its path",
  });
});

test("a wrong EVENKEEL_K6 is not passed over", async () => {
  const { env, ...options } = await machine(true);
  await expect(
    chooseEngine("auto", false, { ...options, env: { ...env, EVENKEEL_K6: "/none/k6" } }),
  ).rejects.toMatchObject({ code: "EK_SETTING_INVALID", where: "EVENKEEL_K6" });
});

test("the report needs k6", async () => {
  await expect(chooseEngine("auto", true, await machine(false))).rejects.toMatchObject({
    code: "EK_PROGRAM_MISSING",
    where: "--report",
    message: "the HTML report is k6's, and there is no k6 here",
  });
  await expect(chooseEngine("built-in", true, await machine(true))).rejects.toMatchObject({
    code: "EK_SETTING_INVALID",
    where: "--report",
  });
});
