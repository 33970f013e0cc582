import { expect, it } from "vitest";
import { UploadSpace } from "./upload-space.ts";

it("is shared, and what is given back is there for others, once", () => {
  const space = new UploadSpace(100);
  const [one, two] = [space.open(), space.open()];
  expect(one.take(60)).toBe(true);
  expect(two.take(41)).toBe(false);
  expect(two.take(40)).toBe(true);
  expect(two.take(1)).toBe(false);
  one.release();
  one.release();
  expect(two.take(61)).toBe(false);
  expect(two.take(60)).toBe(true);
});
