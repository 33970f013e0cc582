import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type Child, startChild } from "../../common/child.ts";
import { freePorts } from "../../common/ports.ts";
import { type Mesh, makeMesh } from "../../xds/tls/test-support.ts";
import { type Backend, countBody, startBackend } from "./support/backend.ts";

const CLI = join(import.meta.dirname, "../../cli/evenkeel.ts");
const PATIENCE = { timeout: 60_000, interval: 100 };
const GATEWAY = "spiffe://test/gateway";

let mesh: Mesh;
let folder: string;
let backend: Backend;
let ports: { xds: number; console: number; door: number };
const running: Child[] = [];

async function evenkeel(name: string, args: string[]): Promise<Child> {
  const child = await startChild(process.execPath, [CLI, ...args], { name });
  running.push(child);
  return child;
}

const get = async (url: string) => {
  const answer = await fetch(url).catch(() => undefined);
  return answer?.ok === true ? await answer.text() : undefined;
};

beforeAll(async () => {
  mesh = await makeMesh();
  folder = mkdtempSync(join(tmpdir(), "evenkeel-tls-whole-"));
  backend = await startBackend(countBody);
  const [xds = 0, console = 0, door = 0] = await freePorts(3);
  ports = { xds, console, door };
  const fleet = join(folder, "fleet.yaml");
  writeFileSync(
    fleet,
    `
clusters:
  - { name: a, endpoints: [{ address: 127.0.0.1, port: ${backend.port} }] }
listeners:
  - { name: door, address: 127.0.0.1, port: ${door}, routes: [{ prefix: /, cluster: a }] }
`,
  );
  const own = await mesh.leaf("server", "DNS:control-plane.test");
  await evenkeel("control-plane", [
    "control-plane",
    ...["--fleet", fleet, "--xds-port", String(xds), "--http-port", String(console)],
    ...["--tls", "files", "--tls-cert", own.certificate, "--tls-key", own.key, "--tls-ca", join(mesh.folder, "ca.crt")],
    ...["--allowed-clients", GATEWAY],
  ]);
  await vi.waitFor(async () => expect(await get(`http://127.0.0.1:${console}/readyz`)).toBeDefined(), PATIENCE);
}, 120_000);

afterAll(async () => {
  for (const child of running.reverse()) await child.stop();
  await backend?.stop();
  mesh?.remove();
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});

async function envoy(name: string, names: string) {
  const { certificate, key } = await mesh.leaf(name, `URI:${GATEWAY}`);
  const [admin = 0] = await freePorts(1);
  const child = await evenkeel(name, [
    "envoy",
    ...["--xds", `127.0.0.1:${ports.xds}`, "--node-id", name, "--admin-port", String(admin), "--drain-timeout", "0s"],
    ...["--xds-cert", certificate, "--xds-key", key, "--xds-ca", join(mesh.folder, "ca.crt"), "--xds-names", names],
  ]);
  const serials = async () => (await get(`http://127.0.0.1:${admin}/certs`))?.match(/"serial_number": "[^"]+"/g) ?? [];
  const failures = async () =>
    Number(
      (await get(`http://127.0.0.1:${admin}/stats?filter=evenkeel-xds.ssl.fail_verify_san`))?.match(/: (\d+)/)?.[1],
    );
  return { child, certificate, key, serials, failures };
}

it("an Envoy and a control plane that know each other by certificates serve requests; a renewed certificate is taken", async () => {
  const gateway = await envoy("gateway", "control-plane.test");
  await expect.poll(() => get(`http://127.0.0.1:${ports.door}/`), PATIENCE).toBeDefined();
  expect(await get(`http://127.0.0.1:${ports.console}/clients`)).toContain(GATEWAY);

  const before = await gateway.serials();
  const renewed = await mesh.leaf("renewed", `URI:${GATEWAY}`);
  renameSync(renewed.key, gateway.key);
  renameSync(renewed.certificate, gateway.certificate);
  await expect.poll(gateway.serials, PATIENCE).not.toEqual(before);
  expect(await get(`http://127.0.0.1:${ports.door}/`)).toBeDefined();
  await gateway.child.stop();
});

it("a control plane whose certificate is of another name is told nothing and obeyed in nothing", async () => {
  const wary = await envoy("wary", "other.test");
  await expect.poll(wary.failures, PATIENCE).toBeGreaterThan(0);
  expect(await get(`http://127.0.0.1:${ports.console}/clients`)).not.toContain("wary");
  await wary.child.stop();
});
