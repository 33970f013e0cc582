import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { logger } from "../../../common/log.ts";
import type { FleetSource } from "../fleet.ts";
import { fileFleet } from "./file-fleet.ts";

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
