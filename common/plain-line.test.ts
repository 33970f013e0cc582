import { expect, test } from "vitest";
import { plainLine, shortLine } from "./plain-line.ts";

test("what a terminal would take for a command is a space", () => {
  expect(plainLine("a\u001b[2Jb\r\nc\u009bd  e")).toBe("a [2Jb c d  e");
});

test.each([
  ["  a \n\t b  ", 9, "a b"],
  ["12345", 5, "12345"],
  ["123456", 5, "1234…"],
  ["", 5, ""],
])("%j within %i characters is %j", (text, length, expected) => {
  expect(shortLine(text, length)).toBe(expected);
});
