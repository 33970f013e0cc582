import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { fileFleet } from "../fleet/file/file-fleet.ts";
import type { FleetSource } from "../fleet/fleet.ts";
import { noFleet } from "../fleet/no-fleet.ts";
import { openBeside } from "./beside.ts";
import type { ProxySource } from "./source.ts";

const PATIENCE = { timeout: 60_000, interval: 20 };
const OPTIONS = { caFile: "/ca.pem", pollMs: 20 };

let folder: string;
let fleetPath: string;
let proxyPath: string;
let logged: string[];
let fleet: FleetSource | undefined;
let proxy: ProxySource | undefined;
const log = pino({}, { write: (line: string) => logged.push((JSON.parse(line) as { msg: string }).msg) });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "evenkeel-beside-"));
  fleetPath = join(folder, "fleet.yaml");
  proxyPath = join(folder, "config.yaml");
  logged = [];
});
afterEach(async () => {
  proxy?.close();
  await fleet?.close();
  [fleet, proxy] = [undefined, undefined];
  await rm(folder, { recursive: true, force: true });
});

async function write(path: string, text: string) {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
const writeFleet = (...clusters: string[]) =>
  write(fleetPath, `clusters: [${clusters.map((name) => `{ name: ${name}, endpoints: [] }`).join(", ")}]\n`);
const writeProxy = (...names: string[]) =>
  write(
    proxyPath,
    `proxy:\n  listen: { port: 8080 }\n  services:\n${names
      .map((name) => `    - { name: ${name}, domain: ${name}.example.com, hosts: [{ address: 10.0.0.1 }] }\n`)
      .join("")}`,
  );

async function open(source: FleetSource = fileFleet(fleetPath, { log, pollMs: 20 })) {
  fleet = source;
  const opened = await openBeside(source, proxyPath, { ...OPTIONS, log });
  ({ fleet, proxy } = opened);
  return opened;
}
const clusters = () => [...(fleet?.current()?.clusters.keys() ?? [])];
const services = () => proxy?.current().config.services.map(({ name }) => name);

it("serves the proxy alone, and takes its edits", async () => {
  await writeProxy("a");
  await open(noFleet());
  expect(proxy?.current().resources.map(({ name }) => name)).toEqual(["service.a", "reverse-proxy", "reverse-proxy"]);
  let told = 0;
  proxy?.subscribe(() => {
    told += 1;
  });
  await writeProxy("a", "b");
  await vi.waitFor(() => expect(services()).toEqual(["a", "b"]), PATIENCE);
  expect(told).toBe(1);
  await writeProxy("a", "a");
  await vi.waitFor(() => expect(logged.at(-1)).toContain(`${proxyPath}:5:15: proxy.services[1].name a is`), PATIENCE);
  expect(services()).toEqual(["a", "b"]);
});

it("does not begin with a proxy that clashes with the fleet, and says in which line", async () => {
  await writeFleet("x", "service.b");
  await writeProxy("a", "b");
  await expect(open()).rejects.toMatchObject({
    code: "EK_PROXY_CONFIG_INVALID",
    where: `${proxyPath}:5:15`,
    message: "proxy.services[1].name clashes with the fleet, which has a cluster service.b",
  });
});

it("refuses an edit of the proxy that clashes with the fleet, and takes it once the fleet gives way", async () => {
  await writeFleet("x", "service.b");
  await writeProxy("a");
  await open();
  await writeProxy("a", "b");
  await vi.waitFor(
    () => expect(logged.at(-1)).toContain(`${proxyPath}:5:15: proxy.services[1].name clashes`),
    PATIENCE,
  );
  expect(services()).toEqual(["a"]);
  await writeFleet("x");
  await vi.waitFor(() => expect(services()).toEqual(["a", "b"]), PATIENCE);
  expect(clusters()).toEqual(["x"]);
});

it("refuses an edit of the fleet that clashes with the proxy, and takes it once the proxy gives way", async () => {
  await writeFleet("x");
  await writeProxy("a", "b");
  await open();
  let told = 0;
  fleet?.subscribe(() => {
    told += 1;
  });
  await writeFleet("x", "service.b");
  await vi.waitFor(() => expect(fleet?.fault()).toContain("EK_FLEET_INVALID: a cluster service.b clashes"), PATIENCE);
  expect(logged.at(-1)).toBe(fleet?.fault());
  expect(clusters()).toEqual(["x"]);
  await writeProxy("a");
  await vi.waitFor(() => expect(clusters()).toEqual(["x", "service.b"]), PATIENCE);
  expect(fleet?.fault()).toBeUndefined();
  expect(told).toBe(2);
});

it("has no fleet while the first one clashes, and says why", async () => {
  await writeProxy("a");
  const listeners = new Set<() => void>();
  const late: FleetSource = {
    ...noFleet(),
    current: () => undefined,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  await open(late);
  const cluster = { name: "service.a", endpoints: [], protocol: "http1", connectTimeoutMs: 1000 } as const;
  late.current = () => ({ clusters: new Map([["service.a", cluster]]), listeners: new Map() });
  for (const listener of listeners) listener();
  expect(fleet?.current()).toBeUndefined();
  expect(fleet?.fault()).toContain(proxyPath);
});
