import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { freePorts } from "../../../common/ports.ts";
import { bootstrap } from "../../../sidecar/bootstrap/bootstrap.ts";
import { findEnvoy } from "../../../sidecar/envoy/find.ts";
import { runEnvoy } from "../../../sidecar/envoy/run.ts";
import type { ClientStatus } from "../../../xds/server/client-status.ts";
import { type Mesh, makeMesh } from "../../../xds/tls/test-support.ts";
import { type Answer, send } from "../support/client.ts";
import { type Arrived, type Host, startHost } from "./hosts.ts";
import type { LoggingChild } from "./log-lines.ts";
import { at, configText, replaceFile, service, type WrittenService } from "./process.ts";
import { type ServedProxy, startServedProxy } from "./served.ts";

// Two slow cores that do other things besides: only what never comes is a failure.
vi.setConfig({ testTimeout: 300_000, hookTimeout: 600_000 });
const PATIENCE = { timeout: 60_000, interval: 100 };

const hosts: Host[] = [];
let echo: Host;
let other: Host;
let slow: Host;

async function host(...options: Parameters<typeof startHost>): Promise<Host> {
  const started = await startHost(...options);
  hosts.push(started);
  return started;
}

beforeAll(async () => {
  [echo, other] = [await host(), await host()];
  slow = await host({
    listener: (asked, response) => {
      asked.resume();
      response.write("began ");
      setTimeout(() => response.end("ended"), 3000);
    },
  });
});
afterAll(() => Promise.all(hosts.map((started) => started.stop())));

const ask = (served: ServedProxy, name: string, path = "/"): Promise<Answer> =>
  send(`${served.url}${path}`, { headers: { host: `${name}.example.com` } });
const statusOf = async (served: ServedProxy, name: string) => (await ask(served, name)).status;
const page = async (served: ServedProxy, path: string) => await (await fetch(`${served.consoleUrl}${path}`)).text();
const clients = async (served: ServedProxy) => JSON.parse(await page(served, "/clients")) as ClientStatus[];
const states = async (served: ServedProxy) => (await clients(served)).flatMap(({ types }) => types);

