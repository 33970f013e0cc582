import { describe, expect, it } from "vitest";
import {
  advance,
  countCpuList,
  parseAllowedCpus,
  parseCpuMax,
  parseFlatKeyed,
  parseLastPid,
  parseMachineStat,
  parseMemTotal,
  parsePids,
  parsePressure,
  parseProcessStat,
  parseSchedStat,
} from "./parse.ts";

describe("the kernel's files", () => {
  it("reads schedstat, and takes a kernel without the accounting for silent", () => {
    expect(parseSchedStat("22906577 44188644 75\n")).toEqual({ ranNs: 22906577, waitedNs: 44188644, turns: 75 });
    expect(parseSchedStat("0 0 0\n")).toBeUndefined();
    expect(parseSchedStat("")).toBeUndefined();
  });

  it("reads a process's stat whatever its name holds", () => {
    const text =
      "42 (a) b (c) R 7 42 1 0 -1 4194304 210 0 2 0 12 3 50 5 20 0 4 0 63074 2998272 393 184467440737 1 1 0 0 0\n";
    expect(parseProcessStat(text)).toEqual({
      name: "a) b (c",
      state: "R",
      parent: 7,
      usedNs: 150e6,
      childrenNs: 550e6,
      threads: 4,
      startTicks: 63074,
      residentPages: 393,
    });
    expect(parseProcessStat("")).toBeUndefined();
    expect(parseProcessStat("42 (half")).toBeUndefined();
  });

  it("reads the files of a cgroup", () => {
    expect(parseFlatKeyed("usage_usec 12\nthrottled_usec 3\n").get("throttled_usec")).toBe(3);
    expect(parsePressure("some avg10=1.00 avg60=0.00 avg300=0.00 total=275\nfull avg10=0.00 total=9\n")).toBe(275_000);
    expect(parsePressure("")).toBeUndefined();
    expect(parseCpuMax("50000 100000\n")).toBe(0.5);
    expect(parseCpuMax("max 100000\n")).toBeUndefined();
    expect(parseCpuMax("")).toBeUndefined();
  });

  it.each([
    ["0-3,8\n", 5],
    ["2", 1],
    ["", undefined],
    ["x", undefined],
  ])("counts the CPUs of %j", (text, count) => expect(countCpuList(text)).toBe(count));

  it("reads the rest of /proc", () => {
    expect(parseAllowedCpus("Name:\tx\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n")).toBe(2);
    expect(parsePids("12 0 7\n9\n")).toEqual([12, 7, 9]);
    expect(parseLastPid("0.00 0.01 0.05 1/123 4567\n")).toBe(4567);
    expect(parseLastPid("")).toBeUndefined();
    expect(parseMemTotal("MemTotal:       1000 kB\n")).toBe(1_024_000);
    expect(parseMachineStat("cpu  10 1 5 900 4 2 3 7 0 0\ncpu0 1 1 1 1\n")).toEqual({ usedNs: 210e6, stolenNs: 70e6 });
  });

  it("takes a counter that went backwards for one that stood still", () => {
    expect(advance(5, 8)).toBe(3);
    expect(advance(8, 5)).toBe(0);
  });
});
