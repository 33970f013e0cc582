import { describe, expect, test } from "vitest";
import { csvLine, HEADER, parseLine } from "./csv.ts";
import { COLUMNS, imageId, type Row } from "./row.ts";

const row = (values: Partial<Row>): Row => ({
  ...(Object.fromEntries(COLUMNS.map((column) => [column, ""])) as Row),
  ...values,
});
const written = (topic: string) =>
  csvLine(row({ image_id: "1", topic }))
    .split(",")
    .slice(1, -13)
    .join(",");

describe("csvLine", () => {
  test.each([
    ["images/0", "images/0"],
    ["=1+1", "'=1+1"],
    ["+1", "'+1"],
    ["-1", "'-1"],
    ["@x", "'@x"],
    ["\t=1", "'=1"],
    ["\r\n=1", "'=1"],
    [" =1", "'=1"],
    ["'x", "''x"],
    ["a,b", '"a,b"'],
    ['say "x"', '"say ""x"""'],
    ['=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'],
    ["two\nlines", "two lines"],
    ["a\u2028b\0c", "a b c"],
  ])("%j becomes %s", (text, expected) => {
    expect(written(text)).toBe(expected);
  });

  test("a row is one line, and comes back as it was", () => {
    for (const topic of ["a,b", '"', '""', "=x", "'x", "'=x", ',",', "ü/…", ""]) {
      const line = csvLine(row({ topic, reason: topic, pod: topic }));
      expect(line.match(/\n/g)).toHaveLength(1);
      expect(parseLine(line.slice(0, -1))).toEqual(row({ topic, reason: topic, pod: topic }));
    }
  });
});

describe("parseLine", () => {
  test("takes no line of another number of columns", () => {
    expect(parseLine("")).toBeUndefined();
    expect(parseLine("a,b,c")).toBeUndefined();
    expect(parseLine(`${HEADER.slice(0, -1)},more`)).toBeUndefined();
    expect(parseLine(HEADER.slice(0, -1))?.image_id).toBe("image_id");
  });
});

test("an image is its topic and its bytes", () => {
  const bytes = Buffer.from("x");
  expect(imageId("images/0", bytes)).toBe(imageId("images/0", Buffer.from("x")));
  expect(imageId("images/1", bytes)).not.toBe(imageId("images/0", bytes));
  expect(imageId("images/0", Buffer.from("y"))).not.toBe(imageId("images/0", bytes));
  expect(imageId("images/0", bytes)).toMatch(/^[0-9a-f]{32}$/);
});
