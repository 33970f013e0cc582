import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../test/rig/run.ts";
import { checkIdentity, type Identity } from "./identity.ts";
import { type Mesh, makeMesh } from "./test-support.ts";

const INVALID = expect.objectContaining({ code: "EK_TLS_INVALID" });

let mesh: Mesh;
let whole: Identity;

beforeAll(async () => {
  mesh = await makeMesh();
  whole = await mesh.identity("server", "DNS:localhost");
}, 60_000);

afterAll(() => mesh?.remove());

test("a chain and roots of several certificates are taken, with text between them", () => {
  const chain = `of the server\n${whole.certificates}of its authority\n${mesh.root}`;
  const { untilMs } = checkIdentity({ ...whole, certificates: chain, roots: `${mesh.root}\n${mesh.root}` }, "test");
  expect(untilMs).toBeGreaterThan(Date.now());
});

test.each<[string, (pem: string) => string]>([
  ["is not base64", (pem) => pem.replace("MII", "!II")],
  ["is cut off", (pem) => pem.slice(0, pem.length / 2)],
  ["has lost a line", (pem) => pem.replace(/(?<=-\n)\S+\n/, "")],
])("what comes after a good certificate and %s is refused, in the chain and among the roots", (_what, damage) => {
  const damaged = damage(mesh.root);
  for (const part of [{ certificates: whole.certificates + damaged }, { roots: mesh.root + damaged }])
    expect(() => checkIdentity({ ...whole, ...part }, "test")).toThrow(INVALID);
});

test("another certificate's key is refused, and a pair that TLS holds for too weak", async () => {
  const { key } = await mesh.identity("other", "DNS:localhost");
  expect(() => checkIdentity({ ...whole, key }, "test")).toThrow("the key is not the certificate's own");
  const files = ["-newkey", "rsa:512", "-nodes", "-keyout", "weak.key", "-out", "weak.crt"];
  await run("openssl", ["req", "-x509", "-subj", "/CN=weak", ...files], { cwd: mesh.folder });
  const [certificates, weakKey] = ["weak.crt", "weak.key"].map((name) => readFileSync(join(mesh.folder, name), "utf8"));
  const weak = { certificates: certificates as string, key: weakKey as string, roots: mesh.root };
  expect(() => checkIdentity(weak, "test")).toThrow(INVALID);
});
