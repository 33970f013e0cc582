import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { describeError } from "../../../common/errors.ts";
import { logger } from "../../../common/log.ts";
import type { FleetSource } from "../fleet.ts";
import { fileFleet } from "./file-fleet.ts";
import { parseFleet } from "./parse.ts";

const log = logger("test");
log.level = "silent";
const PATIENCE = { timeout: 20_000, interval: 20 };

let folder: string;
let path: string;
let source: FleetSource | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "evenkeel-fleet-"));
  path = join(folder, "fleet.yaml");
});
afterEach(async () => {
  await source?.close();
  source = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const text = (...ports: number[]) =>
  `clusters:\n  - { name: still, endpoints: [] }\n  - name: moving\n    endpoints:\n${ports
    .map((port) => `      - { address: 127.0.0.1, port: ${port} }\n`)
    .join("")}`;
const open = () => {
  source = fileFleet(path, { log, pollMs: 50 });
  return source;
};
const ports = (from: FleetSource) =>
  from
    .current()
    ?.clusters.get("moving")
    ?.endpoints.map((endpoint) => endpoint.port);

it("reads the file at once", () => {
  writeFileSync(path, text(1, 2));
  const fleet = open();
  expect(ports(fleet)).toEqual([1, 2]);
  expect(fleet.fault()).toBeUndefined();
});

it("follows an edit and keeps the clusters that did not change", async () => {
  writeFileSync(path, text(1));
  const fleet = open();
  const still = fleet.current()?.clusters.get("still");
  const told = vi.fn();
  fleet.subscribe(told);
  writeFileSync(path, text(1, 2));
  await vi.waitFor(() => expect(ports(fleet)).toEqual([1, 2]), PATIENCE);
  expect(fleet.current()?.clusters.get("still")).toBe(still);
  expect(told).toHaveBeenCalled();
});

it("keeps the last good fleet through a bad edit, says the line, and recovers", async () => {
  writeFileSync(path, text(1));
  const fleet = open();
  writeFileSync(path, text(1, 70000));
  await vi.waitFor(() => expect(fleet.fault()).toContain(`EK_FLEET_INVALID ${path}:6:37`), PATIENCE);
  expect(ports(fleet)).toEqual([1]);
  writeFileSync(path, text(3));
  await vi.waitFor(() => expect(ports(fleet)).toEqual([3]), PATIENCE);
  expect(fleet.fault()).toBeUndefined();
});

it("follows a file that is replaced by a rename", async () => {
  writeFileSync(path, text(1));
  const fleet = open();
  for (const port of [2, 3]) {
    writeFileSync(`${path}.new`, text(port));
    renameSync(`${path}.new`, path);
    await vi.waitFor(() => expect(ports(fleet)).toEqual([port]), PATIENCE);
  }
});

it("follows a ConfigMap's swap of symbolic links", async () => {
  for (const port of [1, 2]) {
    mkdirSync(join(folder, `..v${port}`));
    writeFileSync(join(folder, `..v${port}`, "fleet.yaml"), text(port));
  }
  symlinkSync("..v1", join(folder, "..data"));
  symlinkSync("..data/fleet.yaml", path);
  const fleet = open();
  expect(ports(fleet)).toEqual([1]);
  symlinkSync("..v2", join(folder, "..data_tmp"));
  renameSync(join(folder, "..data_tmp"), join(folder, "..data"));
  await vi.waitFor(() => expect(ports(fleet)).toEqual([2]), PATIENCE);
});

it("waits for a file that is not there yet, and outlives its removal", async () => {
  const fleet = open();
  expect(fleet.current()).toBeUndefined();
  expect(fleet.fault()).toContain("EK_FILE_UNREADABLE");
  writeFileSync(path, text(1));
  await vi.waitFor(() => expect(ports(fleet)).toEqual([1]), PATIENCE);
  unlinkSync(path);
  await vi.waitFor(() => expect(fleet.fault()).toContain("EK_FILE_UNREADABLE"), PATIENCE);
  expect(ports(fleet)).toEqual([1]);
});

it("does not tell of a rewrite that changes nothing", async () => {
  writeFileSync(path, text(1));
  const fleet = open();
  const told = vi.fn();
  fleet.subscribe(told);
  writeFileSync(path, `# a comment\n${text(1)}`);
  writeFileSync(`${path}.marker`, text(1));
  await new Promise((resolve) => setTimeout(resolve, 400));
  expect(told).not.toHaveBeenCalled();
});

/** A file with so many endpoints. */
const longText = (endpoints: number, port = 80) =>
  `clusters:\n  - { name: still, endpoints: [] }\n  - name: moving\n    endpoints:\n${Array.from(
    { length: endpoints },
    (_, n) => `      - { address: 10.0.${n >> 8}.${n & 255}, port: ${port}, agent: 9081, zone: z${n % 3} }\n`,
  ).join("")}`;

/** The CPU time that this thread has used, in ms. */
const threadCpuMs = () => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
};

describe("a long file", () => {
  it("is read apart when it changes: this thread goes on meanwhile", async () => {
    writeFileSync(path, text(1));
    const fleet = open();
    const still = fleet.current()?.clusters.get("still");
    const next = longText(6000);
    const before = threadCpuMs();
    parseFleet(next, path);
    const hereMs = threadCpuMs() - before;
    let longestMs = 0;
    let last = threadCpuMs();
    const turns = setInterval(() => {
      const now = threadCpuMs();
      longestMs = Math.max(longestMs, now - last);
      last = now;
    }, 1);
    writeFileSync(path, next);
    await vi.waitFor(() => expect(ports(fleet)).toHaveLength(6000), PATIENCE);
    clearInterval(turns);
    // CPU time and not the clock's, which on a busy machine says more of the others.
    expect(longestMs).toBeLessThan(hereMs / 2);
    expect(fleet.current()?.clusters.get("still")).toBe(still);
  });

  it("has its faults told as those of a short one", async () => {
    writeFileSync(path, longText(600));
    const fleet = open();
    const bad = longText(600).replace("10.0.1.7, port: 80", "10.0.1.7, port: 70000");
    const said = (() => {
      try {
        parseFleet(bad, path);
      } catch (error) {
        return describeError(error);
      }
    })();
    expect(said).toContain(`EK_FLEET_INVALID ${path}:268:`);
    writeFileSync(path, bad);
    await vi.waitFor(() => expect(fleet.fault()).toBe(said), PATIENCE);
    expect(ports(fleet)).toHaveLength(600);
    writeFileSync(path, longText(600).replace("endpoints: []", "kubernetes: { namespace: a, service: b, port: 80 }"));
    await vi.waitFor(() => expect(fleet.fault()).toContain("cluster still is of Kubernetes"), PATIENCE);
    writeFileSync(path, longText(601));
    await vi.waitFor(() => expect(ports(fleet)).toHaveLength(601), PATIENCE);
    expect(fleet.fault()).toBeUndefined();
  });

  it("that changes while it is read is read again", async () => {
    writeFileSync(path, text(1));
    const fleet = open();
    for (const port of [81, 82, 83]) {
      writeFileSync(path, longText(1000, port));
      await new Promise((resolve) => setTimeout(resolve, 120));
    }
    await vi.waitFor(() => expect(ports(fleet)?.[0]).toBe(83), PATIENCE);
    writeFileSync(path, text(7));
    await vi.waitFor(() => expect(ports(fleet)).toEqual([7]), PATIENCE);
  });

  it("is told to nobody after the close", async () => {
    writeFileSync(path, text(1));
    const fleet = open();
    const told = vi.fn();
    fleet.subscribe(told);
    writeFileSync(path, longText(2000));
    await new Promise((resolve) => setTimeout(resolve, 150));
    await fleet.close();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(told).not.toHaveBeenCalled();
    expect(ports(fleet)).toEqual([1]);
  });
});

it.each([
  ["a directory", () => mkdirSync(path), "it is a directory"],
  ["a binary file", () => writeFileSync(path, Buffer.from([0x7f, 0x45, 0x4c, 0x46, 0, 1])), "not text in UTF-8"],
  ["bytes that are not UTF-8", () => writeFileSync(path, Buffer.from([0xff, 0xfe, 0x41])), "not text in UTF-8"],
  ["an empty file", () => writeFileSync(path, ""), "the file is empty"],
  ["a huge file", () => writeFileSync(path, Buffer.alloc(16 * 2 ** 20 + 1, "#")), "larger than"],
])("refuses %s", (_name, make, message) => {
  make();
  const fleet = open();
  expect(fleet.current()).toBeUndefined();
  expect(fleet.fault()).toContain(message);
});
