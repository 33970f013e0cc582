import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseLine } from "../../../workloads/analyzer/results/csv.ts";
import type { Row } from "../../../workloads/analyzer/results/row.ts";
import { waitUntil } from "../../rig/ready.ts";
import type { Place } from "./place.ts";

/** All rows that the analysers have written. */
export function readRows(folder: string): Row[] {
  const files = readdirSync(folder).filter((name) => name.endsWith(".csv"));
  return files.flatMap((name) => {
    const [, ...lines] = readFileSync(join(folder, name), "utf8").trimEnd().split("\n");
    return lines.flatMap((line) => parseLine(line) ?? []);
  });
}

/** The rows of some images. */
export function rowsOf(folder: string, ids: readonly string[]): Row[] {
  const wanted = new Set(ids);
  return readRows(folder).filter(({ image_id: id }) => wanted.has(id));
}

/**
 * Waits until each image has a result.
 * @returns their rows
 * @throws EvenkeelError EK_TIMEOUT; Error when an image has two results, or one that is a rejection
 */
export async function waitForResults(place: Place, ids: readonly string[], timeoutMs: number): Promise<Row[]> {
  const found = () => new Set(rowsOf(place.results, ids).map(({ image_id: id }) => id)).size;
  await waitUntil(`a result of each of ${ids.length} images`, () => found() === ids.length, {
    timeoutMs,
    everyMs: 1000,
  }).catch((error: Error) => {
    throw new Error(`${error.message}; ${found()} have one`);
  });
  return judgeRows(rowsOf(place.results, ids), ids);
}

/** @throws Error unless each image has exactly one row, and none was rejected */
export function judgeRows(rows: readonly Row[], ids: readonly string[]): Row[] {
  const counts = new Map(ids.map((id) => [id, 0]));
  for (const { image_id: id } of rows) counts.set(id, (counts.get(id) ?? 0) + 1);
  const lost = [...counts.values()].filter((count) => count === 0).length;
  const twice = [...counts.values()].filter((count) => count > 1).length;
  const foreign = counts.size - new Set(ids).size;
  const rejected = rows.filter(({ status }) => status !== "analysed").length;
  if (lost + twice + foreign + rejected > 0)
    throw new Error(
      `of ${ids.length} images ${lost} are lost, ${twice} counted twice, ${rejected} rejected; ${foreign} rows are of no image`,
    );
  return [...rows];
}
