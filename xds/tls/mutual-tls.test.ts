import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { credentials, Metadata, status } from "@grpc/grpc-js";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { AggregatedDiscoveryServiceClient } from "../../proto/generated/envoy/service/discovery/v3/ads.ts";
import { DiscoveryRequest } from "../../proto/generated/envoy/service/discovery/v3/discovery.ts";
import { HealthClient } from "../../proto/generated/grpc/health/v1/health.ts";
import { startTestServer, Talk, type TestServer } from "../server/test-server.ts";
import { EDS, put } from "../server/test-support.ts";
import { admission, clientIdentity } from "./admission.ts";
import { mutualTls } from "./credentials.ts";
import { identityOfFiles } from "./files.ts";
import { type Mesh, makeMesh } from "./test-support.ts";

const log = pino({ level: "silent" });
const SHOP = "spiffe://cluster.local/ns/shop/sa/ps-s0";
const LONG = { timeout: 60_000, interval: 20 };

let mesh: Mesh;
let tested: TestServer;
let files: ReturnType<typeof identityOfFiles>;
const own = { certificate: "", key: "", roots: "" };

beforeAll(async () => {
  mesh = await makeMesh();
  Object.assign(own, await mesh.leaf("server", "DNS:localhost"), { roots: join(mesh.folder, "ca.crt") });
  files = identityOfFiles(own, { log, pollMs: 50 });
  tested = await startTestServer({
    credentials: mutualTls(files.current),
    interceptors: [admission(["spiffe://cluster.local/ns/shop/sa/*"], log)],
    identify: clientIdentity,
  });
  put(tested.store, [EDS, "a"]);
}, 60_000);

afterAll(async () => {
  files?.close();
  await tested?.server.stop(0);
  mesh?.remove();
});

async function shown(name: string, names: string, from = mesh) {
  const { key, certificates } = await from.identity(name, names);
  return credentials.createSsl(Buffer.from(mesh.root), Buffer.from(key), Buffer.from(certificates));
}

function ask(how: ReturnType<typeof credentials.createSsl>) {
  const client = new AggregatedDiscoveryServiceClient(`localhost:${tested.server.port}`, how);
  const talk = new Talk(client.streamAggregatedResources());
  talk.say(DiscoveryRequest.fromPartial({ node: { id: "gateway" }, typeUrl: EDS, resourceNames: ["a"] }));
  const end = () => {
    talk.hangUp();
    client.close();
  };
  return { talk, end };
}

test("a client of the mesh is served, and known by its SPIFFE id", async () => {
  const { talk, end } = ask(await shown("shop", `URI:${SHOP}`));
  expect((await talk.next()).resources).toHaveLength(1);
  expect(tested.server.clients()).toMatchObject([{ nodeId: "gateway", identity: SHOP }]);
  end();
});

test.each([
  ["without a certificate", async () => credentials.createSsl(Buffer.from(mesh.root)), status.UNAVAILABLE],
  [
    "whose certificate another authority signed",
    async () => {
      const other = await makeMesh();
      const how = await shown("foreign", `URI:${SHOP}`, other);
      other.remove();
      return how;
    },
    status.UNAVAILABLE,
  ],
  [
    "of a namespace that is not allowed",
    () => shown("bank", "URI:spiffe://cluster.local/ns/bank/sa/a"),
    status.PERMISSION_DENIED,
  ],
  ["without a SPIFFE id", () => shown("nobody", "DNS:gateway"), status.PERMISSION_DENIED],
])("one %s is refused", async (_who, how, code) => {
  const { talk, end } = ask(await how());
  expect((await talk.failure()).code).toBe(code);
  end();
});

test("other services ask for the same rights", async () => {
  const how = await shown("bank-2", "URI:spiffe://cluster.local/ns/bank/sa/a");
  const client = new HealthClient(`localhost:${tested.server.port}`, how);
  const code = await new Promise((resolve) => {
    client.check({ service: "" }, (error) => resolve(error?.code));
  });
  expect(code).toBe(status.PERMISSION_DENIED);
  client.close();
});

test("a new certificate is shown to new clients; one that does not fit its key is passed over", async () => {
  const next = await mesh.leaf("next", "DNS:localhost,DNS:renewed");
  // Another key: until both files are there, they do not fit.
  writeFileSync(own.certificate, readFileSync(next.certificate));
  const how = () => shown("shop-2", `URI:${SHOP}`);
  const before = ask(await how());
  await before.talk.next();
  before.end();
  writeFileSync(own.key, readFileSync(next.key));
  const { key, certificates } = await mesh.identity("shop-3", `URI:${SHOP}`);
  const renewed = () =>
    new Promise<boolean>((resolve) => {
      const client = new HealthClient(
        `localhost:${tested.server.port}`,
        credentials.createSsl(Buffer.from(mesh.root), Buffer.from(key), Buffer.from(certificates)),
        { "grpc.ssl_target_name_override": "renewed" },
      );
      client.check({ service: "" }, new Metadata(), { deadline: Date.now() + 5000 }, (error) => {
        client.close();
        resolve(error === null);
      });
    });
  await vi.waitFor(async () => expect(await renewed()).toBe(true), LONG);
}, 90_000);