describe.each(["delta", "sotw"])("an Envoy that asks the control plane over %s ADS", (protocol) => {
  let served: ServedProxy;
  let envoy: LoggingChild;
  let services: WrittenService[];

  beforeAll(async () => {
    services = [
      service("echo", at(echo)),
      service("both", at(echo), at(other)),
      service("slow", at(slow)),
      { ...service("named", { address: `http://localhost:${echo.port}` }), rewriteHost: true },
      { ...service("placed", at(echo)), rewriteHost: true },
    ];
    served = await startServedProxy(services, async () => ["--proxy-ca-file", "/no/such/authorities.crt"]);
    envoy = await served.startEnvoy("--xds-protocol", protocol);
  });
  afterAll(() => served?.stop());

  it("sends each request to a host of its domain's service, as it came", async () => {
    const before = [echo.requests(), other.requests()];
    for (let turn = 0; turn < 40; turn++) {
      const answer = await ask(served, "both", "/a//b?c=%2F");
      const arrived = JSON.parse(answer.body) as Arrived;
      expect(arrived.url).toBe("/a//b?c=%2F");
      expect(arrived.rawHeaders.join(" ")).toContain("both.example.com");
    }
    const got = [echo.requests() - (before[0] ?? 0), other.requests() - (before[1] ?? 0)];
    // That one of two hosts gets none of 40 happens once in 5 * 10^11 times.
    expect(Math.min(...got)).toBeGreaterThan(0);
    expect(await ask(served, "unknown")).toMatchObject({ status: 404 });
    expect(await ask(served, "unknown", "/api/v2/_health_check")).toMatchObject({
      status: 200,
      body: "Health-check reverse-proxy is working!!!!!",
    });
  });

  it.each([
    ["named", () => `localhost:${echo.port}`],
    ["placed", () => `127.0.0.1:${echo.port}`],
  ])("gives a host its own name where that is wished, and the client's besides (%s)", async (name, own) => {
    const { rawHeaders } = JSON.parse((await ask(served, name)).body) as Arrived;
    const value = (key: string) => rawHeaders[rawHeaders.findIndex((one) => one.toLowerCase() === key) + 1];
    expect(value("host")).toBe(own());
    expect(value("x-forwarded-host")).toBe(`${name}.example.com`);
  });

  it("is shown in the console, with what it has", async () => {
    await vi.waitFor(async () => {
      const shown = (await states(served)).map(({ typeUrl, state }) => [typeUrl.replace(/.*\./, ""), state]);
      expect(new Map(shown as [string, string][])).toEqual(
        new Map([
          ["Cluster", "synced"],
          ["Listener", "synced"],
          ["RouteConfiguration", "synced"],
        ]),
      );
    }, PATIENCE);
    expect(await page(served, "/metrics")).toContain(`evenkeel_resources{type="Cluster"} ${services.length}`);
    // Nothing is weighed here: no Envoy is asked to tell the load of each host.
    expect(await page(served, "/metrics")).toMatch(/^evenkeel_xds_load_reports_total 0$/m);
  });

  it("takes an edit without cutting what is under way", async () => {
    const requests = slow.requests();
    const underWay = ask(served, "slow");
    await vi.waitFor(() => expect(slow.requests()).toBe(requests + 1), PATIENCE);
    await served.writeServices([
      ...services.filter(({ name }) => name !== "slow"),
      service("new", at(other)),
      service("unresolved", { address: "no-such-host.invalid", port: 1 }, at(echo)),
    ]);
    await vi.waitFor(async () => expect(await statusOf(served, "new")).toBe(200), PATIENCE);
    expect(await statusOf(served, "slow")).toBe(404);
    expect(await underWay).toMatchObject({ status: 200, body: "began ended" });
    expect(await statusOf(served, "unresolved")).toBe(200);
    await served.writeServices(services);
    await vi.waitFor(async () => expect(await statusOf(served, "slow")).toBe(200), PATIENCE);
    expect(envoy.child.lastLines().join("\n")).not.toMatch(/critical|assert/);
  });

  it.each([
    ["empty", () => "", ":1:1: the file is empty"],
    ["nonsense", () => "{]", ":1:2: "],
    [
      "a port of 65536",
      () => configText(65_536, [service("echo", { address: "10.0.0.1" })]),
      ":4:11: proxy.listen.port 65536 is not a port",
    ],
    [
      "a name twice",
      () => configText(served.port, [service("echo", at(echo)), { ...service("echo", at(echo)), domain: "x" }]),
      ":11:13: proxy.services[1].name echo is taken",
    ],
    [
      "rewriteHost that is a text",
      () => `${configText(served.port, [service("echo", at(echo))])}      rewriteHost: "yes"\n`,
      ":11:20: proxy.services[0].rewriteHost is not true or false",
    ],
  ])("is not told of a bad edit (%s), which is named with its line", async (_, text, expected) => {
    await served.write(text());
    expect(JSON.parse(await served.controlPlane.logged("EK_PROXY_CONFIG_INVALID")).msg).toContain(
      `${served.path}${expected}`,
    );
    expect(await statusOf(served, "echo")).toBe(200);
    await served.writeServices(services);
    await served.controlPlane.logged("as it was before the bad edit");
  });

  it("refuses what it cannot have, is named with its reason, and serves the rest", async () => {
    const tls = service("tls", { address: "https://localhost:1" });
    await served.writeServices([...services, tls, service("new", at(other))]);
    const refusal = await served.controlPlane.logged("a client refused a response");
    expect(refusal).toContain("/no/such/authorities.crt");
    await vi.waitFor(async () => expect(await statusOf(served, "new")).toBe(200), PATIENCE);
    expect(await statusOf(served, "tls")).toBe(503);
    expect((await states(served)).map(({ state }) => state)).toContain("error");
    await served.writeServices(services);
    await vi.waitFor(async () => {
      expect(new Set((await states(served)).map(({ state }) => state))).toEqual(new Set(["synced"]));
    }, PATIENCE);
  });

  it("keeps its place when it cannot have another", async () => {
    await served.write(configText(echo.port, services));
    const refusal = await served.controlPlane.logged("a client refused a response");
    expect(refusal).toMatch(/[Aa]ddress already in use/);
    expect(await statusOf(served, "both")).toBe(200);
    const [port = 0] = await freePorts(1);
    await served.write(configText(port, services));
    await vi.waitFor(async () => {
      const answer = await send(`http://127.0.0.1:${port}/`, { headers: { host: "echo.example.com" } });
      expect(answer.status).toBe(200);
    }, PATIENCE);
    await served.writeServices(services);
    await vi.waitFor(async () => expect(await statusOf(served, "echo")).toBe(200), PATIENCE);
  });

  it("goes on while the control plane is away, and hears of edits from the next", async () => {
    served.controlPlane.child.signal("SIGKILL");
    await served.controlPlane.child.exited;
    expect(await statusOf(served, "both")).toBe(200);
    await served.writeServices([...services, service("new", at(other))]);
    await served.restartControlPlane();
    await vi.waitFor(async () => expect(await statusOf(served, "new")).toBe(200), PATIENCE);
    expect(await statusOf(served, "both")).toBe(200);
  });
});

