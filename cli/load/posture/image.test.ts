import sharp from "sharp";
import { expect, test } from "vitest";
import { DRAWN } from "./figure.ts";
import { drawImage, withComment } from "./image.ts";

test("a comment makes another image of the same pixels", async () => {
  const { bytes } = await drawImage({ index: 3, width: 64, height: 48 });
  const [one, two] = ["1", "2"].map((text) => withComment(bytes, text));
  expect(one).not.toEqual(two);
  expect(await sharp(one).raw().toBuffer()).toEqual(await sharp(bytes).raw().toBuffer());
  expect(await sharp(two).metadata()).toMatchObject({ format: "jpeg", width: 64, height: 48 });
});

test("all postures come in turn", async () => {
  const drawn = await Promise.all(DRAWN.map((_, index) => drawImage({ index, width: 32, height: 32 })));
  expect(drawn.map(({ posture }) => posture)).toEqual(DRAWN);
});
