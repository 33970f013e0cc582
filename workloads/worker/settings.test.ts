import { expect, it } from "vitest";
import { loadSettings } from "../../common/settings.ts";
import { uploadSpaceBytes, WORKER_COMMAND } from "./settings.ts";

function spaceOf(...args: string[]): number {
  const loaded = loadSettings(WORKER_COMMAND, args, {});
  if (loaded.kind === "help") throw new Error("no values");
  return uploadSpaceBytes(loaded.values);
}

it("has room for sixteen of the largest uploads unless told otherwise", () => {
  expect(spaceOf()).toBe(16 * 64 * 2 ** 20);
  expect(spaceOf("--max-upload", "1MiB")).toBe(16 * 2 ** 20);
  expect(spaceOf("--upload-space", "100MiB")).toBe(100 * 2 ** 20);
});

it("refuses a space in which the largest upload has no room", () => {
  expect(() => spaceOf("--max-upload", "2MiB", "--upload-space", "1MiB")).toThrow(
    expect.objectContaining({ code: "EK_SETTING_INVALID", where: "--upload-space" }),
  );
});
