import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, it, vi } from "vitest";

// Each starts the command itself on a machine that may be very busy.
vi.setConfig({ testTimeout: 120_000 });

const EVENKEEL = join(import.meta.dirname, "..", "cli", "evenkeel.ts");
const FLEET = "clusters: [{ name: a, endpoints: [] }]\n";

let folder: string;
let fleet: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "control-plane-"));
  fleet = join(folder, "fleet.yaml");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** Runs the command to its end; one that stays alive fails by the time limit, without an exit code. */
async function end(...args: string[]): Promise<{ code: number | undefined; stderr: string }> {
  try {
    const { stderr } = await promisify(execFile)(process.execPath, [EVENKEEL, "control-plane", ...args], {
      timeout: 60_000,
      killSignal: "SIGKILL",
    });
    return { code: 0, stderr };
  } catch (error) {
    const { code, stderr } = error as { code?: number | null; stderr: string };
    return { code: code ?? undefined, stderr };
  }
}

it("ends at once when the fleet file is not there", async () => {
  const { code, stderr } = await end("--fleet", fleet);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^EK_FILE_UNREADABLE .*fleet\.yaml: the fleet file cannot be read: ENOENT/);
});

it("ends at once when the fleet is wrong, and says in which line", async () => {
  await writeFile(fleet, `${FLEET}nonsense: 1\n`);
  const { code, stderr } = await end("--fleet", fleet);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^EK_FLEET_INVALID .*fleet\.yaml:2:1: nonsense is not a known key/);
});

it.each(["--http-port", "--xds-port"])("ends when its %s is taken", async (flag) => {
  await writeFile(fleet, FLEET);
  const rival = createServer();
  await new Promise<void>((resolve) => rival.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = rival.address() as { port: number };
    const ports = new Map([
      ["--http-port", "0"],
      ["--xds-port", "0"],
    ]).set(flag, String(port));
    const { code, stderr } = await end("--fleet", fleet, "--settle-timeout", "0s", ...[...ports].flat());
    expect(code).toBe(1);
    expect(stderr).toContain(`EK_PORT_IN_USE 127.0.0.1:${port}: `);
  } finally {
    rival.close();
  }
});

it("ends at once without anything to serve, and names the three ways", async () => {
  const { code, stderr } = await end();
  expect(code).toBe(1);
  expect(stderr).toMatch(/^EK_SETTING_INVALID .*--fleet is missing.*--kubernetes.*--proxy-config/);
});

it("ends at once when a setting would be passed over", async () => {
  const { code, stderr } = await end("--fleet", fleet, "--service", "shop/web:80");
  expect(code).toBe(1);
  expect(stderr).toMatch(/^EK_SETTING_INVALID.*without --kubernetes nobody looks at --service/);
});

it("ends at once when the reverse proxy's configuration is wrong, or clashes with the fleet, and says in which line", async () => {
  const config = join(folder, "config.yaml");
  await writeFile(config, "proxy: {}\n");
  const bad = await end("--proxy-config", config);
  expect(bad.code).toBe(1);
  expect(bad.stderr).toContain(`EK_PROXY_CONFIG_INVALID ${config}:1:8: `);
  await writeFile(fleet, FLEET.replace("name: a", "name: service.a"));
  const services = "  services:\n    - { name: a, domain: a.example.com, hosts: [{ address: 10.0.0.1 }] }\n";
  await writeFile(config, `proxy:\n  listen: { port: 8080 }\n${services}`);
  const clash = await end("--proxy-config", config, "--fleet", fleet);
  expect(clash.code).toBe(1);
  expect(clash.stderr).toContain(
    `EK_PROXY_CONFIG_INVALID ${config}:4:15: proxy.services[0].name clashes with the fleet`,
  );
});
