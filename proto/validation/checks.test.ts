import { expect, test } from "vitest";
import { compileChecks, type Value } from "./checks.ts";

const THREE_BYTES = new Uint8Array(3);

test.each<[kind: string, rule: string, operand: unknown, kept: Value[], broken: Value[]]>([
  ["int32", "const", 3, [3], [2, Number.NaN]],
  ["int32", "in", [1, 2], [1, 2], [3]],
  ["uint64", "not_in", [1n], [2n], [1n]],
  ["sint64", "lt", 0n, [-1n], [0n, 1n]],
  ["double", "lte", 1, [1, -Infinity], [1.1, Number.NaN, Infinity]],
  ["double", "gt", 0, [Number.MIN_VALUE], [0, -0, Number.NaN]],
  ["fixed32", "gte", 5, [5], [4]],
  ["string", "const", "a", ["a"], ["b", ""]],
  ["string", "len", 2n, ["ab", "é😀"], ["a", "abc"]],
  ["string", "min_len", 1n, ["a"], [""]],
  ["string", "max_len", 1n, ["😀", ""], ["ab"]],
  ["string", "len_bytes", 4n, ["😀"], ["😀😀"]],
  ["string", "min_bytes", 2n, ["é"], ["e"]],
  ["string", "max_bytes", 2n, ["é"], ["😀"]],
  ["string", "pattern", "^[a-z_\\-\\.]+$", ["a-b.c"], ["A", ""]],
  ["string", "prefix", "/", ["/x"], ["x"]],
  ["string", "suffix", ".", ["x."], ["x"]],
  ["string", "contains", "::", ["a::b"], ["a:b"]],
  ["string", "not_contains", "..", ["a.b"], ["a..b"]],
  ["string", "in", ["http", "https"], ["http"], ["ftp", "HTTP"]],
  ["string", "not_in", ["*"], ["a"], ["*"]],
  ["string", "email", true, ["a@b.example"], ["a", "@b", "a@b c", "a@-"]],
  ["string", "hostname", true, ["a", "a-b.example."], ["a_b", "-a", "a..b", "1.2.3.4", `${"a".repeat(64)}.b`]],
  ["string", "ip", true, ["10.0.0.1", "::1"], ["10.0.0", "a"]],
  ["string", "ipv4", true, ["10.0.0.1"], ["::1", "10.0.0.256"]],
  ["string", "ipv6", true, ["::ffff:10.0.0.1"], ["10.0.0.1"]],
  ["string", "address", true, ["10.0.0.1", "workers.default.svc"], ["a b"]],
  ["string", "uri", true, ["https://a/b?c"], ["/b", "a"]],
  ["string", "uri_ref", true, ["https://a/b", "/b"], ["http://["]],
  ["string", "uuid", true, ["123e4567-e89b-12d3-a456-426614174000"], ["123e4567"]],
  ["string", "well_known_regex", 1, ["x-a", ":path"], ["", "a b", "a\n", "é"]],
  ["string", "well_known_regex", 2, ["", "a\tb"], ["a\nb", "\0", "\x7f"]],
  ["bytes", "const", new Uint8Array([1]), [new Uint8Array([1])], [new Uint8Array([2]), new Uint8Array()]],
  ["bytes", "len", 3n, [THREE_BYTES], [new Uint8Array(2)]],
  ["bytes", "min_len", 3n, [THREE_BYTES], [new Uint8Array(2)]],
  ["bytes", "max_len", 3n, [THREE_BYTES], [new Uint8Array(4)]],
  ["bool", "const", true, [true], [false]],
  ["enum", "in", [1, 2], [1], [0]],
  ["duration", "lt", 1_000_000_000n, [999_999_999n], [1_000_000_000n]],
  ["timestamp", "gt", 0n, [1n], [0n]],
])("%s.%s: %s", (kind, rule, operand, kept, broken) => {
  const check = compileChecks(kind, new Map([[rule, operand]]), "zero", "a field");
  for (const value of kept) expect(check(value), String(value)).toEqual([]);
  for (const value of broken) expect(check(value), String(value)).toHaveLength(1);
});

test("each broken rule is named", () => {
  const check = compileChecks(
    "string",
    new Map<string, unknown>([
      ["min_len", 5n],
      ["prefix", "/"],
    ]),
    "",
    "a field",
  );
  expect(check("ab")).toEqual(["has 2 characters, must have at least 5", 'is "ab", must be led by "/"']);
});

test("a header may be checked laxly", () => {
  const rules = new Map<string, unknown>([
    ["well_known_regex", 1],
    ["strict", false],
  ]);
  const check = compileChecks("string", rules, "", "a field");
  expect(check("with spaces")).toEqual([]);
  expect(check("two\nlines")).toHaveLength(1);
});

test("the empty value passes when it may", () => {
  const rules = new Map<string, unknown>([
    ["gte", 5],
    ["ignore_empty", true],
  ]);
  const check = compileChecks("uint32", rules, 0, "a field");
  expect(check(0)).toEqual([]);
  expect(check(1)).toHaveLength(1);
});

test("a long text is not repeated in full", () => {
  const [wrong] = compileChecks("string", new Map([["prefix", "/"]]), "", "a field")("x".repeat(10_000));
  expect(wrong?.length).toBeLessThan(200);
});

test.each<[string, string, unknown]>([
  ["uint32", "made_up", 1],
  ["made_up", "gte", 1],
  ["bytes", "ip", true],
  ["timestamp", "within", 1n],
  ["string", "well_known_regex", 99],
])("a rule that cannot be checked is an error when it is read: %s.%s", (kind, rule, operand) => {
  expect(() => compileChecks(kind, new Map([[rule, operand]]), 0, "a.field")).toThrow(
    expect.objectContaining({ code: "EK_RULE_UNKNOWN", where: "a.field" }),
  );
});