describe("beside a fleet", () => {
  let served: ServedProxy;
  let door: number;
  let fleetFile: string;
  const fleetText = (cluster: string) =>
    `clusters:\n  - { name: ${cluster}, endpoints: [{ address: 127.0.0.1, port: ${other.port} }] }\n` +
    `listeners:\n  - { name: door, address: 127.0.0.1, port: ${door}, routes: [{ prefix: /, cluster: ${cluster} }] }\n`;

  beforeAll(async () => {
    [door = 0] = await freePorts(1);
    served = await startServedProxy([service("echo", at(echo))], async (folder) => {
      fleetFile = join(folder, "fleet.yaml");
      await writeFile(fleetFile, fleetText("workers"));
      return ["--fleet", fleetFile, "--settle-timeout", "0s"];
    });
    await served.startEnvoy();
  });
  afterAll(() => served?.stop());

  it("both are served, each at its own place", async () => {
    await vi.waitFor(async () => {
      const before = other.requests();
      expect((await send(`http://127.0.0.1:${door}/`)).status).toBe(200);
      expect(other.requests()).toBe(before + 1);
    }, PATIENCE);
    const before = echo.requests();
    expect(await statusOf(served, "echo")).toBe(200);
    expect(echo.requests()).toBe(before + 1);
  });

  it("an edit of either that clashes with the other is refused, and taken when the other gives way", async () => {
    const two = [service("echo", at(echo)), { ...service("workers", at(echo)), name: "taken" }];
    await replaceFile(fleetFile, fleetText("service.taken"));
    await vi.waitFor(async () => expect(await page(served, "/fleet")).toContain("service.taken"), PATIENCE);
    await served.writeServices(two);
    expect(await served.controlPlane.logged("EK_PROXY_CONFIG_INVALID")).toContain(
      `${served.path}:11:13: proxy.services[1].name clashes with the fleet, which has a cluster service.taken`,
    );
    expect(await statusOf(served, "echo")).toBe(200);
    expect(await statusOf(served, "workers")).toBe(404);
    await replaceFile(fleetFile, fleetText("workers"));
    await vi.waitFor(async () => expect(await statusOf(served, "workers")).toBe(200), PATIENCE);

    await replaceFile(fleetFile, fleetText("service.taken"));
    await served.controlPlane.logged("EK_FLEET_INVALID");
    expect(JSON.parse(await page(served, "/fleet"))).toMatchObject({
      fault: expect.stringContaining("a cluster service.taken clashes with the reverse proxy"),
      clusters: [{ name: "workers" }],
    });
    expect((await send(`http://127.0.0.1:${door}/`)).status).toBe(200);
    expect(await statusOf(served, "workers")).toBe(200);
  });
});

describe("over mutual TLS", () => {
  let mesh: Mesh;
  beforeAll(async () => {
    mesh = await makeMesh();
  });
  afterAll(() => mesh?.remove());

  it("an Envoy is served when it proves who it is, and known by that", async () => {
    const id = "spiffe://cluster.local/ns/default/sa/reverse-proxy";
    const own = await mesh.leaf("server", "DNS:localhost");
    const client = await mesh.leaf("client", `URI:${id}`);
    const ca = join(mesh.folder, "ca.crt");
    const served = await startServedProxy([service("echo", at(echo))], async () => [
      ...["--tls", "files", "--tls-cert", own.certificate, "--tls-key", own.key, "--tls-ca", ca],
      ...["--allowed-clients", "spiffe://cluster.local/ns/default/sa/*"],
    ]);
    const config = bootstrap({
      nodeId: "proved",
      nodeCluster: "test",
      xds: [{ address: "127.0.0.1", port: served.xdsPort }],
    }) as { static_resources: { clusters: Record<string, unknown>[] } };
    const [xds] = config.static_resources.clusters;
    Object.assign(xds as object, { transport_socket: tlsSocket({ ...client, ca }) });
    const envoy = await runEnvoy({ binary: await findEnvoy(), name: "envoy", config, concurrency: 1 });
    try {
      await vi.waitFor(async () => expect(await statusOf(served, "echo")).toBe(200), PATIENCE);
      expect(await clients(served)).toMatchObject([{ nodeId: "proved", identity: id }]);
    } finally {
      await envoy.stop();
      await served.stop();
    }
  });
});

function tlsSocket(files: { readonly certificate: string; readonly key: string; readonly ca: string }): object {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
      sni: "localhost",
      common_tls_context: {
        tls_certificates: [
          { certificate_chain: { filename: files.certificate }, private_key: { filename: files.key } },
        ],
        validation_context: { trusted_ca: { filename: files.ca } },
      },
    },
  };
}
