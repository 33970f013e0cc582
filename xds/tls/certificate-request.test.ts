import { generateKeyPairSync, X509Certificate } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../test/rig/run.ts";
import { certificateRequest } from "./certificate-request.ts";
import { type Mesh, makeMesh } from "./test-support.ts";

let mesh: Mesh;

beforeAll(async () => {
  mesh = await makeMesh();
}, 60_000);

afterAll(() => mesh?.remove());

/** openssl signs a request only when its own signature is right. */
async function sign(request: string): Promise<X509Certificate> {
  writeFileSync(join(mesh.folder, "a.csr"), request);
  const files = ["-in", "a.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-set_serial", "7", "-days", "1"];
  const args = ["x509", "-req", "-copy_extensions", "copy", ...files];
  return new X509Certificate(await run("openssl", args, { cwd: mesh.folder }));
}

test("an authority finds a request good, and its name and key in it", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const id = `spiffe://cluster.local/ns/${"n".repeat(63)}/sa/${"s".repeat(120)}`;
  const certificate = await sign(certificateRequest(privateKey, id));
  expect(certificate.subjectAltName).toBe(`URI:${id}`);
  expect(certificate.checkPrivateKey(privateKey)).toBe(true);
  expect(certificate.subject ?? "").toBe("");
});

test("one that was changed is refused", async () => {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
  const pem = certificateRequest(privateKey, "spiffe://cluster.local/ns/a/sa/b");
  const der = Buffer.from(pem.replaceAll(/-----.*-----|\n/g, ""), "base64");
  der[der.indexOf("/ns/a") + 4] = "x".charCodeAt(0);
  const changed = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
  await expect(sign(changed)).rejects.toMatchObject({ code: "EK_CHILD_FAILED" });
});
