import { expect, test } from "vitest";
import { jsonLines } from "./json-lines.ts";

function read(...chunks: Buffer[]): unknown[] {
  const values: unknown[] = [];
  const feed = jsonLines((value) => values.push(value));
  for (const chunk of chunks) feed(chunk);
  return values;
}

test("values come out whole, wherever the bytes are cut", () => {
  const bytes = Buffer.from('{"a":"é"}\n\n  \n[1,2]\r\n{"b":');
  const expected = [{ a: "é" }, [1, 2]];
  for (let cut = 0; cut <= bytes.length; cut += 1)
    expect(read(bytes.subarray(0, cut), bytes.subarray(cut))).toEqual(expected);
  expect(read(...[...bytes].map((byte) => Buffer.from([byte])))).toEqual(expected);
});

test("what is not JSON is refused, and so is a line without an end", () => {
  expect(() => read(Buffer.from('{"a":\n'))).toThrow(SyntaxError);
  expect(() => read(...Array.from({ length: 17 }, () => Buffer.alloc(2 ** 20, 32)))).toThrow(/longer/);
});
