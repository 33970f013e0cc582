import { expect, test } from "vitest";
import { checkFolder, checkName, stateFolder } from "./place.ts";

test.each(["default", "e2e-1", "a"])("%s is a name", (name) => expect(checkName(name)).toBe(name));

test.each(["", "A", "-a", "a-", "a/b", "..", "a".repeat(21)])("%j is none", (name) => {
  expect(() => checkName(name)).toThrow("is not a rig's name");
});

test("a folder that is too deep for sockets is refused before anything is started", () => {
  expect(() => checkFolder(stateFolder("x", { EVENKEEL_CACHE: "/cache" }))).not.toThrow();
  expect(() => checkFolder(stateFolder("x", { EVENKEEL_CACHE: `/${"deep/".repeat(20)}` }))).toThrow("too long");
});
