import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type sendUnaryData,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type IstioCertificateRequest,
  type IstioCertificateResponse,
  IstioCertificateServiceService,
} from "../../proto/generated/istio/v1/auth/ca.ts";
import { run } from "../../test/rig/run.ts";
import { checkIdentity } from "./identity.ts";
import { identityOfIstio, renewalDelayMs, requestIdentity, spiffeIdOfToken } from "./istio.ts";
import { type Mesh, makeMesh } from "./test-support.ts";

const ID = "spiffe://cluster.local/ns/evenkeel/sa/evenkeel-control-plane";
/** As istiod's MAX_WORKLOAD_CERT_TTL. */
const MOST_SECONDS = 7200n;
const log = pino({ level: "silent" });

let mesh: Mesh;
let server: Server;
let address: string;
/** How many requests are refused before the next is granted. */
let refusals = 0;
const asked: { authorization: string; clusterId: string; seconds: bigint }[] = [];

beforeAll(async () => {
  mesh = await makeMesh();
  const own = await mesh.leaf("istiod", "DNS:localhost");
  server = new Server();
  server.addService(IstioCertificateServiceService, {
    createCertificate: (call: Call, done: Done) => void answer(call, done),
  } as UntypedServiceImplementation);
  const pair = { cert_chain: readFileSync(own.certificate), private_key: readFileSync(own.key) };
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createSsl(null, [pair]), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  address = `localhost:${port}`;
  const claims = Buffer.from(JSON.stringify({ sub: "system:serviceaccount:evenkeel:evenkeel-control-plane" }));
  writeFileSync(join(mesh.folder, "token"), `e30.${claims.toString("base64url")}.sig\n`);
}, 60_000);

afterAll(() => {
  server?.forceShutdown();
  mesh?.remove();
});

type Call = ServerUnaryCall<IstioCertificateRequest, IstioCertificateResponse>;
type Done = sendUnaryData<IstioCertificateResponse>;

/** Signs what it is asked for, as a CA does. */
async function answer(call: Call, done: Done): Promise<void> {
  asked.push({
    authorization: String(call.metadata.get("authorization")[0]),
    clusterId: String(call.metadata.get("clusterid")[0]),
    seconds: call.request.validityDuration,
  });
  if (call.request.validityDuration > MOST_SECONDS) {
    const details = `CSR signing error (requested TTL is greater than the max allowed TTL ${MOST_SECONDS}s)`;
    done({ code: status.INTERNAL, details });
    return;
  }
  if (refusals > 0) {
    refusals -= 1;
    done({ code: status.UNAVAILABLE, details: "not yet" });
    return;
  }
  const at = (name: string) => join(mesh.folder, name);
  writeFileSync(at("asked.csr"), call.request.csr);
  const files = ["-in", at("asked.csr"), "-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-set_serial", "7"];
  const signed = await run("openssl", ["x509", "-req", ...files, "-copy_extensions", "copy", "-days", "1"]);
  done(null, { certChain: [signed, mesh.root] });
}

const authority = (more: object = {}) => ({
  address,
  tokenFile: join(mesh.folder, "token"),
  rootsFile: join(mesh.folder, "ca.crt"),
  trustDomain: "cluster.local",
  clusterId: "Kubernetes",
  validMs: 5400_000,
  ...more,
});

test("gets a certificate of the account that the token is of", async () => {
  const { identity, untilMs } = await requestIdentity(authority());
  expect(checkIdentity(identity, "test").spiffeId).toBe(ID);
  expect(untilMs).toBeGreaterThan(Date.now());
  expect(identity.roots.match(/BEGIN/g)).toHaveLength(1);
  expect(asked.at(-1)).toEqual({
    authorization: expect.stringMatching(/^Bearer e30\./),
    clusterId: "Kubernetes",
    seconds: 5400n,
  });
});

test("says which setting asks for less than istiod grants", async () => {
  const asking = requestIdentity(authority({ validMs: 24 * 3_600_000 }));
  await expect(asking).rejects.toMatchObject({
    code: "EK_CA_UNREACHABLE",
    next: expect.stringContaining("--istio-cert-ttl"),
  });
});

test("asks an authority that is not ready again, until it is stopped", async () => {
  refusals = 1;
  const { current, close } = await identityOfIstio(authority(), { log, signal: new AbortController().signal });
  expect(current).toBeDefined();
  close();
  const waiting = identityOfIstio(authority({ address: "localhost:1" }), { log, signal: AbortSignal.timeout(200) });
  await expect(waiting).rejects.toMatchObject({ code: "EK_STOPPED" });
});

test("trusts nobody but the mesh's root", async () => {
  const other = await makeMesh();
  try {
    const asking = requestIdentity(authority({ rootsFile: join(other.folder, "ca.crt") }));
    await expect(asking).rejects.toMatchObject({ code: "EK_CA_UNREACHABLE" });
  } finally {
    other.remove();
  }
});

test.each(["", "not.a.token", `a.${Buffer.from('{"sub":"me"}').toString("base64url")}.b`])(
  "%s is no account's token",
  (token) => {
    expect(() => spiffeIdOfToken(token, "cluster.local")).toThrow("service account");
  },
);

test.each([
  [100_000, 0, 50_000],
  [100_000, 90_000, 10_000],
  [90_000, 100_000, 10_000],
  [365 * 24 * 3_600_000, 0, 20 * 24 * 3_600_000],
])("valid until %i, at %i: renewed after %i ms", (untilMs, nowMs, delayMs) => {
  expect(renewalDelayMs({ untilMs }, nowMs)).toBe(delayMs);
});
