import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testFolder } from "../../../common/program/testing.ts";
import { fullDisk } from "../testing/full-disk.ts";
import { ImageFiles } from "./image-files.ts";

test("an image is there whole or not at all, also on a full disk", async () => {
  const folder = join(await testFolder(), "a", "b");
  const disk = fullDisk();
  const images = new ImageFiles(folder, disk);
  await images.prepare();
  disk.room = 0;
  await expect(images.write("x", Buffer.from("one"))).rejects.toMatchObject({ code: "ENOSPC" });
  expect(await readdir(folder)).toEqual([]);
  disk.room = undefined;
  expect(await images.write("x", Buffer.from("one"))).toBe("x.jpg");
  await images.write("x", Buffer.from("two"));
  expect(await readFile(join(folder, "x.jpg"), "utf8")).toBe("two");
});

test("what a killed process left half-written goes after an hour, and nothing else", async () => {
  const folder = await testFolder();
  const old = new Date(Date.now() - 2 * 3_600_000);
  for (const name of [".x.jpg.1.part", ".y.jpg.2.part", "old.jpg"]) await writeFile(join(folder, name), "");
  for (const name of [".x.jpg.1.part", "old.jpg"]) await utimes(join(folder, name), old, old);
  await new ImageFiles(folder, fullDisk()).prepare();
  expect((await readdir(folder)).toSorted()).toEqual([".y.jpg.2.part", "old.jpg"]);
});
