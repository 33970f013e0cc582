import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { testFolder } from "../../../common/program/testing.ts";
import { fullDisk } from "../testing/full-disk.ts";
import { rowOf } from "../testing/rows.ts";
import { csvLine, HEADER } from "./csv.ts";
import { CsvFile } from "./csv-file.ts";
import { diskFiles, type Files } from "./files.ts";

async function csvFile(files: Files = diskFiles, path?: string): Promise<CsvFile> {
  const file = new CsvFile(path ?? join(await testFolder(), "results", "out.csv"), files);
  await file.prepare();
  return file;
}

describe("CsvFile", () => {
  test("makes the folder and the file with its header, and adds rows once", async () => {
    const file = await csvFile();
    await Promise.all([file.add(rowOf(1)), file.add(rowOf(2)), file.add(rowOf(1, { posture: "lying" }))]);
    await file.add(rowOf(2));
    expect(await readFile(file.path, "utf8")).toBe(HEADER + csvLine(rowOf(1)) + csvLine(rowOf(2)));
    expect(file.has(rowOf(1).image_id)).toBe(true);
    expect(file.has(rowOf(3).image_id)).toBe(false);
  });

  test("knows what an earlier process and another one wrote", async () => {
    const one = await csvFile();
    await one.add(rowOf(1));
    const two = await csvFile(diskFiles, one.path);
    expect(two.has(rowOf(1).image_id)).toBe(true);
    await one.add(rowOf(2));
    await two.add(rowOf(2));
    expect(two.has(rowOf(2).image_id)).toBe(true);
    expect((await readFile(one.path, "utf8")).split("\n")).toHaveLength(4);
  });

  test("cuts off a row that a killed process did not finish", async () => {
    const file = await csvFile();
    await file.add(rowOf(1));
    await appendFile(file.path, csvLine(rowOf(2)).slice(0, 50));
    await (await csvFile(diskFiles, file.path)).add(rowOf(2));
    expect(await readFile(file.path, "utf8")).toBe(HEADER + csvLine(rowOf(1)) + csvLine(rowOf(2)));
    await writeFile(file.path, HEADER.slice(0, 10));
    await (await csvFile(diskFiles, file.path)).add(rowOf(3));
    expect(await readFile(file.path, "utf8")).toBe(HEADER + csvLine(rowOf(3)));
  });

  test("begins a new file when the old one was moved away, and still knows its images", async () => {
    const file = await csvFile();
    await file.add(rowOf(1));
    await rename(file.path, `${file.path}.1`);
    await Promise.all([file.add(rowOf(1)), file.add(rowOf(2))]);
    expect(await readFile(file.path, "utf8")).toBe(HEADER + csvLine(rowOf(2)));
  });

  test.each(["time,name\n1,2\n", "no newline and no header", `${HEADER.slice(0, 8)}\n`])(
    "refuses a file of something else: %j",
    async (content) => {
      const path = join(await testFolder(), "other.csv");
      await writeFile(path, content);
      await expect(csvFile(diskFiles, path)).rejects.toMatchObject({ code: "EK_SETTING_INVALID", where: path });
      expect(await readFile(path, "utf8")).toBe(content);
    },
  );

  test.each([0, 30])("leaves no part of a row when only %i bytes of it fit on the disk", async (room) => {
    const disk = fullDisk();
    const file = await csvFile(disk);
    await file.add(rowOf(1));
    disk.room = room;
    await expect(file.add(rowOf(2))).rejects.toMatchObject({ code: "ENOSPC" });
    expect(file.has(rowOf(2).image_id)).toBe(false);
    expect(await readFile(file.path, "utf8")).toBe(HEADER + csvLine(rowOf(1)));
    disk.room = undefined;
    await file.add(rowOf(2));
    expect(await readFile(file.path, "utf8")).toBe(HEADER + csvLine(rowOf(1)) + csvLine(rowOf(2)));
  });

  test("two processes write whole rows, each image once", async () => {
    const file = await csvFile();
    const module = new URL("./csv-file.ts", import.meta.url).href;
    const body = `
      const { CsvFile } = await import(${JSON.stringify(module)});
      const { diskFiles } = await import(${JSON.stringify(new URL("./files.ts", import.meta.url).href)});
      const { rowOf } = await import(${JSON.stringify(new URL("../testing/rows.ts", import.meta.url).href)});
      const file = new CsvFile(${JSON.stringify(file.path)}, diskFiles);
      await file.prepare();
      const from = Number(process.argv.at(-1));
      for (let index = from; index < from + 60; index += 6)
        await Promise.all([0, 1, 2, 3, 4, 5].map((more) => file.add(rowOf(index + more, { reason: "r".repeat(2000) }))));
    `;
    // The second process has half of its images in common with the first.
    const ends = [0, 30].map(async (from) => {
      const child = spawn(process.execPath, ["--input-type=module", "-e", body, String(from)], { stdio: "inherit" });
      const [code] = await once(child, "exit");
      return code as number;
    });
    expect(await Promise.all(ends)).toEqual([0, 0]);
    const lines = (await readFile(file.path, "utf8")).split("\n");
    expect(lines.pop()).toBe("");
    expect(`${lines.shift()}\n`).toBe(HEADER);
    const expected = Array.from({ length: 90 }, (_, index) =>
      csvLine(rowOf(index, { reason: "r".repeat(2000) })).slice(0, -1),
    );
    expect(lines.toSorted()).toEqual(expected.toSorted());
  }, 120_000);
});
