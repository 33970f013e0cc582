import { expect, it } from "vitest";
import { rowOf } from "../../../workloads/analyzer/testing/rows.ts";
import { judgeRows } from "./results.ts";

const rows = [0, 1, 2].map((index) => rowOf(index));
const ids = rows.map(({ image_id: id }) => id);

it("takes exactly one result for each image", () => {
  expect(judgeRows(rows, ids)).toEqual(rows);
});

it.each([
  [rows.slice(1), "1 are lost, 0 counted twice, 0 rejected; 0 rows are of no image"],
  [[...rows, rowOf(1)], "0 are lost, 1 counted twice"],
  [[...rows, rowOf(7)], "1 rows are of no image"],
  [[...rows.slice(1), rowOf(0, { status: "rejected" })], "0 are lost, 0 counted twice, 1 rejected"],
])("finds what is wrong, %#", (found, message) => {
  expect(() => judgeRows(found, ids)).toThrow(message);
});
