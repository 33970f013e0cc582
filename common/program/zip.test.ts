import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testFolder, zipOf } from "./testing.ts";
import { extractZipMember } from "./zip.ts";

const LONG = "a line that compresses well\n".repeat(5000);

async function archive(content: Buffer): Promise<{ path: string; out: string }> {
  const folder = await testFolder();
  const path = join(folder, "archive.zip");
  await writeFile(path, content);
  return { path, out: join(folder, "out") };
}

test("takes a stored and a deflated member out of an archive", async () => {
  const { path, out } = await archive(zipOf({ "a/short": "hello", "b/long": LONG }));
  await extractZipMember(path, "a/short", out);
  expect(await readFile(out, "utf8")).toBe("hello");
  await extractZipMember(path, "b/long", out);
  expect(await readFile(out, "utf8")).toBe(LONG);
});

test("says what is wrong with an archive", async () => {
  const whole = zipOf({ "b/long": LONG });
  const lacking = await archive(whole);
  await expect(extractZipMember(lacking.path, "nothing", lacking.out)).rejects.toThrow("has no nothing");
  const cut = await archive(whole.subarray(0, 60));
  await expect(extractZipMember(cut.path, "b/long", cut.out)).rejects.toThrow("no ZIP archive");
  const page = await archive(Buffer.from("<html>"));
  await expect(extractZipMember(page.path, "b/long", page.out)).rejects.toThrow("no ZIP archive");
});
