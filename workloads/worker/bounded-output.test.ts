import { describe, expect, it } from "vitest";
import { BoundedOutput } from "./bounded-output.ts";

describe("BoundedOutput", () => {
  it("keeps everything that fits", () => {
    const output = new BoundedOutput(5);
    output.add(Buffer.from("ab"));
    output.add(Buffer.from("cde"));
    expect(output.text()).toBe("abcde");
    expect(output.truncated).toBe(false);
  });

  it("keeps single bytes in the room that they need", () => {
    const output = new BoundedOutput(1_000_000);
    const before = process.memoryUsage().heapUsed;
    for (let index = 0; index < 1_000_100; index += 1) output.add(Buffer.from("x"));
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 2 ** 20);
    expect(output.text()).toHaveLength(1_000_000 + "\n[cut here by the worker: 100 more bytes]\n".length);
  });

  it("says how much it lost", () => {
    const output = new BoundedOutput(3);
    output.add(Buffer.from("abcd"));
    output.add(Buffer.from("efgh"));
    expect(output.text()).toBe("abc\n[cut here by the worker: 5 more bytes]\n");
    expect(output.truncated).toBe(true);
  });

  it("replaces what is not UTF-8", () => {
    const output = new BoundedOutput(100);
    output.add(Buffer.from([0x61, 0xff, 0xfe, 0x62]));
    expect(output.text()).toBe("a\ufffd\ufffdb");
  });

  it("joins a character that came in two chunks", () => {
    const output = new BoundedOutput(100);
    output.add(Buffer.from([0xe2, 0x82]));
    output.add(Buffer.from([0xac]));
    expect(output.text()).toBe("€");
  });

  it("drops a character that the limit cut in two", () => {
    const output = new BoundedOutput(4);
    output.add(Buffer.from("ab€"));
    expect(output.text()).toBe("ab\n[cut here by the worker: 1 more bytes]\n");
  });

  it("keeps nothing at a limit of 0", () => {
    const output = new BoundedOutput(0);
    expect(output.text()).toBe("");
    output.add(Buffer.from("a"));
    expect(output.truncated).toBe(true);
  });
});
