import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { patchCommand, quoted, shortened } from "./mend.ts";

it.each([
  ["app=REGISTRY/app:1.2@sha256:0a", "app=REGISTRY/app:1.2@sha256:0a"],
  ["it's", "'it'\\''s'"],
  ["$(reboot)", "'$(reboot)'"],
  ["-o", "'-o'"],
  ["a\nb\u001b", "'a b '"],
  ["", "''"],
])("%j is the word %s", (value, word) => {
  expect(quoted(value)).toBe(word);
});

it("says to a shell what it was given", () => {
  const value = `$HOME \`id\` "a" 'b' \\ ; & | > !x *`;
  expect(execFileSync("sh", ["-c", `printf %s ${quoted(value)}`], { encoding: "utf8" })).toBe(value);
  expect(patchCommand("deployment/d -n n", { value: "it's" })).toContain(`-p '{"value":"it'\\''s"}'`);
});

it("shows one line that a terminal can bear", () => {
  expect(shortened("a\u001b[31m b\r\n\u0085c\u0007")).toBe("a [31m b c");
  expect(shortened("abcdef", 4)).toBe("abc…");
});
