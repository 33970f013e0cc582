import { expect, it } from "vitest";
import { doubled } from "./quantity.ts";

it.each([
  ["4Gi", "8Gi"],
  ["512Mi", "1024Mi"],
  ["1.5G", "3G"],
  ["1073741824", "2147483648"],
  ["1e9", "2e9"],
  ["much", undefined],
  [undefined, undefined],
])("twice %s is %s", (quantity, twice) => {
  expect(doubled(quantity)).toBe(twice);
});
