import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";

const parse = async (file: string) => await promisify(execFile)(process.execPath, ["--check", file]);
const SCRIPTS = (await readdir(import.meta.dirname, { recursive: true })).filter((name) => name.endsWith(".js"));

test("finds the scripts", () => {
  expect(SCRIPTS).toEqual(expect.arrayContaining(["cpu.js", "proxy.js", "upload.js", join("lib", "options.js")]));
});

test.each(SCRIPTS)("%s parses as an ES module, and what it imports is k6's or is there", async (name) => {
  const file = join(import.meta.dirname, name);
  await parse(file);
  const imports = [...(await readFile(file, "utf8")).matchAll(/^(?:import|export) .*? from "(.+)";$/gm)];
  for (const [, from = ""] of imports)
    if (!from.startsWith("k6/")) expect((await stat(resolve(dirname(file), from))).isFile()).toBe(true);
});

test("a script that is broken does not parse", async () => {
  const folder = await mkdtemp(join(tmpdir(), "evenkeel-test-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "broken.mjs");
  await writeFile(file, "export default function () { return ; \n");
  await expect(parse(file)).rejects.toThrow("SyntaxError");
});
